// SPDX-License-Identifier: Apache-2.0
// The C functions of the built-in modules lua/signalbox: choosing by weight or by key, hashes, the default
// classification, the shared store.
#ifndef POLICY_BUILTINS_H
#define POLICY_BUILTINS_H

#include <lua.h>

// Pushes the table of these functions onto the stack.
void builtins_push(lua_State *lua);

#endif

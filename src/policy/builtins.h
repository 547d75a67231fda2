// SPDX-License-Identifier: Apache-2.0
// What the modules that ship with the program do in C: choosing by weight or by key, hashes, and the default
// classification.
#ifndef POLICY_BUILTINS_H
#define POLICY_BUILTINS_H

#include <lua.h>

// Pushes the table of these functions.
void builtins_push(lua_State *lua);

#endif

// SPDX-License-Identifier: Apache-2.0
// The functions of `signalbox.shared`.
#ifndef POLICY_SHARED_LIBRARY_H
#define POLICY_SHARED_LIBRARY_H

#include <lua.h>

// Pushes the table { get, set, incr } of functions over the VM's store.
void shared_library_push(lua_State *lua);

#endif

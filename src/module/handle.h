// SPDX-License-Identifier: Apache-2.0
// A mux in the host's Lua: signalbox.new and the methods of what it returns.
#ifndef MODULE_HANDLE_H
#define MODULE_HANDLE_H

#include <lua.h>

// signalbox.new(settings) -> mux; nil, message with every mistake.
int handle_new(lua_State *lua);

#endif

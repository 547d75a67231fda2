// SPDX-License-Identifier: Apache-2.0
// A streamed answer in the host's Lua: iterated by a for loop or by next(), given up when the loop is left, closed, or
// collected. Whole answers are calls of the same kind that no program sees.
#ifndef MODULE_STREAM_H
#define MODULE_STREAM_H

#include <lua.h>

#include "module/call.h"

// Pushes a call that is not begun yet (call_init), and keeps the value at `owner` alive as long as it.
struct call *stream_push(lua_State *lua, int owner);

#endif

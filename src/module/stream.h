// SPDX-License-Identifier: Apache-2.0
// A streamed response in the host's Lua: iterated by a for loop or by next(), and cancelled when it is closed (by
// leaving a for loop over the call itself, too) or collected. A whole response uses the same userdata, which its
// program never sees.
#ifndef MODULE_STREAM_H
#define MODULE_STREAM_H

#include <lua.h>

#include "module/call.h"

// Pushes a zeroed call, for call_init. The userdata keeps the value at `owner` alive.
struct call *stream_push(lua_State *lua, int owner);

#endif

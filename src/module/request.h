// SPDX-License-Identifier: Apache-2.0
// What a Lua program asks for, as a call: the table's members become model, headers and body.
#ifndef MODULE_REQUEST_H
#define MODULE_REQUEST_H

#include <lua.h>

#include "module/call.h"

// What `model` is where the request names none; every model serves it whose `serves` doesn't say otherwise.
#define REQUEST_DEFAULT_MODEL "default"

// Fills the call from the table at `index`. Raises for misuse, naming the member. A body beyond limits.body_bytes shows
// in its `failed`.
void request_read(lua_State *lua, int index, struct call *call);

#endif

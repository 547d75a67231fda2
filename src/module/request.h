// SPDX-License-Identifier: Apache-2.0
// Turns a request's table into a call: its members become model, headers and body.
#ifndef MODULE_REQUEST_H
#define MODULE_REQUEST_H

#include <lua.h>

#include "module/call.h"

// The model of a request that names none. A model of the pool serves it unless its `serves` excludes it.
#define REQUEST_DEFAULT_MODEL "default"

// Fills the call from the table at `index`. Raises for misuse, naming the member. If the body exceeds
// limits.body_bytes, `call->body.failed` is set.
void request_read(lua_State *lua, int index, struct call *call);

#endif

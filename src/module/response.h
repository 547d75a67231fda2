// SPDX-License-Identifier: Apache-2.0
// Responses, events and failures as tables.
#ifndef MODULE_RESPONSE_H
#define MODULE_RESPONSE_H

#include <lua.h>

#include "module/call.h"

// Pushes { model, attempts, request_id, latency_ms }: how the call was routed. A response has it as the member
// `signalbox`, a name that no model's own body has.
void response_push_route(lua_State *lua, const struct call *call);

// Pushes the response of a call that succeeded: the decoded body, or for InvokeModel { body, data, content_type }.
// False, with nothing pushed and the call marked as failed, if the body is no JSON object.
bool response_push_whole(lua_State *lua, struct call *call);

// Pushes { type, data } for an event, or for a chunk of InvokeModelWithResponseStream { type, bytes, data }. False,
// with nothing pushed and the call marked as failed, if the payload can't be read.
bool response_push_event(lua_State *lua, struct call *call, const struct eventstream_frame *frame);

// Pushes the error object of a call that failed.
void response_push_failure(lua_State *lua, const struct call *call);

#endif

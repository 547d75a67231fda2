// SPDX-License-Identifier: Apache-2.0
#include "module/response.h"

#include <lauxlib.h>

#include "base/base64.h"
#include "config/suggestion.h"
#include "module/type.h"
#include "module/value.h"

#define ERROR_TYPE "signalbox.error"

enum { ERROR_MEMBERS = 11 };

// Sets a member of the table at the top, unless the text is empty.
static void set_text(lua_State *lua, const char *name, struct slice text) {
	if (text.len == 0)
		return;
	lua_pushlstring(lua, text.ptr, text.len);
	lua_setfield(lua, -2, name);
}

static void set_number(lua_State *lua, const char *name, lua_Integer number) {
	lua_pushinteger(lua, number);
	lua_setfield(lua, -2, name);
}

void response_push_route(lua_State *lua, const struct call *call) {
	lua_createtable(lua, 0, 4);
	set_text(lua, "model", call->model);
	set_text(lua, "request_id", call->request_id);
	set_number(lua, "attempts", (lua_Integer)call->attempts);
	if (call->ended)
		set_number(lua, "latency_ms", (lua_Integer)call->latency_ms);
}

static bool is_invoke(const struct call *call) {
	return call->operation == OPERATION_INVOKE_MODEL || call->operation == OPERATION_INVOKE_MODEL_STREAM;
}

static void push_invoke_body(lua_State *lua, const struct call *call, struct slice body) {
	lua_createtable(lua, 0, 4);
	lua_pushlstring(lua, body.len ? body.ptr : "", body.len);
	lua_setfield(lua, -2, "body");
	if (value_push_json(lua, body, VALUE_KEEP_NULLS))
		lua_setfield(lua, -2, "data");
	set_text(lua, "content_type", call->content_type);
}

bool response_push_whole(lua_State *lua, struct call *call) {
	struct slice body = buffer_slice(&call->response);
	if (is_invoke(call)) {
		push_invoke_body(lua, call, body);
	} else if (!value_push_json(lua, body, VALUE_KEEP_NULLS)) {
		call_fail(call, TYPE_UNKNOWN, 200, SLICE("InvalidAnswer"), SLICE("The model's answer is no JSON."));
		return false;
	} else if (!lua_istable(lua, -1) || value_is_array(lua, -1)) {
		lua_pop(lua, 1);
		call_fail(call, TYPE_UNKNOWN, 200, SLICE("InvalidAnswer"), SLICE("The model's answer is no JSON object."));
		return false;
	}
	response_push_route(lua, call);
	lua_setfield(lua, -2, "signalbox");
	return true;
}

// event payload -> event payload, with the chunk's bytes in the event, and also decoded if they are JSON.
static bool unpack_chunk(lua_State *lua) {
	size_t length;
	if (!lua_istable(lua, -1) || lua_getfield(lua, -1, "bytes") != LUA_TSTRING) /* event payload text */
		return false;
	const char *text = lua_tolstring(lua, -1, &length);
	struct buffer *bytes = value_push_buffer(lua, length); /* event payload text buffer */
	if (base64_decode(slice_of(text, length), bytes) != 0)
		return false;
	lua_pushlstring(lua, bytes->len ? bytes->ptr : "", bytes->len);
	lua_setfield(lua, -5, "bytes");
	bool is_json = value_push_json(lua, buffer_slice(bytes), VALUE_KEEP_NULLS);
	buffer_free(bytes);
	if (is_json)
		lua_setfield(lua, -5, "data");
	lua_pop(lua, 2);
	return true;
}

static bool push_event(lua_State *lua, const struct call *call, const struct eventstream_frame *frame) {
	struct slice type = eventstream_frame_event(frame);
	lua_createtable(lua, 0, 3); /* event */
	lua_pushlstring(lua, type.ptr, type.len);
	lua_setfield(lua, -2, "type");
	if (!value_push_json(lua, frame->payload, VALUE_KEEP_NULLS))
		return false;
	if (is_invoke(call)) {
		if (!unpack_chunk(lua))
			return false;
		lua_pop(lua, 1);
		return true;
	}
	if (lua_istable(lua, -1)) { // the service pads events to hide the lengths of texts
		lua_pushnil(lua);
		lua_setfield(lua, -2, "p");
	}
	lua_setfield(lua, -2, "data");
	return true;
}

bool response_push_event(lua_State *lua, struct call *call, const struct eventstream_frame *frame) {
	int top = lua_gettop(lua);
	if (push_event(lua, call, frame))
		return true;
	lua_settop(lua, top);
	call_fail(call, TYPE_UNKNOWN, 200, SLICE("InvalidAnswer"), SLICE("An event of the stream can't be read."));
	return false;
}

static int error_to_string(lua_State *lua) {
	lua_settop(lua, 1);
	lua_getfield(lua, 1, "name");
	lua_getfield(lua, 1, "message");
	const char *name = lua_tostring(lua, 2), *message = lua_tostring(lua, 3);
	if (message)
		lua_pushfstring(lua, "%s: %s", name ? name : "error", message);
	else
		lua_pushstring(lua, name ? name : "error");
	return 1;
}

static void push_suggestions(lua_State *lua, enum error_type type) {
	const char *const *sentence = suggestion_list(type);
	lua_newtable(lua);
	for (lua_Integer i = 1; *sentence; i++, sentence++) {
		lua_pushstring(lua, *sentence);
		lua_rawseti(lua, -2, i);
	}
}

void response_push_failure(lua_State *lua, const struct call *call) {
	static const luaL_Reg own[] = {{"__tostring", error_to_string}, {NULL, NULL}};
	const struct call_failure *failure = &call->failure;
	lua_createtable(lua, 0, ERROR_MEMBERS);
	set_text(lua, "type", slice_from(error_type_name(failure->type)));
	lua_pushboolean(lua, error_type_is_retryable(failure->type));
	lua_setfield(lua, -2, "retryable");
	if (failure->retry_after_ms >= 0)
		set_number(lua, "retry_after_ms", failure->retry_after_ms);
	if (failure->status)
		set_number(lua, "status", failure->status);
	set_text(lua, "name", failure->name);
	set_text(lua, "message", failure->message);
	set_text(lua, "code", failure->code);
	set_text(lua, "model", call->model);
	set_text(lua, "request_id", call->request_id);
	set_number(lua, "attempts", (lua_Integer)call->attempts);
	push_suggestions(lua, failure->type);
	lua_setfield(lua, -2, "suggestions");
	if (!type_push(lua, ERROR_TYPE, own))
		type_register(lua, ERROR_TYPE);
	lua_setmetatable(lua, -2);
}

// SPDX-License-Identifier: Apache-2.0
// Converse and ConverseStream: every member except `model` becomes the body. CountTokens: the same, wrapped in `input`,
// unless the table has `input` itself. InvokeModel: the body has the model's own form, as text or as a table.
#include "module/request.h"

#include <lauxlib.h>
#include <string.h>

#include "module/value.h"

enum { MODEL_BYTES = 2048, HEADER_BYTES = 256 };

static struct slice text_at(lua_State *lua, int index) {
	size_t bytes;
	const char *text = lua_tolstring(lua, index, &bytes);
	return slice_of(text, bytes);
}

static bool is_printable(struct slice text, char least) {
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < least || text.ptr[i] > '~')
			return false;
	return text.len > 0;
}

// Pushes the member `name`, without metamethods; returns its type.
static int push_member(lua_State *lua, int index, const char *name) {
	lua_pushstring(lua, name);
	return lua_rawget(lua, index);
}

static void read_model(lua_State *lua, int index, struct call *call) {
	struct slice model = SLICE(REQUEST_DEFAULT_MODEL);
	int type = push_member(lua, index, "model");
	if (type == LUA_TSTRING)
		model = text_at(lua, -1);
	else if (type != LUA_TNIL)
		luaL_error(lua, "model: a string was expected, not a %s", lua_typename(lua, type));
	if (!is_printable(model, '!') || model.len > MODEL_BYTES)
		luaL_error(lua, "model: a name of 1 to 2048 printable ASCII characters was expected");
	call->asked = arena_copy(&call->arena, model);
	lua_pop(lua, 1);
}

static void read_header(lua_State *lua, int index, const char *member, struct slice header, const char *otherwise,
                        struct call *call) {
	struct slice value = slice_from(otherwise);
	int type = push_member(lua, index, member);
	if (type == LUA_TSTRING)
		value = text_at(lua, -1);
	else if (type != LUA_TNIL)
		luaL_error(lua, "%s: a string was expected, not a %s", member, lua_typename(lua, type));
	if (value.ptr && (!is_printable(value, ' ') || value.len > HEADER_BYTES))
		luaL_error(lua, "%s: 1 to 256 printable ASCII characters were expected", member);
	if (value.ptr)
		call_add_header(call, header, arena_copy(&call->arena, value));
	lua_pop(lua, 1);
}

static void refuse_unknown(lua_State *lua, int index, const char *const *known) {
	lua_pushnil(lua);
	while (lua_next(lua, index)) {
		const char *name = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : "?";
		const char *const *entry = known;
		while (*entry && strcmp(*entry, name) != 0)
			entry++;
		if (!*entry)
			luaL_error(lua, "%s: no such member; there are model, body, content_type and accept", name);
		lua_pop(lua, 1);
	}
}

static void read_invoke(lua_State *lua, int index, struct call *call) {
	static const char *const known[] = {"model", "body", "content_type", "accept", NULL};
	bool streaming = operation_is_streaming(call->operation);
	refuse_unknown(lua, index, known);
	read_header(lua, index, "content_type", SLICE("content-type"), "application/json", call);
	read_header(lua, index, "accept", streaming ? SLICE("x-amzn-bedrock-accept") : SLICE("accept"), NULL, call);
	int type = push_member(lua, index, "body");
	if (type == LUA_TSTRING)
		buffer_append(&call->body, text_at(lua, -1));
	else if (type == LUA_TTABLE)
		value_write_json(lua, -1, NULL, &call->body);
	else
		luaL_error(lua, "body: a string or a table was expected, not a %s", lua_typename(lua, type));
	lua_pop(lua, 1);
}

static void read_count(lua_State *lua, int index, struct call *call) {
	bool wrapped = push_member(lua, index, "input") != LUA_TNIL;
	lua_pop(lua, 1);
	if (!wrapped)
		buffer_append(&call->body, SLICE("{\"input\":{\"converse\":"));
	value_write_json(lua, index, "model", &call->body);
	if (!wrapped)
		buffer_append(&call->body, SLICE("}}"));
}

void request_read(lua_State *lua, int index, struct call *call) {
	read_model(lua, index, call);
	if (call->operation == OPERATION_INVOKE_MODEL || call->operation == OPERATION_INVOKE_MODEL_STREAM) {
		read_invoke(lua, index, call);
		return;
	}
	call_add_header(call, SLICE("content-type"), SLICE("application/json"));
	if (lua_rawlen(lua, index) > 0)
		luaL_error(lua, "a request is a table of names, such as messages = { ... }");
	if (call->operation == OPERATION_COUNT_TOKENS)
		read_count(lua, index, call);
	else
		value_write_json(lua, index, "model", &call->body);
}

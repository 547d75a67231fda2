// SPDX-License-Identifier: Apache-2.0
// Reading JSON into Lua values, and what reading and writing share.
#include "module/value.h"

#include <lauxlib.h>

#include "base/json.h"
#include "module/type.h"

#define BUFFER_TYPE "signalbox.buffer"

enum { STACK_OF_A_LEVEL = 8 };

static const char array_key;

void value_mark_array(lua_State *lua) {
	if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &array_key) == LUA_TNIL) { /* table nil */
		lua_pop(lua, 1);
		lua_createtable(lua, 0, 1);
		lua_pushliteral(lua, "signalbox.array");
		lua_setfield(lua, -2, "__name");
		lua_pushvalue(lua, -1);
		lua_rawsetp(lua, LUA_REGISTRYINDEX, &array_key);
	}
	lua_setmetatable(lua, -2); /* table */
}

bool value_is_array(lua_State *lua, int index) {
	if (!lua_getmetatable(lua, index))
		return false;
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &array_key);
	bool same = lua_rawequal(lua, -1, -2);
	lua_pop(lua, 2);
	return same;
}

static int buffer_collect(lua_State *lua) {
	buffer_free(luaL_checkudata(lua, 1, BUFFER_TYPE));
	return 0;
}

struct buffer *value_push_buffer(lua_State *lua, size_t limit_bytes) {
	static const luaL_Reg own[] = {{"__gc", buffer_collect}, {NULL, NULL}};
	struct buffer *buffer = lua_newuserdatauv(lua, sizeof *buffer, 0);
	buffer_init(buffer, limit_bytes);
	if (!type_push(lua, BUFFER_TYPE, own))
		type_register(lua, BUFFER_TYPE);
	lua_setmetatable(lua, -2);
	return buffer;
}

struct value_reader {
	struct json_reader json;
	struct buffer *scratch; // escapes resolved
	enum value_nulls nulls;
};

static bool push_text(lua_State *lua, struct value_reader *reader, struct slice text) {
	if (slice_find(text, '\\') == text.len) {
		lua_pushlstring(lua, text.ptr, text.len);
		return true;
	}
	buffer_clear(reader->scratch);
	if (json_unescape(text, reader->scratch) != 0)
		return false;
	lua_pushlstring(lua, reader->scratch->ptr, reader->scratch->len);
	return true;
}

// Whole numbers stay whole where they fit: identifiers and counts must not turn into 3.0.
static void push_number(lua_State *lua, struct slice digits) {
	bool negative = digits.ptr[0] == '-';
	uint64_t whole;
	if (slice_parse_u64(slice_from_offset(digits, negative), LUA_MAXINTEGER, &whole))
		lua_pushinteger(lua, negative ? -(lua_Integer)whole : (lua_Integer)whole);
	else
		lua_pushnumber(lua, json_number(digits));
}

static bool push_value(lua_State *lua, struct value_reader *reader, struct json_token token);

static bool is_dropped(const struct value_reader *reader, struct json_token token) {
	return token.kind == JSON_NULL && reader->nulls == VALUE_DROP_NULLS;
}

static bool push_object(lua_State *lua, struct value_reader *reader) {
	lua_newtable(lua);
	for (;;) {
		struct json_token token = json_next(&reader->json);
		if (token.kind == JSON_OBJECT_END)
			return true;
		if (token.kind != JSON_KEY || !push_text(lua, reader, token.text))
			return false;
		token = json_next(&reader->json);
		if (is_dropped(reader, token)) {
			lua_pop(lua, 1);
			continue;
		}
		if (!push_value(lua, reader, token))
			return false;
		lua_rawset(lua, -3);
	}
}

static bool push_array(lua_State *lua, struct value_reader *reader) {
	lua_newtable(lua);
	value_mark_array(lua);
	for (lua_Integer i = 1;; i++) {
		struct json_token token = json_next(&reader->json);
		if (token.kind == JSON_ARRAY_END)
			return true;
		if (!push_value(lua, reader, token))
			return false;
		lua_rawseti(lua, -2, i);
	}
}

// Leaves whatever it had begun on the stack when it fails.
static bool push_value(lua_State *lua, struct value_reader *reader, struct json_token token) {
	luaL_checkstack(lua, STACK_OF_A_LEVEL, "nested JSON");
	switch (token.kind) {
	case JSON_OBJECT:
		return push_object(lua, reader);
	case JSON_ARRAY:
		return push_array(lua, reader);
	case JSON_STRING:
		return push_text(lua, reader, token.text);
	case JSON_NUMBER:
		push_number(lua, token.text);
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(lua, token.kind == JSON_TRUE);
		return true;
	case JSON_NULL:
		lua_pushlightuserdata(lua, NULL);
		return true;
	case JSON_END:
	case JSON_BROKEN:
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
	case JSON_KEY:
		break;
	}
	return false;
}

bool value_push_json(lua_State *lua, struct slice text, enum value_nulls nulls) {
	int top = lua_gettop(lua);
	luaL_checkstack(lua, STACK_OF_A_LEVEL, "JSON");
	struct value_reader reader = {.scratch = value_push_buffer(lua, text.len + 1), .nulls = nulls}; /* scratch */
	json_reader_init(&reader.json, text);
	bool good = push_value(lua, &reader, json_next(&reader.json)) && json_next(&reader.json).kind == JSON_END;
	buffer_free(reader.scratch);
	if (good)
		lua_replace(lua, top + 1); /* value */
	lua_settop(lua, good ? top + 1 : top);
	return good;
}

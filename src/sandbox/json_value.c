// SPDX-License-Identifier: Apache-2.0
// base/json limits the depth of nesting, and with it the recursion here.
#include "sandbox/json_value.h"

#include <lauxlib.h>

#include "base/json.h"

enum { STACK_OF_A_LEVEL = 8 };

struct value_reader {
	struct json_reader json;
	const struct json_value_style *style;
	char *plain; // a string with its escapes resolved; as large as the whole text, NULL if that has no escapes
	size_t plain_bytes;
};

static void add_piece(void *owner, struct slice piece, bool begins) {
	struct value_reader *reader = owner;
	(void)begins;
	memcpy(reader->plain + reader->plain_bytes, piece.ptr, piece.len);
	reader->plain_bytes += piece.len;
}

static void push_text(lua_State *lua, struct value_reader *reader, const struct json_token *token) {
	if (!token->is_escaped) {
		lua_pushlstring(lua, token->text.ptr, token->text.len);
		return;
	}
	reader->plain_bytes = 0;
	json_visit_text(token->text, add_piece, reader);
	lua_pushlstring(lua, reader->plain, reader->plain_bytes);
}

// Identifiers and counts must not become floats such as 3.0.
static void push_number(lua_State *lua, struct slice digits) {
	bool negative = digits.ptr[0] == '-';
	uint64_t whole;
	if (slice_parse_u64(slice_from_offset(digits, negative), LUA_MAXINTEGER, &whole))
		lua_pushinteger(lua, negative ? -(lua_Integer)whole : (lua_Integer)whole);
	else
		lua_pushnumber(lua, json_number(digits));
}

static bool push_value(lua_State *lua, struct value_reader *reader, const struct json_token *token);

// The key is at the top of the stack, its object's table below it.
static void note_duplicate(lua_State *lua, const struct value_reader *reader, const char *key) {
	if (!reader->style->duplicate)
		return;
	lua_pushvalue(lua, -1);
	if (lua_rawget(lua, -3) != LUA_TNIL)
		*reader->style->duplicate = key;
	lua_pop(lua, 1);
}

static bool push_object(lua_State *lua, struct value_reader *reader) {
	struct json_token token;
	lua_newtable(lua);
	for (;;) {
		json_read(&reader->json, &token);
		if (token.kind == JSON_OBJECT_END)
			return true;
		if (token.kind != JSON_KEY)
			return false;
		push_text(lua, reader, &token);
		note_duplicate(lua, reader, token.start);
		json_read(&reader->json, &token);
		if (token.kind == JSON_NULL && reader->style->drops_nulls) {
			lua_pop(lua, 1);
			continue;
		}
		if (!push_value(lua, reader, &token))
			return false;
		lua_rawset(lua, -3);
	}
}

static bool push_array(lua_State *lua, struct value_reader *reader) {
	struct json_token token;
	lua_newtable(lua);
	if (reader->style->mark_array)
		reader->style->mark_array(lua);
	for (lua_Integer i = 1;; i++) {
		json_read(&reader->json, &token);
		if (token.kind == JSON_ARRAY_END)
			return true;
		if (!push_value(lua, reader, &token))
			return false;
		lua_rawseti(lua, -2, i);
	}
}

// On failure it leaves unfinished values on the stack.
static bool push_value(lua_State *lua, struct value_reader *reader, const struct json_token *token) {
	luaL_checkstack(lua, STACK_OF_A_LEVEL, "nested JSON");
	switch (token->kind) {
	case JSON_OBJECT:
		return push_object(lua, reader);
	case JSON_ARRAY:
		return push_array(lua, reader);
	case JSON_STRING:
		push_text(lua, reader, token);
		return true;
	case JSON_NUMBER:
		push_number(lua, token->text);
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(lua, token->kind == JSON_TRUE);
		return true;
	case JSON_NULL:
		lua_pushlightuserdata(lua, NULL);
		return true;
	default:
		return false;
	}
}

bool json_value_push(lua_State *lua, struct slice text, const struct json_value_style *style) {
	struct value_reader reader = {.style = style};
	struct json_token token;
	int top = lua_gettop(lua);
	luaL_checkstack(lua, STACK_OF_A_LEVEL, "JSON");
	lua_pushnil(lua);
	if (slice_find(text, '\\') < text.len) {
		reader.plain = lua_newuserdatauv(lua, text.len, 0);
		lua_replace(lua, top + 1); /* plain */
	}
	json_reader_init(&reader.json, text);
	json_read(&reader.json, &token);
	bool good = push_value(lua, &reader, &token) && json_next(&reader.json).kind == JSON_END;
	if (good)
		lua_replace(lua, top + 1); /* value */
	lua_settop(lua, good ? top + 1 : top);
	return good;
}

// SPDX-License-Identifier: Apache-2.0
// Writes Lua values as JSON. Tables are read without metamethods. The path to the present value is kept for messages,
// so that an error names its place in a large request.
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_writer.h"
#include "module/value.h"

enum { DEPTH_MAX = 64, PLACE_BYTES = 256, STACK_OF_A_LEVEL = 8 };

struct write_step {
	const char *name; // NULL: use `position`
	lua_Integer position;
};

struct value_writer {
	lua_State *lua;
	struct json_writer json;
	const char *skip;
	int depth;
	struct write_step path[DEPTH_MAX + 1];
};

static int raise_error(struct value_writer *writer, const char *reason) {
	char place[PLACE_BYTES] = "";
	size_t used = 0;
	for (int i = 0; i < writer->depth && used < sizeof place - 1; i++) {
		const struct write_step *step = &writer->path[i];
		int bytes = step->name ? snprintf(place + used, sizeof place - used, "%s%s", used ? "." : "", step->name)
		                       : snprintf(place + used, sizeof place - used, "[%lld]", (long long)step->position);
		used += bytes > 0 ? (size_t)bytes : 0;
	}
	return luaL_error(writer->lua, "%s%s%s", place, *place ? ": " : "", reason);
}

static void write_value(struct value_writer *writer, int index);

static void write_item(struct value_writer *writer, struct write_step step) {
	writer->path[writer->depth++] = step;
	write_value(writer, lua_gettop(writer->lua));
	writer->depth--;
}

static void write_array(struct value_writer *writer, int index) {
	lua_State *lua = writer->lua;
	lua_Integer count = (lua_Integer)lua_rawlen(lua, index), found = 0;
	lua_pushnil(lua);
	while (lua_next(lua, index)) {
		lua_pop(lua, 1);
		if (!lua_isinteger(lua, -1) || lua_tointeger(lua, -1) < 1 || lua_tointeger(lua, -1) > count)
			raise_error(writer, "a table needs either names, or positions from 1 without gaps");
		found++;
	}
	if (found != count)
		raise_error(writer, "a table needs either names, or positions from 1 without gaps");
	json_begin_array(&writer->json, NULL);
	for (lua_Integer i = 1; i <= count; i++) {
		lua_rawgeti(lua, index, i);
		write_item(writer, (struct write_step){.position = i});
		lua_pop(lua, 1);
	}
	json_end_array(&writer->json);
}

static void write_object(struct value_writer *writer, int index) {
	lua_State *lua = writer->lua;
	json_begin_object(&writer->json, NULL);
	lua_pushnil(lua);
	while (lua_next(lua, index)) { /* name value */
		if (lua_type(lua, -2) != LUA_TSTRING)
			raise_error(writer, "a table needs either names, or positions from 1 without gaps");
		size_t bytes;
		const char *name = lua_tolstring(lua, -2, &bytes);
		if (writer->depth > 0 || !writer->skip || strcmp(name, writer->skip) != 0) {
			json_write_key(&writer->json, slice_of(name, bytes));
			write_item(writer, (struct write_step){.name = name});
		}
		lua_pop(lua, 1);
	}
	json_end_object(&writer->json);
}

static void write_table(struct value_writer *writer, int index) {
	if (writer->depth >= DEPTH_MAX)
		raise_error(writer, "nested deeper than 64 tables, or a table that contains itself");
	if (value_is_array(writer->lua, index) || lua_rawlen(writer->lua, index) > 0)
		write_array(writer, index);
	else
		write_object(writer, index);
}

static void write_value(struct value_writer *writer, int index) {
	lua_State *lua = writer->lua;
	size_t bytes;
	const char *text;
	luaL_checkstack(lua, STACK_OF_A_LEVEL, "nested tables");
	switch (lua_type(lua, index)) {
	case LUA_TBOOLEAN:
		json_write_boolean(&writer->json, NULL, lua_toboolean(lua, index));
		return;
	case LUA_TNUMBER:
		if (lua_isinteger(lua, index))
			json_write_integer(&writer->json, NULL, lua_tointeger(lua, index));
		else if (isfinite(lua_tonumber(lua, index)))
			json_write_number(&writer->json, NULL, lua_tonumber(lua, index));
		else
			raise_error(writer, "JSON has no infinity and no NaN");
		return;
	case LUA_TSTRING:
		text = lua_tolstring(lua, index, &bytes);
		json_write_string(&writer->json, NULL, slice_of(text, bytes));
		return;
	case LUA_TTABLE:
		write_table(writer, index);
		return;
	case LUA_TLIGHTUSERDATA:
		if (!lua_touserdata(lua, index)) {
			json_write_null(&writer->json, NULL);
			return;
		}
		break;
	default:
		break;
	}
	char reason[PLACE_BYTES];
	snprintf(reason, sizeof reason, "a %s can't be JSON", luaL_typename(lua, index));
	raise_error(writer, reason);
}

void value_write_json(lua_State *lua, int index, const char *skip, struct buffer *out) {
	struct value_writer writer = {.lua = lua, .skip = skip};
	json_writer_init(&writer.json, out);
	write_value(&writer, lua_absindex(lua, index));
}

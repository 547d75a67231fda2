// SPDX-License-Identifier: Apache-2.0
// Reads JSON into Lua values, and marks arrays for both directions.
#include "module/value.h"

#include <lauxlib.h>

#include "module/type.h"
#include "sandbox/json_value.h"

#define BUFFER_TYPE "signalbox.buffer"

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

bool value_push_json(lua_State *lua, struct slice text, enum value_nulls nulls) {
	const struct json_value_style style = {.drops_nulls = nulls == VALUE_DROP_NULLS, .mark_array = value_mark_array};
	return json_value_push(lua, text, &style);
}

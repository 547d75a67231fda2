// SPDX-License-Identifier: Apache-2.0
// Frozen tables: a userdata in front of a table that nothing else refers to. Its metatable's __index is the table
// itself, so reading costs little more than with a plain table.
#include <lauxlib.h>

#include "sandbox/object.h"
#include "sandbox/sandbox.h"
#include "sandbox/vm.h"

enum { DEPTH_MAX = 16 };

static int refuse_frozen_change(lua_State *lua) {
	return luaL_error(lua, "attempt to change a read-only table");
}

static void push_table_of(lua_State *lua) {
	if (!object_at(lua, 1, OBJECT_FROZEN))
		luaL_error(lua, "a read-only table expected, found a %s", luaL_typename(lua, 1));
	lua_getiuservalue(lua, 1, 1);
}

static int frozen_length(lua_State *lua) {
	push_table_of(lua);
	lua_pushinteger(lua, (lua_Integer)lua_rawlen(lua, -1));
	return 1;
}

static int frozen_next(lua_State *lua) {
	lua_settop(lua, 2);
	push_table_of(lua); /* object key table */
	lua_insert(lua, 2); /* object table key */
	if (lua_next(lua, 2))
		return 2;
	lua_pushnil(lua);
	return 1;
}

static int frozen_pairs(lua_State *lua) {
	lua_pushcfunction(lua, frozen_next);
	lua_pushvalue(lua, 1);
	return 2;
}

void sandbox_freeze(lua_State *lua, int index) {
	static const luaL_Reg methods[] = {
	    {"__newindex", refuse_frozen_change}, {"__len", frozen_length}, {"__pairs", frozen_pairs}, {NULL, NULL}};
	index = lua_absindex(lua, index);
	enum object_kind *kind = lua_newuserdatauv(lua, sizeof *kind, 1); /* object */
	*kind = OBJECT_FROZEN;
	lua_pushvalue(lua, index);
	lua_setiuservalue(lua, -2, 1);
	luaL_newlib(lua, methods); /* object metatable */
	lua_pushvalue(lua, index);
	lua_setfield(lua, -2, "__index");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_pushliteral(lua, "read-only table");
	lua_setfield(lua, -2, "__name");
	lua_setmetatable(lua, -2);
}

// Pushes a frozen copy of the plain table at `index`.
static void freeze_copy(lua_State *lua, int index, int depth) {
	if (depth > DEPTH_MAX)
		luaL_error(lua, "tables nested deeper than %d", DEPTH_MAX);
	luaL_checkstack(lua, LUA_MINSTACK, NULL);
	vm_charge(lua, 1);
	lua_newtable(lua);                                              /* copy */
	for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1)) { /* copy key value */
		lua_pushvalue(lua, -2);                                     /* copy key value key */
		if (lua_type(lua, -2) == LUA_TTABLE)
			freeze_copy(lua, lua_absindex(lua, -2), depth + 1);
		else
			lua_pushvalue(lua, -2); /* copy key value key value */
		lua_rawset(lua, -5);
	}
	sandbox_freeze(lua, -1);
	lua_remove(lua, -2);
}

void sandbox_freeze_deep(lua_State *lua, int index) {
	freeze_copy(lua, lua_absindex(lua, index), 1);
}

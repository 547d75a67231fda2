// SPDX-License-Identifier: Apache-2.0
#include "module/type.h"

bool type_push(lua_State *lua, const char *name, const luaL_Reg *own) {
	if (luaL_getmetatable(lua, name) == LUA_TTABLE)
		return true;
	lua_pop(lua, 1);
	lua_newtable(lua);
	lua_pushstring(lua, name);
	lua_setfield(lua, -2, "__name");
	luaL_setfuncs(lua, own, 0);
	return false;
}

void type_register(lua_State *lua, const char *name) {
	lua_pushvalue(lua, -1);
	lua_setfield(lua, LUA_REGISTRYINDEX, name);
}

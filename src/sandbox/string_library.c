// SPDX-License-Identifier: Apache-2.0
// `string`: Lua's functions, charged by their input; `rep`, charged by its result; and the pattern functions over our
// own matcher, which counts its steps. The metatable of strings is locked and indexes this table, so ("x"):rep() calls
// the same functions.
#include <lauxlib.h>
#include <lualib.h>

#include "sandbox/pattern.h"
#include "sandbox/sandbox.h"
#include "sandbox/vm.h"

enum { BYTES_PER_CHARGE = 32, REPEATS_PER_CHARGE = 4 };

static int string_rep(lua_State *lua) {
	size_t bytes, separator_bytes;
	luaL_checklstring(lua, 1, &bytes);
	luaL_optlstring(lua, 3, "", &separator_bytes);
	lua_Integer count = luaL_checkinteger(lua, 2);
	if (count > 0) {
		uint64_t each = (uint64_t)bytes + separator_bytes;
		uint64_t total;
		if (__builtin_mul_overflow(each, (uint64_t)count, &total))
			total = UINT64_MAX;
		vm_charge(lua, (uint64_t)count / REPEATS_PER_CHARGE + total / BYTES_PER_CHARGE);
	}
	return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

// A single byte is free; a range may be the whole text.
static int string_byte(lua_State *lua) {
	size_t bytes;
	luaL_checklstring(lua, 1, &bytes);
	if (!lua_isnoneornil(lua, 3))
		vm_charge(lua, bytes / REPEATS_PER_CHARGE);
	return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

void sandbox_push_string(lua_State *lua) {
	static const char *const charged[] = {"char", "format", "lower", "reverse", "upper", NULL};
	// The work of these is no more than the size of their results.
	static const char *const plain[] = {"len", "sub", NULL};
	lua_pushcfunction(lua, luaopen_string);
	lua_call(lua, 0, 1);
	lua_createtable(lua, 0, 16); /* library functions */
	sandbox_set_charged(lua, -2, -1, charged);
	sandbox_set_plain(lua, -2, -1, plain);
	lua_getfield(lua, -2, "byte");
	lua_pushcclosure(lua, string_byte, 1);
	lua_setfield(lua, -2, "byte");
	lua_getfield(lua, -2, "rep");
	lua_pushcclosure(lua, string_rep, 1);
	lua_setfield(lua, -2, "rep");
	pattern_set_functions(lua);
	lua_remove(lua, -2);
	lua_pushliteral(lua, "");  /* functions "" */
	lua_getmetatable(lua, -1); /* functions "" metatable */
	lua_pushvalue(lua, -3);
	lua_setfield(lua, -2, "__index");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_pop(lua, 2);
}

// SPDX-License-Identifier: Apache-2.0
// `table`, with raw access and raw lengths, so that no __len can lie and no __index runs inside a loop in C. Each call
// is charged before its work. Functions that only read accept read-only tables too.
#include <math.h>

#include <lauxlib.h>
#include <lualib.h>

#include "sandbox/object.h"
#include "sandbox/sandbox.h"
#include "sandbox/vm.h"

enum {
	STEPS_PER_CHARGE = 4, // of the loops below
	UNPACK_MAX = 4096,
	CHARGE_PER_NUMBER = 10, // for formatting it
	BYTES_PER_CHARGE = 32,  // for comparing two strings
};

static void charge_steps(lua_State *lua, lua_Integer first, lua_Integer last) {
	if (last >= first)
		vm_charge(lua, ((uint64_t)last - (uint64_t)first) / STEPS_PER_CHARGE + 1);
}

// The number of elements of a plain table, or of an object whose length is computed in C.
static lua_Integer length_of(lua_State *lua, int index) {
	if (lua_type(lua, index) == LUA_TTABLE)
		return (lua_Integer)lua_rawlen(lua, index);
	luaL_argexpected(lua, object_at(lua, index, OBJECT_FROZEN) || object_at(lua, index, OBJECT_MODELS), index, "table");
	return luaL_len(lua, index);
}

static int push_element(lua_State *lua, int index, lua_Integer i) {
	return lua_type(lua, index) == LUA_TTABLE ? lua_rawgeti(lua, index, i) : lua_geti(lua, index, i);
}

static void check_plain(lua_State *lua, int index) {
	if (lua_type(lua, index) == LUA_TUSERDATA)
		luaL_argerror(lua, index, "a read-only table can't be changed");
	luaL_checktype(lua, index, LUA_TTABLE);
}

static int table_insert(lua_State *lua) {
	check_plain(lua, 1);
	lua_Integer end = (lua_Integer)lua_rawlen(lua, 1) + 1;
	lua_Integer position = end;
	if (lua_gettop(lua) == 3) {
		position = luaL_checkinteger(lua, 2);
		luaL_argcheck(lua, position >= 1 && position <= end, 2, "position out of bounds");
		charge_steps(lua, position, end);
		for (lua_Integer i = end; i > position; i--) {
			lua_rawgeti(lua, 1, i - 1);
			lua_rawseti(lua, 1, i);
		}
	} else if (lua_gettop(lua) != 2) {
		return luaL_error(lua, "wrong number of arguments to 'insert'");
	}
	lua_rawseti(lua, 1, position);
	return 0;
}

static int table_remove(lua_State *lua) {
	check_plain(lua, 1);
	lua_Integer end = (lua_Integer)lua_rawlen(lua, 1);
	lua_Integer position = luaL_optinteger(lua, 2, end);
	if (lua_gettop(lua) > 1)
		luaL_argcheck(lua, (end == 0 && position == 0) || (position >= 1 && position <= end + 1), 2,
		              "position out of bounds");
	charge_steps(lua, position, end);
	lua_rawgeti(lua, 1, position); /* ... removed */
	for (; position < end; position++) {
		lua_rawgeti(lua, 1, position + 1);
		lua_rawseti(lua, 1, position);
	}
	lua_pushnil(lua);
	lua_rawseti(lua, 1, position);
	return 1;
}

static int table_move(lua_State *lua) {
	lua_Integer first = luaL_checkinteger(lua, 2), last = luaL_checkinteger(lua, 3), to = luaL_checkinteger(lua, 4);
	int target = lua_isnoneornil(lua, 5) ? 1 : 5;
	length_of(lua, 1);
	check_plain(lua, target);
	lua_settop(lua, 5);
	if (last >= first) {
		charge_steps(lua, first, last);
		luaL_argcheck(lua, first > 0 || last < LUA_MAXINTEGER + first, 3, "too many elements to move");
		lua_Integer count = last - first;
		luaL_argcheck(lua, to <= LUA_MAXINTEGER - count, 4, "destination wraps around");
		bool upwards = to > last || to <= first || (target != 1 && !lua_rawequal(lua, 1, target));
		for (lua_Integer i = 0; i <= count; i++) {
			lua_Integer offset = upwards ? i : count - i;
			push_element(lua, 1, first + offset);
			lua_rawseti(lua, target, to + offset);
		}
	}
	lua_pushvalue(lua, target);
	return 1;
}

static int table_concat(lua_State *lua) {
	lua_Integer end = length_of(lua, 1);
	size_t separator_bytes;
	const char *separator = luaL_optlstring(lua, 2, "", &separator_bytes);
	lua_Integer first = luaL_optinteger(lua, 3, 1);
	lua_Integer last = luaL_optinteger(lua, 4, end);
	charge_steps(lua, first, last);
	luaL_Buffer joined;
	luaL_buffinit(lua, &joined);
	for (lua_Integer i = first; i <= last; i++) {
		push_element(lua, 1, i);
		if (!lua_isstring(lua, -1))
			return luaL_error(lua, "invalid value (a %s) at index %I in table for 'concat'", luaL_typename(lua, -1), i);
		if (lua_type(lua, -1) == LUA_TNUMBER)
			vm_charge(lua, CHARGE_PER_NUMBER);
		luaL_addvalue(&joined);
		if (i == last)
			break;
		luaL_addlstring(&joined, separator, separator_bytes);
	}
	luaL_pushresult(&joined);
	return 1;
}

static int table_unpack(lua_State *lua) {
	lua_Integer end = length_of(lua, 1);
	lua_Integer first = luaL_optinteger(lua, 2, 1);
	lua_Integer last = luaL_optinteger(lua, 3, end);
	if (first > last)
		return 0;
	uint64_t count = (uint64_t)last - (uint64_t)first;
	if (count >= UNPACK_MAX || !lua_checkstack(lua, (int)count + 1))
		return luaL_error(lua, "too many results to unpack");
	charge_steps(lua, first, last);
	for (uint64_t i = 0; i <= count; i++)
		push_element(lua, 1, (lua_Integer)((uint64_t)first + i));
	return (int)count + 1;
}

static int table_pack(lua_State *lua) {
	int count = lua_gettop(lua);
	lua_createtable(lua, count, 1);
	lua_insert(lua, 1);
	for (int i = count; i >= 1; i--)
		lua_rawseti(lua, 1, i);
	lua_pushinteger(lua, count);
	lua_setfield(lua, 1, "n");
	return 1;
}

// The length of the longest string in the table's array.
static size_t longest_string(lua_State *lua, int index, lua_Integer count) {
	size_t longest = 0;
	for (lua_Integer i = 1; i <= count; i++) {
		if (lua_rawgeti(lua, index, i) == LUA_TSTRING && lua_rawlen(lua, -1) > longest)
			longest = lua_rawlen(lua, -1);
		lua_pop(lua, 1);
	}
	return longest;
}

// Lua's own sort, for tables without a metatable; the comparisons are charged before it starts.
static int table_sort(lua_State *lua) {
	check_plain(lua, 1);
	if (lua_getmetatable(lua, 1))
		return luaL_argerror(lua, 1, "a table with a metatable can't be sorted");
	lua_Integer count = (lua_Integer)lua_rawlen(lua, 1);
	if (count > 1) {
		double comparisons = (double)count * (log2((double)count) + 1);
		vm_charge(lua, (uint64_t)comparisons);
		vm_charge(lua, (uint64_t)comparisons * (longest_string(lua, 1, count) / BYTES_PER_CHARGE));
	}
	return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

void sandbox_push_table(lua_State *lua) {
	static const luaL_Reg functions[] = {
	    {"concat", table_concat}, {"insert", table_insert}, {"move", table_move}, {"pack", table_pack},
	    {"remove", table_remove}, {"unpack", table_unpack}, {NULL, NULL}};
	luaL_newlib(lua, functions); /* functions */
	lua_pushcfunction(lua, luaopen_table);
	lua_call(lua, 0, 1);
	lua_getfield(lua, -1, "sort");
	lua_pushcclosure(lua, table_sort, 1);
	lua_setfield(lua, -3, "sort");
	lua_pop(lua, 1);
}

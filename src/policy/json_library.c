// SPDX-License-Identifier: Apache-2.0
// `json`, over lua-cjson with its settings fixed here and out of reach. cjson's buffers are the process's memory, not
// the VM's, and an error of memory inside it would leak them: so the input is measured first, and while cjson works the
// VM may exceed its limit by what the input can become.
#include <math.h>

#include <lauxlib.h>

#include "policy/sandbox.h"
#include "policy/vm.h"

enum {
	DEPTH_MAX = 64,
	TEXT_BYTES_MAX = 4 << 20,
	BYTES_PER_CHARGE = 16,
	// The most that a byte of a string becomes: \u0000.
	BYTES_PER_ESCAPE = 6,
	NUMBER_BYTES = 32,
};

int luaopen_cjson(lua_State *lua);

// Its address is the registry's key of the bounded decode function.
static const char decode_key;

struct measure {
	size_t bytes;
	size_t values;
};

// Adds what the value at `index` becomes. A table that is there twice is counted twice, so a small value can't become
// a huge text.
static void measure_value(lua_State *lua, int index, int depth, struct measure *sum) {
	sum->values++;
	if (depth > DEPTH_MAX)
		luaL_error(lua, "tables nested too deep for JSON (more than %d)", DEPTH_MAX);
	luaL_checkstack(lua, LUA_MINSTACK, NULL);
	switch (lua_type(lua, index)) {
	case LUA_TSTRING:
		sum->bytes += lua_rawlen(lua, index) * BYTES_PER_ESCAPE;
		break;
	case LUA_TTABLE:
		for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1)) {
			if (lua_type(lua, -2) == LUA_TSTRING)
				sum->bytes += lua_rawlen(lua, -2) * BYTES_PER_ESCAPE;
			measure_value(lua, lua_absindex(lua, -1), depth + 1, sum);
		}
		break;
	case LUA_TFUNCTION:
	case LUA_TUSERDATA:
	case LUA_TTHREAD:
		luaL_error(lua, "a %s has no JSON form", luaL_typename(lua, index));
	}
	sum->bytes += NUMBER_BYTES;
	if (sum->bytes > (size_t)TEXT_BYTES_MAX * BYTES_PER_ESCAPE)
		luaL_error(lua, "too large for JSON (more than %d bytes)", TEXT_BYTES_MAX);
}

// Calls upvalue 1, a function of cjson's, with the one argument.
static int call_unlimited(lua_State *lua) {
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_pushvalue(lua, 1);
	vm_enter_unlimited(lua);
	int status = lua_pcall(lua, 1, 1, 0);
	vm_leave_unlimited(lua);
	if (status != LUA_OK) {
		luaL_where(lua, 1);
		lua_insert(lua, -2);
		lua_concat(lua, 2);
		return lua_error(lua);
	}
	return 1;
}

static int json_encode(lua_State *lua) {
	luaL_checkany(lua, 1);
	lua_settop(lua, 1);
	struct measure sum = {0};
	measure_value(lua, 1, 0, &sum);
	vm_charge(lua, sum.values + sum.bytes / BYTES_PER_CHARGE / BYTES_PER_ESCAPE);
	return call_unlimited(lua);
}

static int json_decode(lua_State *lua) {
	luaL_checktype(lua, 1, LUA_TSTRING);
	lua_settop(lua, 1);
	size_t bytes = lua_rawlen(lua, 1);
	if (bytes > TEXT_BYTES_MAX)
		return luaL_error(lua, "JSON text too large (%d bytes, at most %d)", (int)bytes, TEXT_BYTES_MAX);
	vm_charge(lua, bytes / BYTES_PER_CHARGE + 1);
	return call_unlimited(lua);
}

void sandbox_push_decoded(lua_State *lua, struct slice text) {
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &decode_key);
	lua_pushlstring(lua, text.ptr, text.len);
	lua_call(lua, 1, 1);
}

static void configure(lua_State *lua, const char *setting, int value, bool is_boolean) {
	lua_getfield(lua, -1, setting);
	if (is_boolean)
		lua_pushboolean(lua, value);
	else
		lua_pushinteger(lua, value);
	lua_call(lua, 1, 0);
}

void sandbox_push_json(lua_State *lua) {
	lua_createtable(lua, 0, 3); /* json */
	// Its own start allocates outside the VM too.
	vm_enter_unlimited(lua);
	lua_pushcfunction(lua, luaopen_cjson);
	lua_call(lua, 0, 1); /* json cjson */
	vm_leave_unlimited(lua);
	configure(lua, "encode_max_depth", DEPTH_MAX + 1, false);
	configure(lua, "decode_max_depth", DEPTH_MAX, false);
	configure(lua, "encode_keep_buffer", 0, true);
	configure(lua, "decode_invalid_numbers", 0, true);
	lua_getfield(lua, -1, "encode");
	lua_pushcclosure(lua, json_encode, 1);
	lua_setfield(lua, -3, "encode");
	lua_getfield(lua, -1, "decode");
	lua_pushcclosure(lua, json_decode, 1);
	lua_pushvalue(lua, -1);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &decode_key);
	lua_setfield(lua, -3, "decode");
	lua_getfield(lua, -1, "null");
	lua_setfield(lua, -3, "null");
	lua_pop(lua, 1);
}

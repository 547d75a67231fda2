// SPDX-License-Identifier: Apache-2.0
// The store, as policies see it. Values are copied between Lua and the store outside of the lock: a Lua error would
// leave the C function with the lock held.
#include "policy/shared_library.h"

#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "base/error.h"
#include "policy/shared.h"
#include "sandbox/vm.h"

// A call costs CHARGE instructions, and one more for each BYTES_PER_CHARGE bytes that it copies.
enum { CHARGE = 5, BYTES_PER_CHARGE = 64 };

// 30 days.
#define TTL_MAX_MS 2592000000.0

static struct shared_store *store_of(lua_State *lua) {
	struct shared_store *store = vm_of(lua)->host;
	vm_charge(lua, CHARGE);
	if (!store)
		luaL_error(lua, "nothing is shared here");
	return store;
}

static struct slice check_key(lua_State *lua) {
	size_t bytes;
	luaL_argexpected(lua, lua_type(lua, 1) == LUA_TSTRING, 1, "string");
	const char *key = lua_tolstring(lua, 1, &bytes);
	luaL_argcheck(lua, bytes >= 1 && bytes <= SHARED_KEY_BYTES_MAX, 1, "a key has 1 to 256 bytes");
	return slice_of(key, bytes);
}

// 0, for ever, when the argument is absent.
static uint64_t check_ttl(lua_State *lua, int index) {
	if (lua_isnoneornil(lua, index))
		return 0;
	lua_Number ttl_ms = luaL_checknumber(lua, index);
	luaL_argcheck(lua, ttl_ms >= 1 && ttl_ms <= TTL_MAX_MS, index, "a time to live is 1 ms to 30 days");
	return (uint64_t)ttl_ms;
}

static void check_number(lua_State *lua, int index, struct shared_value *value) {
	luaL_argexpected(lua, lua_type(lua, index) == LUA_TNUMBER, index, "number");
	value->kind = lua_isinteger(lua, index) ? SHARED_INTEGER : SHARED_NUMBER;
	value->integer = (int64_t)lua_tointeger(lua, index);
	value->number = lua_tonumber(lua, index);
	value->boolean = false;
	value->text_bytes = 0;
}

static void check_text(lua_State *lua, int index, struct shared_value *value) {
	const char *text = lua_tolstring(lua, index, &value->text_bytes);
	luaL_argcheck(lua, value->text_bytes <= SHARED_TEXT_BYTES_MAX, index, "a text has at most 16384 bytes");
	vm_charge(lua, value->text_bytes / BYTES_PER_CHARGE);
	value->kind = SHARED_TEXT;
	value->boolean = false;
	value->integer = 0;
	value->number = 0;
	memcpy(value->text, text, value->text_bytes);
}

static void check_value(lua_State *lua, int index, struct shared_value *value) {
	int type = lua_type(lua, index);
	luaL_argexpected(lua, type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN, index,
	                 "string, number, boolean or nil");
	if (type == LUA_TSTRING) {
		check_text(lua, index, value);
	} else if (type == LUA_TNUMBER) {
		check_number(lua, index, value);
	} else {
		value->kind = SHARED_BOOLEAN;
		value->boolean = lua_toboolean(lua, index);
		value->integer = 0;
		value->number = 0;
		value->text_bytes = 0;
	}
}

// A hook may have stored what a client sent, or a count that a client drives up.
static int push_value(lua_State *lua, const struct shared_value *value) {
	vm_note_foreign_input(lua);
	switch (value->kind) {
	case SHARED_TEXT:
		vm_charge(lua, value->text_bytes / BYTES_PER_CHARGE);
		lua_pushlstring(lua, value->text, value->text_bytes);
		break;
	case SHARED_INTEGER:
		lua_pushinteger(lua, (lua_Integer)value->integer);
		break;
	case SHARED_NUMBER:
		lua_pushnumber(lua, value->number);
		break;
	case SHARED_BOOLEAN:
		lua_pushboolean(lua, value->boolean);
		break;
	}
	return 1;
}

static int push_refusal(lua_State *lua, int rc) {
	lua_pushnil(lua);
	if (rc == ERROR_LIMIT)
		lua_pushliteral(lua, "full");
	else
		lua_pushliteral(lua, "the value is no number");
	return 2;
}

static int shared_library_get(lua_State *lua) {
	struct shared_store *store = store_of(lua);
	struct slice key = check_key(lua);
	struct shared_value value;
	if (shared_get(store, key, vm_of(lua)->now_ms, &value))
		return push_value(lua, &value);
	lua_pushnil(lua);
	return 1;
}

static int shared_library_set(lua_State *lua) {
	struct shared_store *store = store_of(lua);
	struct slice key = check_key(lua);
	uint64_t ttl_ms = check_ttl(lua, 3);
	if (lua_isnil(lua, 2)) {
		shared_remove(store, key);
		lua_pushboolean(lua, 1);
		return 1;
	}
	struct shared_value value;
	check_value(lua, 2, &value);
	int rc = shared_set(store, key, &value, ttl_ms, vm_of(lua)->now_ms);
	if (rc)
		return push_refusal(lua, rc);
	lua_pushboolean(lua, 1);
	return 1;
}

static int shared_library_incr(lua_State *lua) {
	struct shared_store *store = store_of(lua);
	struct slice key = check_key(lua);
	uint64_t ttl_ms = check_ttl(lua, 3);
	struct shared_value by, sum;
	if (lua_isnoneornil(lua, 2)) {
		lua_settop(lua, 1);
		lua_pushinteger(lua, 1);
	}
	check_number(lua, 2, &by);
	int rc = shared_add(store, key, &by, ttl_ms, vm_of(lua)->now_ms, &sum);
	return rc ? push_refusal(lua, rc) : push_value(lua, &sum);
}

void shared_library_push(lua_State *lua) {
	static const luaL_Reg functions[] = {
	    {"get", shared_library_get}, {"set", shared_library_set}, {"incr", shared_library_incr}, {NULL, NULL}};
	luaL_newlib(lua, functions);
}

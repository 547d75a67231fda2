// SPDX-License-Identifier: Apache-2.0
// `require "signalbox"`: the module's table. The Lua state is the host's: the module sets no globals, raises only for
// misuse, and all that it owns belongs to userdata of its own.
#include <lauxlib.h>
#include <lua.h>
#include <stdatomic.h>

#include "base/base64.h"
#include "base/log.h"
#include "module/handle.h"
#include "module/value.h"

// The only exported symbol of the shared object.
__attribute__((visibility("default"))) int luaopen_signalbox(lua_State *lua);

// signalbox.array(table) -> the same table, encoded as a JSON array even if it is empty.
static int module_array(lua_State *lua) {
	if (lua_isnoneornil(lua, 1)) {
		lua_settop(lua, 0);
		lua_newtable(lua);
	}
	luaL_checktype(lua, 1, LUA_TTABLE);
	lua_settop(lua, 1);
	value_mark_array(lua);
	return 1;
}

// signalbox.base64(bytes) -> text, the form in which images and documents are sent.
static int module_base64(lua_State *lua) {
	size_t length;
	const char *bytes = luaL_checklstring(lua, 1, &length);
	struct buffer *text = value_push_buffer(lua, length / 3 * 4 + 4);
	if (base64_encode(slice_of(bytes, length), text) != 0)
		return luaL_error(lua, "out of memory");
	lua_pushlstring(lua, text->len ? text->ptr : "", text->len);
	buffer_free(text);
	return 1;
}

// signalbox.encode(value) -> JSON text.
static int module_encode(lua_State *lua) {
	luaL_checkany(lua, 1);
	lua_settop(lua, 1);
	struct buffer *text = value_push_buffer(lua, SIZE_MAX / 2);
	value_write_json(lua, 1, NULL, text);
	if (text->failed)
		return luaL_error(lua, "out of memory");
	lua_pushlstring(lua, text->ptr, text->len);
	buffer_free(text);
	return 1;
}

// signalbox.decode(text) -> value; nil, message.
static int module_decode(lua_State *lua) {
	size_t length;
	const char *text = luaL_checklstring(lua, 1, &length);
	if (value_push_json(lua, slice_of(text, length), VALUE_KEEP_NULLS))
		return 1;
	lua_pushnil(lua);
	lua_pushliteral(lua, "not JSON, or nested deeper than 64");
	return 2;
}

// signalbox.log(level): sets the least level that the process writes to stderr.
static int module_log(lua_State *lua) {
	log_configure((enum log_level)luaL_checkoption(lua, 1, NULL, log_level_names), LOG_TEXT);
	return 0;
}

int luaopen_signalbox(lua_State *lua) {
	static const luaL_Reg functions[] = {
	    {"new", handle_new},
	    {"array", module_array},
	    {"base64", module_base64},
	    {"encode", module_encode},
	    {"decode", module_decode},
	    {"log", module_log},
	    {NULL, NULL},
	};
	// Once a process: a second Lua state must not override the level that the host has set.
	static atomic_flag configured = ATOMIC_FLAG_INIT;
	if (!atomic_flag_test_and_set(&configured))
		log_configure(LOG_WARN, LOG_TEXT);
	luaL_newlib(lua, functions);
	lua_pushlightuserdata(lua, NULL);
	lua_setfield(lua, -2, "null");
	return 1;
}

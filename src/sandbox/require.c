// SPDX-License-Identifier: Apache-2.0
// `require`: finds modules by plain names, loads them from text and runs each once per VM. Modules that ship with the
// program get the C functions of the room above as their second argument; other modules get only their name.
#include <string.h>

#include <lauxlib.h>

#include "base/error.h"
#include "sandbox/sandbox.h"
#include "sandbox/script.h"
#include "sandbox/vm.h"

enum { PATH_BYTES = 4096 };

enum { UPVALUE_SOURCES = 1, UPVALUE_LOADED, UPVALUE_BUILTINS };

// Pushes the module's chunk; true for a module that ships with the program.
static bool push_chunk(lua_State *lua, struct sources *sources, struct slice name) {
	char path[PATH_BYTES];
	struct source_text text = {0};
	int rc = sources_module(sources, name, path, sizeof path, &text);
	if (rc == ERROR_INVALID)
		luaL_error(lua, "a module's name consists of letters, digits, underscores and single dots");
	if (rc == ERROR_BUSY)
		luaL_error(lua, "module '%s' was not loaded with the policy; require it at the top of the file", name.ptr);
	if (rc)
		luaL_error(lua, "module '%s' cannot be read: %s", name.ptr,
		           text.failure ? strerror(text.failure) : error_text(rc));
	vm_charge(lua, text.bytes.len / 8);
	script_load(lua, path, text.bytes);
	return slice_starts(name, SLICE("signalbox."));
}

static int require_module(lua_State *lua) {
	struct sources *sources = lua_touserdata(lua, lua_upvalueindex(UPVALUE_SOURCES));
	size_t bytes;
	const char *name = luaL_checklstring(lua, 1, &bytes);
	lua_settop(lua, 1);
	lua_pushvalue(lua, 1);
	if (lua_rawget(lua, lua_upvalueindex(UPVALUE_LOADED)) != LUA_TNIL) {
		if (lua_isboolean(lua, -1) && !lua_toboolean(lua, -1))
			return luaL_error(lua, "module '%s' requires itself", name);
		return 1;
	}
	bool ours = push_chunk(lua, sources, slice_of(name, bytes)); /* name nil chunk */
	lua_pushvalue(lua, 1);
	lua_pushboolean(lua, 0);
	lua_rawset(lua, lua_upvalueindex(UPVALUE_LOADED));
	lua_pushvalue(lua, 1);
	if (ours)
		lua_pushvalue(lua, lua_upvalueindex(UPVALUE_BUILTINS));
	lua_call(lua, ours ? 2 : 1, 1); /* name nil module */
	if (lua_isnil(lua, -1) || (lua_isboolean(lua, -1) && !lua_toboolean(lua, -1)))
		return luaL_error(lua, "module '%s' returned nothing", name);
	if (ours) {
		sandbox_freeze(lua, -1);
		lua_remove(lua, -2);
	}
	lua_pushvalue(lua, 1);
	lua_pushvalue(lua, -2);
	lua_rawset(lua, lua_upvalueindex(UPVALUE_LOADED));
	return 1;
}

void sandbox_push_require(lua_State *lua, struct sources *sources, void (*push_builtins)(lua_State *)) {
	lua_pushlightuserdata(lua, sources);
	lua_newtable(lua);
	if (push_builtins)
		push_builtins(lua);
	else
		lua_pushnil(lua);
	lua_pushcclosure(lua, require_module, 3);
}

// SPDX-License-Identifier: Apache-2.0
// The globals: only the functions listed below. The tables that luaopen_* makes are never reachable, not even through
// the metatable of strings.
#include "sandbox/sandbox.h"

#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "sandbox/object.h"
#include "sandbox/vm.h"

// One instruction for this many bytes is a little too much for a copy and a little too little for a search.
enum { BYTES_PER_CHARGE = 32 };

static int call_charged(lua_State *lua) {
	size_t bytes = 0;
	for (int i = 1; i <= lua_gettop(lua); i++)
		if (lua_type(lua, i) == LUA_TSTRING)
			bytes += lua_rawlen(lua, i);
	if (bytes >= BYTES_PER_CHARGE)
		vm_charge(lua, bytes / BYTES_PER_CHARGE);
	return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

void sandbox_set_charged(lua_State *lua, int library, int into, const char *const *names) {
	library = lua_absindex(lua, library);
	into = lua_absindex(lua, into);
	for (; *names; names++) {
		lua_getfield(lua, library, *names);
		lua_pushcclosure(lua, call_charged, 1);
		lua_setfield(lua, into, *names);
	}
}

void sandbox_set_plain(lua_State *lua, int library, int into, const char *const *names) {
	library = lua_absindex(lua, library);
	into = lua_absindex(lua, into);
	for (; *names; names++) {
		lua_getfield(lua, library, *names);
		lua_setfield(lua, into, *names);
	}
}

// Pushes the table that a library's opener makes.
static void open_library(lua_State *lua, lua_CFunction opener) {
	lua_pushcfunction(lua, opener);
	lua_call(lua, 0, 1);
}

// Its address is a key in metatables that set_metatable copied and that the script has not protected.
static const char copy_key;

static void refuse_events(lua_State *lua, int metatable) {
	static const char *const refused[] = {"__gc", "__close", "__mode", NULL};
	for (const char *const *name = refused; *name; name++) {
		lua_pushstring(lua, *name);
		if (lua_rawget(lua, metatable) != LUA_TNIL)
			luaL_error(lua, "%s is not available in a policy", *name);
		lua_pop(lua, 1);
	}
	// Lua shifts the stack once for each value of a chain of __call, all in one instruction.
	lua_pushliteral(lua, "__call");
	if (lua_rawget(lua, metatable) != LUA_TNIL && !lua_isfunction(lua, -1))
		luaL_error(lua, "__call must be a function, not a %s", object_type_name(lua, -1));
	lua_pop(lua, 1);
}

// Pushes a copy of the metatable with the events that it handles. getmetatable returns the original.
static void push_events(lua_State *lua, int metatable) {
	static const char *const events[] = {
	    "__index", "__newindex", "__call", "__eq",  "__lt",  "__le",   "__concat", "__len",      "__unm",
	    "__add",   "__sub",      "__mul",  "__div", "__mod", "__idiv", "__pow",    "__tostring", "__pairs",
	    "__band",  "__bor",      "__bxor", "__shl", "__shr", "__bnot", "__name",   "__metatable"};
	lua_newtable(lua); /* copy */
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		lua_pushstring(lua, events[i]);
		lua_pushvalue(lua, -1); /* copy event event */
		if (lua_rawget(lua, metatable) == LUA_TNIL)
			lua_pop(lua, 2);
		else
			lua_rawset(lua, -3);
	}
	lua_pushliteral(lua, "__metatable");
	if (lua_rawget(lua, -2) == LUA_TNIL) {
		lua_pushvalue(lua, metatable);
		lua_setfield(lua, -3, "__metatable");
		lua_pushboolean(lua, 1);
		lua_rawsetp(lua, -3, &copy_key);
	}
	lua_pop(lua, 1);
}

// setmetatable with a copy of the metatable, so that a script can't add refused events later. Weak tables are refused
// because the collector's work on a chain of them grows with the square of its length and can't be interrupted.
static int set_metatable(lua_State *lua) {
	luaL_checktype(lua, 1, LUA_TTABLE);
	luaL_argexpected(lua, lua_istable(lua, 2) || lua_isnil(lua, 2), 2, "nil or table");
	lua_settop(lua, 2);
	if (lua_getmetatable(lua, 1) && lua_rawgetp(lua, -1, &copy_key) == LUA_TNIL &&
	    luaL_getmetafield(lua, 1, "__metatable") != LUA_TNIL)
		return luaL_error(lua, "cannot change a protected metatable");
	lua_settop(lua, 2);
	if (lua_istable(lua, 2)) {
		refuse_events(lua, 2);
		push_events(lua, 2);
	}
	lua_setmetatable(lua, 1);
	lua_settop(lua, 1);
	return 1;
}

// xpcall that calls the handler after the stack has been unwound. Lua's own calls it where the error was raised; for an
// error of the count hook that is inside the hook, where no further count can end the handler.
static int base_xpcall(lua_State *lua) {
	luaL_checktype(lua, 2, LUA_TFUNCTION);
	int arguments = lua_gettop(lua) - 2;
	lua_pushvalue(lua, 1);
	lua_insert(lua, 3); /* function handler function arguments... */
	if (lua_pcall(lua, arguments, LUA_MULTRET, 0) == LUA_OK) {
		lua_pushboolean(lua, 1);
		lua_replace(lua, 2);
		return lua_gettop(lua) - 1;
	}
	lua_replace(lua, 1); /* error handler */
	lua_insert(lua, 1);  /* handler error */
	lua_call(lua, 1, LUA_MULTRET);
	lua_pushboolean(lua, 0);
	lua_insert(lua, 1);
	return lua_gettop(lua);
}

// math.random over the generator of the running call, so that runs with the same seed are equal.
static int math_random(lua_State *lua) {
	struct random_source *random = vm_of(lua)->random;
	if (lua_gettop(lua) == 0) {
		lua_pushnumber(lua, 1.0 - random_unit(random));
		return 1;
	}
	lua_Integer low = lua_gettop(lua) > 1 ? luaL_checkinteger(lua, 1) : 1;
	lua_Integer high = luaL_checkinteger(lua, lua_gettop(lua) > 1 ? 2 : 1);
	luaL_argcheck(lua, low <= high, lua_gettop(lua), "interval is empty");
	uint64_t span = (uint64_t)high - (uint64_t)low + 1;
	uint64_t drawn = span ? random_below(random, span) : random_next(random);
	lua_pushinteger(lua, (lua_Integer)((uint64_t)low + drawn));
	return 1;
}

static lua_Integer wall_s(lua_State *lua) {
	const struct clock *clock = vm_of(lua)->clock;
	return (lua_Integer)(clock->wall_ms(clock->owner) / 1000);
}

// os.time with a table does not depend on the clock: that is left to Lua's own function.
static int os_time(lua_State *lua) {
	if (!lua_isnoneornil(lua, 1))
		return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
	lua_pushinteger(lua, wall_s(lua));
	return 1;
}

static int os_date(lua_State *lua) {
	lua_settop(lua, 2);
	if (lua_isnil(lua, 2)) {
		lua_pushinteger(lua, wall_s(lua));
		lua_replace(lua, 2);
	}
	return call_charged(lua);
}

static int os_clock(lua_State *lua) {
	const struct clock *clock = vm_of(lua)->clock;
	lua_pushnumber(lua, (lua_Number)clock->processor_us(clock->owner) / 1e6);
	return 1;
}

static int refuse_global(lua_State *lua) {
	return luaL_error(lua, "unknown global '%s'", luaL_tolstring(lua, 2, NULL));
}

static void set_frozen(lua_State *lua, int globals, const char *name) {
	sandbox_freeze(lua, -1);
	lua_setfield(lua, globals, name);
	lua_pop(lua, 1);
}

static void set_base(lua_State *lua, int globals, lua_CFunction ipairs) {
	static const char *const plain[] = {"assert", "error",  "getmetatable", "next",   "pairs", "pcall",    "rawequal",
	                                    "rawget", "rawlen", "rawset",       "select", "type",  "_VERSION", NULL};
	static const char *const charged[] = {"tonumber", "tostring", NULL};
	open_library(lua, luaopen_base); /* base: the state's first table of globals */
	int base = lua_gettop(lua);
	sandbox_set_plain(lua, base, globals, plain);
	sandbox_set_charged(lua, base, globals, charged);
	lua_getfield(lua, base, "ipairs");
	if (ipairs)
		lua_pushcclosure(lua, ipairs, 1);
	lua_setfield(lua, globals, "ipairs");
	lua_pushcfunction(lua, set_metatable);
	lua_setfield(lua, globals, "setmetatable");
	lua_pushcfunction(lua, base_xpcall);
	lua_setfield(lua, globals, "xpcall");
	lua_settop(lua, globals);
}

static void set_math(lua_State *lua, int globals) {
	static const char *const plain[] = {"abs",   "acos", "asin", "atan", "ceil",       "cos",        "deg",  "exp",
	                                    "floor", "fmod", "huge", "log",  "maxinteger", "mininteger", "modf", "pi",
	                                    "rad",   "sin",  "sqrt", "tan",  "tointeger",  "type",       "ult",  NULL};
	// These take thousands of arguments, each of which may be a long text that is read as a number.
	static const char *const charged[] = {"max", "min", NULL};
	open_library(lua, luaopen_math);
	lua_newtable(lua);
	sandbox_set_charged(lua, -2, -1, charged);
	sandbox_set_plain(lua, -2, -1, plain);
	lua_pushcfunction(lua, math_random);
	lua_setfield(lua, -2, "random");
	set_frozen(lua, globals, "math");
}

static void set_utf8(lua_State *lua, int globals) {
	static const char *const charged[] = {"char", "codepoint", "codes", "len", "offset", NULL};
	static const char *const plain[] = {"charpattern", NULL};
	open_library(lua, luaopen_utf8);
	lua_newtable(lua);
	sandbox_set_charged(lua, -2, -1, charged);
	sandbox_set_plain(lua, -2, -1, plain);
	set_frozen(lua, globals, "utf8");
}

static void set_os(lua_State *lua, int globals) {
	open_library(lua, luaopen_os);
	lua_newtable(lua); /* library os */
	lua_getfield(lua, -2, "time");
	lua_pushcclosure(lua, os_time, 1);
	lua_setfield(lua, -2, "time");
	lua_getfield(lua, -2, "date");
	lua_pushcclosure(lua, os_date, 1);
	lua_setfield(lua, -2, "date");
	lua_pushcfunction(lua, os_clock);
	lua_setfield(lua, -2, "clock");
	set_frozen(lua, globals, "os");
}

void sandbox_open(lua_State *lua, struct sources *sources, const struct sandbox_additions *additions) {
	lua_newtable(lua);
	int globals = lua_gettop(lua);
	set_base(lua, globals, additions->ipairs);
	set_math(lua, globals);
	set_utf8(lua, globals);
	set_os(lua, globals);
	sandbox_push_string(lua);
	set_frozen(lua, globals, "string");
	sandbox_push_table(lua);
	set_frozen(lua, globals, "table");
	sandbox_push_json(lua);
	set_frozen(lua, globals, "json");
	sandbox_push_require(lua, sources, additions->push_builtins);
	lua_setfield(lua, globals, "require");
	lua_settop(lua, globals);
	lua_createtable(lua, 0, 1); /* globals metatable */
	lua_pushcfunction(lua, refuse_global);
	lua_setfield(lua, -2, "__index");
	lua_setmetatable(lua, globals);
	sandbox_freeze(lua, globals); /* globals frozen */
	lua_pushvalue(lua, -1);
	lua_rawseti(lua, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	lua_pushliteral(lua, "_G");
	lua_insert(lua, -2);
	lua_rawset(lua, globals);
	lua_settop(lua, globals - 1);
}

// SPDX-License-Identifier: Apache-2.0
// A host whose memory runs out, at each allocation in turn: each program runs again and again, with the first failure
// one allocation later, until it succeeds. Each failure must be a Lua error, and closing the state must free the rest,
// which the leak checker verifies.
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>

#include "../check.h"

int luaopen_signalbox(lua_State *lua);

enum { ALLOCATIONS_MAX = 20000 };

struct supply {
	unsigned long allocations; // since `armed` was set
	unsigned long last;        // the number of the first that fails
	bool armed;
	bool failed;
};

// After the first failure every allocation fails. Shrinking and freeing always work.
static void *allocate(void *owner, void *block, size_t old_bytes, size_t new_bytes) {
	struct supply *supply = owner;
	if (new_bytes == 0) {
		free(block);
		return NULL;
	}
	bool shrinks = block && new_bytes <= old_bytes;
	if (supply->armed && !shrinks && ++supply->allocations >= supply->last) {
		supply->failed = true;
		return NULL;
	}
	return realloc(block, new_bytes);
}

static int run_program(lua_State *lua) {
	struct supply *supply = lua_touserdata(lua, 1);
	const char *program = lua_touserdata(lua, 2);
	lua_settop(lua, 0);
	if (luaL_loadstring(lua, program))
		return lua_error(lua);
	supply->armed = true;
	luaL_requiref(lua, "signalbox", luaopen_signalbox, 0);
	lua_call(lua, 1, 0);
	return 0;
}

// True when the program succeeded; false when memory ran out. Any other error is a failed check.
static bool try_program(const char *program, unsigned long last) {
	struct supply supply = {.last = last};
	lua_State *lua = lua_newstate(allocate, &supply);
	luaL_openlibs(lua);
	lua_pushcfunction(lua, run_program);
	lua_pushlightuserdata(lua, &supply);
	lua_pushlightuserdata(lua, (void *)(uintptr_t)program);
	int status = lua_pcall(lua, 2, 0, 0);
	supply.armed = false;
	if (status != LUA_OK && !supply.failed) {
		printf("%s\n", lua_tostring(lua, -1));
		CHECK(status == LUA_OK);
	}
	lua_close(lua);
	return status == LUA_OK || !supply.failed;
}

static void sweep(const char *program) {
	unsigned long last = 1;
	while (last < ALLOCATIONS_MAX && !try_program(program, last))
		last++;
	CHECK(last > 10);
	CHECK(last < ALLOCATIONS_MAX);
}

// No process listens on port 9 of loopback: every request fails at once.
#define SETTINGS                                                                                                       \
	"local signalbox = ... "                                                                                           \
	"local settings = { endpoint = 'http://127.0.0.1:9', region = 'us-east-1', "                                       \
	"credentials = { access_key_id = 'AKIDEXAMPLE', secret_access_key = 'x' } } "

TEST(settings) {
	sweep(SETTINGS "local mux <close> = assert(signalbox.new(settings))");
	sweep(SETTINGS "settings.regon = 'x' settings.limits = { hold_bytes = 1 } "
	               "local mux, problems = signalbox.new(settings) assert(not mux and #problems > 50)");
}

TEST(whole_responses) {
	sweep(SETTINGS "local mux = assert(signalbox.new(settings)) "
	               "local reply, err = mux:converse { messages = { { role = 'user' } } } "
	               "assert(not reply and err.type == 'network' and tostring(err))");
}

TEST(streams) {
	sweep(SETTINGS "local mux = assert(signalbox.new(settings)) "
	               "local stream = mux:converse_stream { messages = {} } "
	               "local event, err = stream:next() "
	               "assert(not event and err.type == 'network' and stream:error() == err and stream.signalbox)");
}

TEST(reports) {
	sweep(SETTINGS "local mux <close> = assert(signalbox.new(settings)) "
	               "assert(mux:stats().total.success == 0 and mux:health().healthy)");
}

TEST(json) {
	sweep("local signalbox = ... "
	      "local text = '{\"a\":[1,2.5,\"x\\\\ny\",{\"b\":[]},null,true],\"c\":\"d\"}' "
	      "local again = signalbox.encode(signalbox.decode(text)) assert(#again == #text) "
	      "assert(#signalbox.base64(text) > #text and #signalbox.array { 1 } == 1)");
}

int main(void) {
	RUN(settings);
	RUN(whole_responses);
	RUN(streams);
	RUN(reports);
	RUN(json);
	return check_summary();
}

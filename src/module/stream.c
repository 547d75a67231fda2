// SPDX-License-Identifier: Apache-2.0
#include "module/stream.h"

#include <lauxlib.h>
#include <string.h>

#include "module/response.h"
#include "module/type.h"

#define STREAM_TYPE "signalbox.stream"

// The user values of a stream.
enum { STREAM_OWNER = 1, STREAM_ERROR, STREAM_USER_VALUES = STREAM_ERROR };

static struct call *check_stream(lua_State *lua) {
	return luaL_checkudata(lua, 1, STREAM_TYPE);
}

// Pushes the error of a call that failed, and keeps it for stream:error().
static void stream_fail(lua_State *lua, struct call *call) {
	response_push_failure(lua, call);
	lua_pushvalue(lua, -1);
	lua_setiuservalue(lua, 1, STREAM_ERROR);
	call_stop(call);
}

static int stream_advance(lua_State *lua, struct call *call) {
	struct eventstream_frame frame;
	switch (call_next(call, &frame)) {
	case CALL_FRAME:
		if (response_push_event(lua, call, &frame))
			return 1;
		break;
	case CALL_ENDED:
		call_stop(call);
		lua_pushnil(lua);
		return 1;
	case CALL_FAILED:
		break;
	}
	lua_pushnil(lua);
	stream_fail(lua, call);
	return 2;
}

// stream:next() -> event; nil at the end; nil, error.
static int stream_next(lua_State *lua) {
	struct call *call = check_stream(lua);
	if (call->orphaned)
		return luaL_error(lua, "the mux of this stream is closed");
	lua_settop(lua, 1);
	if (call->engine)
		return stream_advance(lua, call);
	lua_pushnil(lua);
	lua_getiuservalue(lua, 1, STREAM_ERROR);
	return 2;
}

// The iterator of a for loop. It raises errors, since a loop has no other way to report them: otherwise a partial
// response would look complete.
static int stream_call(lua_State *lua) {
	if (stream_next(lua) == 2 && !lua_isnil(lua, -1))
		return lua_error(lua);
	lua_settop(lua, 2);
	return 1;
}

static int stream_error(lua_State *lua) {
	check_stream(lua);
	lua_getiuservalue(lua, 1, STREAM_ERROR);
	return 1;
}

static int stream_close(lua_State *lua) {
	call_stop(check_stream(lua));
	return 0;
}

static int stream_collect(lua_State *lua) {
	call_free(check_stream(lua));
	return 0;
}

static int stream_text(lua_State *lua) {
	struct call *call = check_stream(lua);
	lua_pushfstring(lua, "signalbox.stream: %p (%s)", (void *)call, call->engine ? "open" : "closed");
	return 1;
}

static int stream_index(lua_State *lua) {
	struct call *call = check_stream(lua);
	const char *name = luaL_checkstring(lua, 2);
	if (strcmp(name, "signalbox") == 0)
		response_push_route(lua, call);
	else
		lua_getfield(lua, lua_upvalueindex(1), name);
	return 1;
}

static void push_metatable(lua_State *lua) {
	static const luaL_Reg own[] = {
	    {"__call", stream_call},
	    {"__close", stream_close},
	    {"__gc", stream_collect},
	    {"__tostring", stream_text},
	    {NULL, NULL},
	};
	static const luaL_Reg methods[] = {
	    {"next", stream_next},
	    {"error", stream_error},
	    {"close", stream_close},
	    {NULL, NULL},
	};
	if (type_push(lua, STREAM_TYPE, own))
		return;
	luaL_newlib(lua, methods);
	lua_pushcclosure(lua, stream_index, 1);
	lua_setfield(lua, -2, "__index");
	lua_pushliteral(lua, STREAM_TYPE);
	lua_setfield(lua, -2, "__metatable");
	type_register(lua, STREAM_TYPE);
}

struct call *stream_push(lua_State *lua, int owner) {
	struct call *call = lua_newuserdatauv(lua, sizeof *call, STREAM_USER_VALUES);
	memset(call, 0, sizeof *call);
	lua_pushvalue(lua, owner);
	lua_setiuservalue(lua, -2, STREAM_OWNER);
	push_metatable(lua);
	lua_setmetatable(lua, -2);
	return call;
}

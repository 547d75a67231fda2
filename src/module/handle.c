// SPDX-License-Identifier: Apache-2.0
#include "module/handle.h"

#include <lauxlib.h>

#include "base/clock.h"
#include "base/problem.h"
#include "config/report.h"
#include "module/engine.h"
#include "module/request.h"
#include "module/response.h"
#include "module/stream.h"
#include "module/type.h"
#include "module/value.h"
#include "sandbox/table_file.h"

#define HANDLE_TYPE "signalbox.mux"
#define OPENING_TYPE "signalbox.opening"

enum { PROBLEMS_BYTES = 1024 * 1024, REPORT_BYTES = 64 * 1024 * 1024 };

struct handle {
	struct engine *engine; // NULL once closed
};

// What signalbox.new holds while it works; a userdata, so that an error leaves nothing behind.
struct stream_start {
	struct document document;
	struct problems problems;
	struct buffer text;
};

static struct engine *check_open(lua_State *lua) {
	struct handle *handle = luaL_checkudata(lua, 1, HANDLE_TYPE);
	if (!handle->engine)
		luaL_error(lua, "the mux is closed");
	return handle->engine;
}

// Pushes the call that the request table at 2 asks for, sent already unless it is too large to be.
static struct call *push_call(lua_State *lua, enum operation operation) {
	struct engine *engine = check_open(lua);
	luaL_checktype(lua, 2, LUA_TTABLE);
	lua_settop(lua, 2);
	struct call *call = stream_push(lua, 1); /* mux request call */
	call_init(call, engine, operation);
	request_read(lua, 2, call);
	if (!call->body.failed) {
		call_start(call);
		return call;
	}
	call->ended = true;
	call_fail(call, TYPE_VALIDATION, 413, SLICE("ValidationException"),
	          SLICE("The request is larger than limits.body_bytes."));
	return call;
}

static int response_whole(lua_State *lua, enum operation operation) {
	struct call *call = push_call(lua, operation);
	if (call_finish(call) && response_push_reply(lua, call)) {
		call_stop(call);
		return 1;
	}
	lua_pushnil(lua);
	response_push_failure(lua, call);
	call_stop(call);
	return 2;
}

// stream, nil, nil, stream: what a for loop wants, the last to be closed when it is left.
static int response_stream(lua_State *lua, enum operation operation) {
	struct call *call = push_call(lua, operation);
	call_await_content(call);
	lua_pushnil(lua);
	lua_pushnil(lua);
	lua_pushvalue(lua, -3);
	return 4;
}

static int handle_converse(lua_State *lua) {
	return response_whole(lua, OPERATION_CONVERSE);
}

static int handle_invoke(lua_State *lua) {
	return response_whole(lua, OPERATION_INVOKE_MODEL);
}

static int handle_count_tokens(lua_State *lua) {
	return response_whole(lua, OPERATION_COUNT_TOKENS);
}

static int handle_converse_stream(lua_State *lua) {
	return response_stream(lua, OPERATION_CONVERSE_STREAM);
}

static int handle_invoke_stream(lua_State *lua) {
	return response_stream(lua, OPERATION_INVOKE_MODEL_STREAM);
}

static int push_report(lua_State *lua, bool is_health) {
	struct engine *engine = check_open(lua);
	struct report_time time = {.now_ms = clock_now_ms(), .wall_ms = clock_wall_ms()};
	struct buffer *text = value_push_buffer(lua, REPORT_BYTES);
	struct policy *policy = mux_policy(engine->mux);
	if (is_health)
		report_health_detail(policy_pool(policy), time, text);
	else
		report_statistics(policy_pool(policy), text);
	policy_release(policy);
	if (text->failed || !value_push_json(lua, buffer_slice(text), VALUE_DROP_NULLS))
		return luaL_error(lua, "the report is too large");
	buffer_free(text);
	return 1;
}

static int handle_stats(lua_State *lua) {
	return push_report(lua, false);
}

static int handle_health(lua_State *lua) {
	return push_report(lua, true);
}

static int handle_close(lua_State *lua) {
	struct handle *handle = luaL_checkudata(lua, 1, HANDLE_TYPE);
	struct engine *engine = handle->engine;
	handle->engine = NULL;
	if (engine)
		call_stop_all(engine);
	engine_free(engine);
	return 0;
}

static int handle_text(lua_State *lua) {
	struct handle *handle = luaL_checkudata(lua, 1, HANDLE_TYPE);
	lua_pushfstring(lua, "signalbox.mux: %p (%s)", (void *)handle, handle->engine ? "open" : "closed");
	return 1;
}

static void push_metatable(lua_State *lua) {
	static const luaL_Reg own[] = {
	    {"__gc", handle_close},
	    {"__close", handle_close},
	    {"__tostring", handle_text},
	    {NULL, NULL},
	};
	static const luaL_Reg methods[] = {
	    {"converse", handle_converse},
	    {"converse_stream", handle_converse_stream},
	    {"invoke", handle_invoke},
	    {"invoke_stream", handle_invoke_stream},
	    {"count_tokens", handle_count_tokens},
	    {"stats", handle_stats},
	    {"health", handle_health},
	    {"close", handle_close},
	    {NULL, NULL},
	};
	if (type_push(lua, HANDLE_TYPE, own))
		return;
	luaL_newlib(lua, methods);
	lua_setfield(lua, -2, "__index");
	lua_pushliteral(lua, HANDLE_TYPE);
	lua_setfield(lua, -2, "__metatable");
	type_register(lua, HANDLE_TYPE);
}

static struct handle *push_handle(lua_State *lua) {
	struct handle *handle = lua_newuserdatauv(lua, sizeof *handle, 0);
	handle->engine = NULL;
	push_metatable(lua);
	lua_setmetatable(lua, -2);
	return handle;
}

static int opening_collect(lua_State *lua) {
	struct stream_start *opening = luaL_checkudata(lua, 1, OPENING_TYPE);
	document_free(&opening->document);
	problems_free(&opening->problems);
	buffer_free(&opening->text);
	return 0;
}

static struct stream_start *push_opening(lua_State *lua) {
	static const luaL_Reg own[] = {{"__gc", opening_collect}, {"__close", opening_collect}, {NULL, NULL}};
	struct stream_start *opening = lua_newuserdatauv(lua, sizeof *opening, 0);
	*opening = (struct stream_start){0};
	buffer_init(&opening->text, PROBLEMS_BYTES);
	if (!type_push(lua, OPENING_TYPE, own))
		type_register(lua, OPENING_TYPE);
	lua_setmetatable(lua, -2);
	return opening;
}

static void push_problems(lua_State *lua, struct stream_start *opening, int rc) {
	problems_format(&opening->problems, &opening->text);
	struct slice text = buffer_slice(&opening->text);
	while (text.len && text.ptr[text.len - 1] == '\n')
		text.len--;
	if (text.len == 0)
		text = slice_from(error_text(rc));
	lua_pushlstring(lua, text.ptr, text.len);
}

int handle_new(lua_State *lua) {
	if (lua_isnoneornil(lua, 1)) {
		lua_settop(lua, 0);
		lua_newtable(lua);
	}
	luaL_checktype(lua, 1, LUA_TTABLE);
	lua_settop(lua, 1);
	struct handle *handle = push_handle(lua);         /* settings mux */
	struct stream_start *opening = push_opening(lua); /* settings mux opening */
	lua_toclose(lua, -1);
	lua_pushvalue(lua, 1);
	int rc = document_from_table(lua, OPTIONS_NAME, &opening->problems, &opening->document);
	if (rc == 0)
		rc = engine_new(&opening->document, &environment_of_process, &opening->problems, &handle->engine);
	if (rc == 0) {
		lua_pushvalue(lua, 2);
		return 1;
	}
	lua_pushnil(lua);
	push_problems(lua, opening, rc);
	return 2;
}

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
#define SETUP_TYPE "signalbox.setup"

enum { PROBLEMS_BYTES = 1024 * 1024, REPORT_BYTES = 64 * 1024 * 1024 };

struct handle {
	struct engine *engine; // NULL once closed
};

// What signalbox.new owns while it runs. A userdata, so that a Lua error leaks nothing.
struct setup {
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

// Pushes a call with the request of the table at 2, and sends it, unless it is too large.
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

static int push_whole(lua_State *lua, enum operation operation) {
	struct call *call = push_call(lua, operation);
	if (call_finish(call) && response_push_whole(lua, call)) {
		call_stop(call);
		return 1;
	}
	lua_pushnil(lua);
	response_push_failure(lua, call);
	call_stop(call);
	return 2;
}

// Pushes stream, nil, nil, stream: the four values of a generic for loop, which closes the last one when it ends.
static int push_stream(lua_State *lua, enum operation operation) {
	struct call *call = push_call(lua, operation);
	call_await_content(call);
	lua_pushnil(lua);
	lua_pushnil(lua);
	lua_pushvalue(lua, -3);
	return 4;
}

static int handle_converse(lua_State *lua) {
	return push_whole(lua, OPERATION_CONVERSE);
}

static int handle_invoke(lua_State *lua) {
	return push_whole(lua, OPERATION_INVOKE_MODEL);
}

static int handle_count_tokens(lua_State *lua) {
	return push_whole(lua, OPERATION_COUNT_TOKENS);
}

static int handle_converse_stream(lua_State *lua) {
	return push_stream(lua, OPERATION_CONVERSE_STREAM);
}

static int handle_invoke_stream(lua_State *lua) {
	return push_stream(lua, OPERATION_INVOKE_MODEL_STREAM);
}

static int push_report(lua_State *lua, bool is_health) {
	struct engine *engine = check_open(lua);
	struct report_time time = {.now_ms = clock_now_ms(), .wall_ms = clock_wall_ms()};
	struct buffer *text = value_push_buffer(lua, REPORT_BYTES);
	struct policy *policy = mux_policy(engine->mux);
	if (is_health)
		report_health_detail(policy_pool(policy), policy, time, text);
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

static int setup_collect(lua_State *lua) {
	struct setup *setup = luaL_checkudata(lua, 1, SETUP_TYPE);
	document_free(&setup->document);
	problems_free(&setup->problems);
	buffer_free(&setup->text);
	return 0;
}

static struct setup *push_setup(lua_State *lua) {
	static const luaL_Reg own[] = {{"__gc", setup_collect}, {"__close", setup_collect}, {NULL, NULL}};
	struct setup *setup = lua_newuserdatauv(lua, sizeof *setup, 0);
	*setup = (struct setup){0};
	buffer_init(&setup->text, PROBLEMS_BYTES);
	if (!type_push(lua, SETUP_TYPE, own))
		type_register(lua, SETUP_TYPE);
	lua_setmetatable(lua, -2);
	return setup;
}

static void push_problems(lua_State *lua, struct setup *setup, int rc) {
	problems_format(&setup->problems, &setup->text);
	struct slice text = buffer_slice(&setup->text);
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
	struct handle *handle = push_handle(lua); /* settings mux */
	struct setup *setup = push_setup(lua);    /* settings mux setup */
	lua_toclose(lua, -1);
	lua_pushvalue(lua, 1);
	int rc = document_from_table(lua, OPTIONS_NAME, &setup->problems, &setup->document);
	if (rc == 0)
		rc = engine_new(&setup->document, &environment_of_process, &setup->problems, &handle->engine);
	if (rc == 0) {
		lua_pushvalue(lua, 2);
		return 1;
	}
	lua_pushnil(lua);
	push_problems(lua, setup, rc);
	return 2;
}

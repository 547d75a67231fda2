// SPDX-License-Identifier: Apache-2.0
// How a request ended, as `finish` sees it.
#include <lauxlib.h>

#include "policy/view_fields.h"

struct result_view {
	struct call_view head;
	const struct request_result *result;
};

static const struct request_result *result_of(void *object) {
	return ((struct result_view *)object)->result;
}

static void push_outcome(lua_State *lua, void *object) {
	lua_pushstring(lua, outcome_names[result_of(object)->outcome]);
}

static void push_model(lua_State *lua, void *object) {
	struct result_view *view = object;
	if (view->result->model)
		views_push_model(lua, view->head.views, view->result->model);
	else
		lua_pushnil(lua);
}

static void push_attempts(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)result_of(object)->attempts);
}

// nil when the client got no response.
static void push_status(lua_State *lua, void *object) {
	view_push_count(lua, result_of(object)->status ? result_of(object)->status : -1);
}

static void push_error(lua_State *lua, void *object) {
	view_push_optional(lua, result_of(object)->error);
}

static void push_usage(lua_State *lua, void *object) {
	view_push_usage(lua, &result_of(object)->usage);
}

static void push_latency(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)result_of(object)->latency_ms);
}

static void push_ttft(lua_State *lua, void *object) {
	view_push_count(lua, result_of(object)->ttft_ms);
}

static const struct view_field result_fields[] = {
    {"outcome", push_outcome},    {"model", push_model},  {"attempts", push_attempts},
    {"status", push_status},      {"error", push_error},  {"usage", push_usage},
    {"latency_ms", push_latency}, {"ttft_ms", push_ttft}, {NULL, NULL},
};

void result_view_push_metatable(lua_State *lua) {
	view_push_metatable(lua, "result", result_fields, view_check_call);
}

void views_push_result(lua_State *lua, struct views *views, const struct request_result *result) {
	struct result_view *view = view_push_new(lua, views, OBJECT_RESULT, sizeof *view);
	view->result = result;
}

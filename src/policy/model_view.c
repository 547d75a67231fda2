// SPDX-License-Identifier: Apache-2.0
// A model as a hook sees it: its own keys, and live fields from one snapshot per call.
#include <lauxlib.h>

#include "policy/sandbox.h"
#include "policy/view.h"

static const struct model *model_of(void *object) {
	return ((struct model_view *)object)->model;
}

static const struct model_snapshot *snapshot_of(void *object) {
	struct model_view *view = object;
	struct views *views = view->views;
	// Calls count from 0, a view's stamp from 1: a fresh view has none.
	if (view->snapshot_call != views->call + 1) {
		model_state_snapshot(view->model->state, &view->model->breaker, views->vm->now_ms, &view->snapshot);
		view->snapshot_call = views->call + 1;
	}
	return &view->snapshot;
}

static void push_id(lua_State *lua, void *object) {
	lua_pushstring(lua, model_of(object)->id);
}

static void push_name(lua_State *lua, void *object) {
	lua_pushstring(lua, model_of(object)->name);
}

static void push_weight(lua_State *lua, void *object) {
	lua_pushnumber(lua, model_of(object)->weight);
}

static void push_fallback(lua_State *lua, void *object) {
	lua_pushboolean(lua, model_of(object)->fallback);
}

static void push_serves(lua_State *lua, void *object) {
	const struct model *model = model_of(object);
	if (model->serves_count == 0) {
		lua_pushnil(lua);
		return;
	}
	lua_createtable(lua, (int)model->serves_count, 0);
	for (size_t i = 0; i < model->serves_count; i++) {
		lua_pushstring(lua, model->serves[i]);
		lua_rawseti(lua, -2, (lua_Integer)i + 1);
	}
	sandbox_freeze(lua, -1);
	lua_remove(lua, -2);
}

// An optional string is nil where it is absent.
static void push_family(lua_State *lua, void *object) {
	lua_pushstring(lua, model_of(object)->family);
}

static void push_region(lua_State *lua, void *object) {
	lua_pushstring(lua, model_of(object)->region);
}

static void push_endpoint(lua_State *lua, void *object) {
	lua_pushstring(lua, model_of(object)->endpoint);
}

static void push_credentials(lua_State *lua, void *object) {
	lua_pushstring(lua, model_of(object)->credentials);
}

static void push_timeout(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)model_of(object)->timeout_ms);
}

static void push_ttft(lua_State *lua, void *object) {
	lua_pushnumber(lua, snapshot_of(object)->ttft_ms);
}

static void push_tags(lua_State *lua, void *object) {
	(void)object;
	lua_getiuservalue(lua, 1, 1);
}

static void push_breaker(lua_State *lua, void *object) {
	static const char *const names[] = {"closed", "open", "half_open"};
	lua_pushstring(lua, names[snapshot_of(object)->breaker]);
}

static void push_error_rate(lua_State *lua, void *object) {
	lua_pushnumber(lua, snapshot_of(object)->error_rate);
}

static void push_requests_per_minute(lua_State *lua, void *object) {
	lua_pushnumber(lua, snapshot_of(object)->requests_per_minute);
}

static void push_inflight(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)snapshot_of(object)->inflight);
}

static void push_latency(lua_State *lua, void *object) {
	lua_pushnumber(lua, snapshot_of(object)->latency_moving_average_ms);
}

static void push_p50(lua_State *lua, void *object) {
	lua_pushnumber(lua, snapshot_of(object)->p50_ms);
}

static void push_p95(lua_State *lua, void *object) {
	lua_pushnumber(lua, snapshot_of(object)->p95_ms);
}

static const struct view_field model_fields[] = {
    {"id", push_id},
    {"name", push_name},
    {"weight", push_weight},
    {"fallback", push_fallback},
    {"serves", push_serves},
    {"family", push_family},
    {"region", push_region},
    {"endpoint", push_endpoint},
    {"credentials", push_credentials},
    {"timeout_ms", push_timeout},
    {"tags", push_tags},
    {"breaker", push_breaker},
    {"error_rate", push_error_rate},
    {"requests_per_minute", push_requests_per_minute},
    {"inflight", push_inflight},
    {"latency_ms", push_latency},
    {"p50_ms", push_p50},
    {"p95_ms", push_p95},
    {"ttft_ms", push_ttft},
    {NULL, NULL},
};

void model_view_push_metatable(lua_State *lua) {
	view_push_metatable(lua, "model", model_fields, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// A failed attempt, as `classify` sees it.
#include <lauxlib.h>

#include "policy/view_fields.h"

struct failure_view {
	struct call_view head;
	const struct failure *failure;
	const struct classification *standard;
};

static const struct failure *failure_of(void *object) {
	return ((struct failure_view *)object)->failure;
}

static void push_kind(lua_State *lua, void *object) {
	static const char *const names[] = {"http", "network", "timeout", "stream"};
	lua_pushstring(lua, names[failure_of(object)->kind]);
}

// nil when there was no response.
static void push_status(lua_State *lua, void *object) {
	int status = failure_of(object)->status;
	if (status)
		lua_pushinteger(lua, status);
	else
		lua_pushnil(lua);
}

static void push_name(lua_State *lua, void *object) {
	view_push_slice(lua, failure_of(object)->name);
}

static void push_message(lua_State *lua, void *object) {
	view_push_slice(lua, failure_of(object)->message);
}

static void push_type(lua_State *lua, void *object) {
	lua_pushstring(lua, error_type_name(failure_of(object)->type));
}

static void push_retry_after(lua_State *lua, void *object) {
	view_push_count(lua, failure_of(object)->retry_after_ms);
}

static void push_tier(lua_State *lua, void *object) {
	view_push_tier(lua, failure_of(object)->tier);
}

static void push_latency(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)failure_of(object)->latency_ms);
}

static const struct view_field failure_fields[] = {
    {"kind", push_kind},          {"status", push_status}, {"name", push_name},
    {"message", push_message},    {"type", push_type},     {"retry_after_ms", push_retry_after},
    {"latency_ms", push_latency}, {"tier", push_tier},     {NULL, NULL},
};

void failure_view_push_metatable(lua_State *lua) {
	view_push_metatable(lua, "failure", failure_fields, view_check_call);
}

void views_push_failure(lua_State *lua, struct views *views, const struct failure *failure,
                        const struct classification *standard) {
	struct failure_view *view = view_push_new(lua, views, OBJECT_FAILURE, sizeof *view);
	view->failure = failure;
	view->standard = standard;
}

const struct classification *view_standard_at(lua_State *lua, int index) {
	struct failure_view *view = object_at(lua, index, OBJECT_FAILURE);
	luaL_argexpected(lua, view, index, "failure");
	view_check_call(lua, view);
	return view->standard;
}

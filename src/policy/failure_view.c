// SPDX-License-Identifier: Apache-2.0
// A failed attempt as `classify` sees it.
#include <lauxlib.h>

#include "policy/view.h"

static const struct failure *failure_of(void *object) {
	return ((struct failure_view *)object)->failure;
}

void failure_view_check(lua_State *lua, void *object) {
	const struct failure_view *view = object;
	if (view->call != view->views->call)
		luaL_error(lua, "this failure's view is only valid during the call that it was made for");
}

static void push_kind(lua_State *lua, void *object) {
	static const char *const names[] = {"http", "network", "timeout", "stream"};
	lua_pushstring(lua, names[failure_of(object)->kind]);
}

// nil where no answer came.
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
	int64_t retry_after_ms = failure_of(object)->retry_after_ms;
	if (retry_after_ms >= 0)
		lua_pushinteger(lua, (lua_Integer)retry_after_ms);
	else
		lua_pushnil(lua);
}

static void push_latency(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)failure_of(object)->latency_ms);
}

static const struct view_field failure_fields[] = {
    {"kind", push_kind},          {"status", push_status},
    {"name", push_name},          {"message", push_message},
    {"type", push_type},          {"retry_after_ms", push_retry_after},
    {"latency_ms", push_latency}, {NULL, NULL},
};

void failure_view_push_metatable(lua_State *lua) {
	view_push_metatable(lua, "failure", failure_fields, failure_view_check);
}

void views_push_failure(lua_State *lua, struct views *views, const struct failure *failure) {
	struct failure_view *view = lua_newuserdatauv(lua, sizeof *view, 0);
	*view = (struct failure_view){OBJECT_FAILURE, views, views->call, failure};
	lua_rawgeti(lua, LUA_REGISTRYINDEX, views->failure_metatable);
	lua_setmetatable(lua, -2);
}

// SPDX-License-Identifier: Apache-2.0
// A whole response, as `accept` sees it; the body is read when a field needs it.
#include <lauxlib.h>

#include "policy/view_fields.h"

struct response_view {
	struct call_view head;
	const struct response *response;
	bool has_content;
	struct response_content content; // borrowed from the response; read when `has_content`
};

static const struct response *response_of(void *object) {
	return ((struct response_view *)object)->response;
}

static const struct response_content *content_of(lua_State *lua, void *object) {
	struct response_view *view = object;
	if (!view->has_content) {
		const struct response *response = view->response;
		vm_charge_bytes(lua, response->body.len);
		view->head.views->bodies->read_response(response, &view->content);
		view->has_content = true;
	}
	return &view->content;
}

static void push_status(lua_State *lua, void *object) {
	lua_pushinteger(lua, response_of(object)->status);
}

static void push_stop_reason(lua_State *lua, void *object) {
	view_push_optional(lua, content_of(lua, object)->stop_reason);
}

static void push_usage(lua_State *lua, void *object) {
	view_push_usage(lua, &response_of(object)->usage);
}

static void push_tier(lua_State *lua, void *object) {
	view_push_optional(lua, content_of(lua, object)->tier);
}

static void push_latency(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)response_of(object)->latency_ms);
}

static int response_text(lua_State *lua) {
	struct response_view *view = view_check_self(lua, OBJECT_RESPONSE, "text");
	uint64_t tokens = content_of(lua, view)->tokens;
	view_push_text(lua, view->response->body, tokens, view->head.views->bodies->each_response_text);
	return 1;
}

static int response_body(lua_State *lua) {
	view_push_decoded(lua, response_of(view_check_self(lua, OBJECT_RESPONSE, "body"))->body);
	return 1;
}

static void push_text_method(lua_State *lua, void *object) {
	(void)object;
	lua_pushcfunction(lua, response_text);
}

static void push_body_method(lua_State *lua, void *object) {
	(void)object;
	lua_pushcfunction(lua, response_body);
}

static const struct view_field response_fields[] = {
    {"status", push_status},      {"stop_reason", push_stop_reason}, {"usage", push_usage},      {"tier", push_tier},
    {"latency_ms", push_latency}, {"text", push_text_method},        {"body", push_body_method}, {NULL, NULL},
};

void response_view_push_metatable(lua_State *lua) {
	view_push_metatable(lua, "response", response_fields, view_check_call);
}

void views_push_response(lua_State *lua, struct views *views, const struct response *response) {
	struct response_view *view = view_push_new(lua, views, OBJECT_RESPONSE, sizeof *view);
	view->response = response;
	view->has_content = false;
}

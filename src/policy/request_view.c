// SPDX-License-Identifier: Apache-2.0
// A request, as hooks see it. Each call gets a new object: one that a policy keeps must never show another request.
#include <lauxlib.h>

#include "policy/view_fields.h"
#include "route/request.h"
#include "sandbox/sandbox.h"

struct request_view {
	struct call_view head;
	const struct route_request *request;
	uint32_t attempt; // counts from 1
	bool has_content;
	struct request_content content; // borrowed from the request's body; read when `has_content`
};

static const struct route_request *request_of(void *object) {
	return ((struct request_view *)object)->request;
}

static const struct request_attributes *attributes_of(void *object) {
	return route_request_attributes(request_of(object));
}

// Reads the body once per view.
static const struct request_content *content_of(lua_State *lua, void *object) {
	struct request_view *view = object;
	if (!view->has_content) {
		struct slice body = attributes_of(object)->body;
		vm_charge_bytes(lua, body.len);
		view->head.views->bodies->read_request(attributes_of(object), &view->content);
		view->has_content = true;
	}
	return &view->content;
}

const struct request_content *view_content_at(lua_State *lua, int index) {
	struct request_view *view = object_at(lua, index, OBJECT_REQUEST);
	luaL_argexpected(lua, view, index, "request");
	view_check_call(lua, view);
	if (view->has_content)
		vm_charge_bytes(lua, attributes_of(view)->body.len);
	return content_of(lua, view);
}

static void push_request_id(lua_State *lua, void *object) {
	view_push_slice(lua, attributes_of(object)->id);
}

static void push_operation(lua_State *lua, void *object) {
	struct slice operation = attributes_of(object)->operation; // one of a few, so it is no foreign input
	lua_pushlstring(lua, operation.len ? operation.ptr : "", operation.len);
}

static void push_streaming(lua_State *lua, void *object) {
	lua_pushboolean(lua, attributes_of(object)->streaming);
}

static void push_asked(lua_State *lua, void *object) {
	view_push_slice(lua, attributes_of(object)->asked);
}

static void push_caller(lua_State *lua, void *object) {
	view_push_optional(lua, attributes_of(object)->caller);
}

static void push_bytes(lua_State *lua, void *object) {
	vm_note_foreign_input(lua);
	lua_pushinteger(lua, (lua_Integer)attributes_of(object)->body.len);
}

static void push_attempt(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)((struct request_view *)object)->attempt);
}

static void push_elapsed(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)route_request_elapsed_ms(request_of(object)));
}

// Names are in lower case. A name that occurs twice has its first value.
static void push_headers(lua_State *lua, void *object) {
	struct headers headers = attributes_of(object)->headers;
	vm_note_foreign_input(lua);
	lua_createtable(lua, 0, (int)headers.count); /* headers */
	for (size_t i = 0; i < headers.count; i++) {
		luaL_Buffer name;
		luaL_buffinitsize(lua, &name, headers.list[i].name.len);
		for (size_t j = 0; j < headers.list[i].name.len; j++) {
			char byte = headers.list[i].name.ptr[j];
			luaL_addchar(&name, byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte);
		}
		luaL_pushresult(&name); /* headers name */
		lua_pushvalue(lua, -1);
		if (lua_rawget(lua, -3) != LUA_TNIL) {
			lua_pop(lua, 2);
			continue;
		}
		lua_pop(lua, 1);
		view_push_slice(lua, headers.list[i].value);
		lua_rawset(lua, -3);
	}
	sandbox_freeze(lua, -1);
	lua_remove(lua, -2);
}

// The names of the models that were tried and failed, in the order of their attempts.
static void push_tried(lua_State *lua, void *object) {
	const struct route_request *request = request_of(object);
	uint32_t attempts = route_request_attempts(request);
	lua_newtable(lua);
	lua_Integer count = 0;
	for (uint32_t i = 0; i < attempts; i++) {
		const struct model *model = route_request_attempt_model(request, i);
		bool again = false;
		for (uint32_t j = 0; j < i; j++)
			again = again || route_request_attempt_model(request, j) == model;
		if (again || !route_request_has_tried(request, model))
			continue;
		lua_pushstring(lua, model->name);
		lua_rawseti(lua, -2, ++count);
	}
	sandbox_freeze(lua, -1);
	lua_remove(lua, -2);
}

// What has been decoded decides something, and services may read the other one of two members. `key` may be NULL.
static void note_duplicate(struct request_view *view, const char *key) {
	if (key)
		view->head.views->bodies->note_duplicate(attributes_of(view), key);
}

static int decode_metadata(lua_State *lua) {
	const struct slice *metadata = lua_touserdata(lua, 1);
	note_duplicate(lua_touserdata(lua, 2), sandbox_push_decoded(lua, *metadata));
	sandbox_freeze_deep(lua, -1);
	return 1;
}

// Metadata that is too large to decode counts as absent: a client must not make a hook fail that only reads metadata.
static void push_metadata(lua_State *lua, void *object) {
	struct slice metadata = content_of(lua, object)->metadata;
	if (metadata.len) {
		lua_pushcfunction(lua, decode_metadata);
		lua_pushlightuserdata(lua, &metadata);
		lua_pushlightuserdata(lua, object);
		if (lua_pcall(lua, 2, 1, 0) == LUA_OK)
			return;
		if (vm_of(lua)->remaining <= 0 || vm_of(lua)->over_memory)
			lua_error(lua);
		lua_pop(lua, 1);
	}
	lua_newtable(lua);
	sandbox_freeze_deep(lua, -1);
	lua_remove(lua, -2);
}

static void push_input_tokens(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)content_of(lua, object)->input_tokens);
}

static void push_max_tokens(lua_State *lua, void *object) {
	view_push_count(lua, content_of(lua, object)->max_tokens);
}

static int request_text(lua_State *lua) {
	struct request_view *view = view_check_self(lua, OBJECT_REQUEST, "text");
	uint64_t tokens = content_of(lua, view)->tokens;
	view_push_text(lua, attributes_of(view)->body, tokens, view->head.views->bodies->each_request_text);
	return 1;
}

static int request_body(lua_State *lua) {
	struct request_view *view = view_check_self(lua, OBJECT_REQUEST, "body");
	content_of(lua, view);
	note_duplicate(view, view_push_decoded(lua, attributes_of(view)->body));
	return 1;
}

static void push_text_method(lua_State *lua, void *object) {
	(void)object;
	lua_pushcfunction(lua, request_text);
}

static void push_body_method(lua_State *lua, void *object) {
	(void)object;
	lua_pushcfunction(lua, request_body);
}

static const struct view_field request_fields[] = {
    {"id", push_request_id},         {"operation", push_operation},
    {"streaming", push_streaming},   {"model", push_asked},
    {"headers", push_headers},       {"metadata", push_metadata},
    {"bytes", push_bytes},           {"input_tokens", push_input_tokens},
    {"max_tokens", push_max_tokens}, {"attempt", push_attempt},
    {"tried", push_tried},           {"elapsed_ms", push_elapsed},
    {"caller", push_caller},         {"text", push_text_method},
    {"body", push_body_method},      {NULL, NULL},
};

void request_view_push_metatable(lua_State *lua) {
	view_push_metatable(lua, "request", request_fields, view_check_call);
}

void views_push_request(lua_State *lua, struct views *views, const struct route_request *request, uint32_t attempt) {
	struct request_view *view = view_push_new(lua, views, OBJECT_REQUEST, sizeof *view);
	view->request = request;
	view->attempt = attempt;
	view->has_content = false;
}

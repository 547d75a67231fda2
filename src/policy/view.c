// SPDX-License-Identifier: Apache-2.0
// The views of one VM, and what the views of a call have in common.
#include "policy/view.h"

#include <lauxlib.h>

#include "policy/view_fields.h"
#include "sandbox/sandbox.h"

enum {
	BODY_BYTES_MAX = 1 << 20,
	BYTES_PER_COPY = 64,
};

static const char *const kind_names[OBJECT_KINDS] = {
    [OBJECT_REQUEST] = "request",
    [OBJECT_FAILURE] = "failure",
    [OBJECT_RESPONSE] = "response",
    [OBJECT_RESULT] = "result",
};

static void push_models(lua_State *lua, struct views *views, const struct pool *pool, int tags) {
	lua_createtable(lua, (int)pool->count + 1, 0); /* models */
	views->models = lua_newuserdatauv(lua, pool->count * sizeof *views->models, 0);
	lua_rawseti(lua, -2, (lua_Integer)pool->count + 1);
	model_view_push_metatable(lua); /* models metatable */
	for (size_t i = 0; i < pool->count; i++) {
		model_view_push_new(lua, views, &pool->models[i]); /* models metatable view */
		views->models[i] = lua_touserdata(lua, -1);
		lua_rawgeti(lua, tags, (lua_Integer)i + 1);
		lua_setiuservalue(lua, -2, 1);
		lua_rawseti(lua, -3, (lua_Integer)i + 1);
	}
	lua_pop(lua, 1);
}

void views_open(struct views *views, lua_State *lua, const struct pool *pool, int tags) {
	static void (*const push_metatable[OBJECT_KINDS])(lua_State * lua) = {
	    [OBJECT_REQUEST] = request_view_push_metatable,
	    [OBJECT_FAILURE] = failure_view_push_metatable,
	    [OBJECT_RESPONSE] = response_view_push_metatable,
	    [OBJECT_RESULT] = result_view_push_metatable,
	};
	views->vm = vm_of(lua);
	views->pool = pool;
	push_models(lua, views, pool, lua_absindex(lua, tags));
	views->model_reference = luaL_ref(lua, LUA_REGISTRYINDEX);
	model_lists_open(lua, views, &views->eligible);
	for (int kind = 0; kind < OBJECT_KINDS; kind++) {
		if (!push_metatable[kind])
			continue;
		push_metatable[kind](lua);
		views->metatables[kind] = luaL_ref(lua, LUA_REGISTRYINDEX);
	}
}

void views_end(struct views *views) {
	views->call++;
}

void views_set_assigned(struct views *views, double *assigned) {
	views->assigned = assigned;
}

void views_push_model(lua_State *lua, struct views *views, const struct model *model) {
	lua_rawgeti(lua, LUA_REGISTRYINDEX, views->model_reference);
	lua_rawgeti(lua, -1, (lua_Integer)model->index + 1);
	lua_remove(lua, -2);
}

void *view_push_new(lua_State *lua, struct views *views, enum object_kind kind, size_t bytes) {
	struct call_view *view = lua_newuserdatauv(lua, bytes, 0);
	*view = (struct call_view){kind, views, views->call};
	lua_rawgeti(lua, LUA_REGISTRYINDEX, views->metatables[kind]);
	lua_setmetatable(lua, -2);
	return view;
}

void view_check_call(lua_State *lua, void *object) {
	const struct call_view *view = object;
	if (view->call != view->views->call)
		luaL_error(lua, "this %s's view is only valid during the call that it was made for", kind_names[view->kind]);
}

void *view_check_self(lua_State *lua, enum object_kind kind, const char *method) {
	void *object = object_at(lua, 1, kind);
	if (!object)
		luaL_error(lua, "call it as %s:%s()", kind_names[kind], method);
	view_check_call(lua, object);
	return object;
}

void view_push_slice(lua_State *lua, struct slice text) {
	vm_note_foreign_input(lua);
	lua_pushlstring(lua, text.len ? text.ptr : "", text.len);
}

void view_push_optional(lua_State *lua, struct slice text) {
	if (text.len)
		view_push_slice(lua, text);
	else
		lua_pushnil(lua);
}

void view_push_count(lua_State *lua, int64_t count) {
	if (count >= 0)
		lua_pushinteger(lua, (lua_Integer)count);
	else
		lua_pushnil(lua);
}

void view_push_tier(lua_State *lua, enum service_tier tier) {
	lua_pushstring(lua, tier == TIER_NONE ? NULL : service_tier_names[tier]);
}

void view_push_usage(lua_State *lua, const struct token_usage *usage) {
	vm_note_foreign_input(lua);
	lua_createtable(lua, 0, 4);
	view_push_count(lua, usage->input_tokens);
	lua_setfield(lua, -2, "input_tokens");
	view_push_count(lua, usage->output_tokens);
	lua_setfield(lua, -2, "output_tokens");
	view_push_count(lua, usage->cache_read_tokens);
	lua_setfield(lua, -2, "cache_read_tokens");
	view_push_count(lua, usage->cache_write_tokens);
	lua_setfield(lua, -2, "cache_write_tokens");
	sandbox_freeze(lua, -1);
	lua_remove(lua, -2);
}

const char *view_push_decoded(lua_State *lua, struct slice body) {
	vm_note_foreign_input(lua);
	if (body.len > BODY_BYTES_MAX)
		luaL_error(lua, "the body is too large to be decoded (%I bytes, at most %d)", (lua_Integer)body.len,
		           BODY_BYTES_MAX);
	if (body.len > 0)
		return sandbox_push_decoded(lua, body);
	lua_pushnil(lua);
	return NULL;
}

struct joined_text {
	luaL_Buffer buffer;
	size_t bytes;
	bool has_text;
};

static void count_text(void *owner, struct slice piece, bool begins) {
	struct joined_text *joined = owner;
	joined->bytes += piece.len + (begins ? 1 : 0);
}

static void add_text(void *owner, struct slice piece, bool begins) {
	struct joined_text *joined = owner;
	if (begins && joined->has_text)
		luaL_addchar(&joined->buffer, '\n');
	joined->has_text = true;
	luaL_addlstring(&joined->buffer, piece.ptr, piece.len);
}

// A text takes its memory twice: in the buffer, and as the string.
static bool can_afford_text(lua_State *lua, size_t bytes) {
	return vm_can_afford(lua, 2 * bytes / BYTES_PER_COPY, 2 * bytes);
}

void view_push_text(lua_State *lua, struct slice body, uint64_t tokens,
                    void (*each)(struct slice body, json_text_callback on_text, void *owner)) {
	struct joined_text text = {.bytes = 0};
	vm_charge_bytes(lua, body.len);
	if (!vm_can_afford(lua, tokens, 0))
		luaL_error(lua, "a body of %I bytes is too large for what is left of the budget", (lua_Integer)body.len);
	vm_charge(lua, tokens);
	each(body, count_text, &text);
	if (!can_afford_text(lua, text.bytes))
		luaL_error(lua, "a text of %I bytes is too large for what is left of the budget", (lua_Integer)text.bytes);
	luaL_buffinitsize(lua, &text.buffer, text.bytes);
	each(body, add_text, &text);
	luaL_pushresult(&text.buffer);
}

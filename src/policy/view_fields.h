// SPDX-License-Identifier: Apache-2.0
// Between the files of the views: fields, and the views of one call.
#ifndef POLICY_VIEW_FIELDS_H
#define POLICY_VIEW_FIELDS_H

#include "base/slice.h"
#include "policy/view.h"

// A field: its name and what pushes it for the object at index 1.
struct view_field {
	const char *name;
	void (*push)(lua_State *lua, void *object);
};

// Pushes a metatable for objects that read as `fields` (ended by a NULL name). `check` raises for an object that may
// not be used any more; NULL is none. Reading any other name raises and names the nearest field.
void view_push_metatable(lua_State *lua, const char *name, const struct view_field *fields,
                         void (*check)(lua_State *lua, void *object));

// What the views of one call begin with: alive while `call` is that of `views`. Nothing refers to them from C, since
// Lua may collect them as soon as the hook has let go of them.
struct call_view {
	enum object_kind kind;
	struct views *views;
	uint64_t call;
};

// Pushes a new view of that kind, of `bytes` in all; what follows its head is for the caller to fill.
void *view_push_new(lua_State *lua, struct views *views, enum object_kind kind, size_t bytes);

// Raises when the object's call is over.
void view_check_call(lua_State *lua, void *object);

// The object at index 1 of a method's call; raises where it is none of that kind, or its call is over.
void *view_check_self(lua_State *lua, enum object_kind kind, const char *method);

// Each pushes one value.
void view_push_slice(lua_State *lua, struct slice text);
// nil for a negative number.
void view_push_count(lua_State *lua, int64_t count);
// nil for TIER_NONE.
void view_push_tier(lua_State *lua, enum service_tier tier);
// Tokens, read-only; those that are unknown are nil.
void view_push_usage(lua_State *lua, const struct usage *usage);
// A whole body, decoded; nil where it is empty. Raises for a large one.
void view_push_decoded(lua_State *lua, struct slice body);

// All texts that `each` tells of the body, one a line; charged by the body's length.
void view_push_text(lua_State *lua, struct slice body,
                    void (*each)(struct slice body, json_text_callback on_text, void *owner));

void model_view_push_metatable(lua_State *lua);
void request_view_push_metatable(lua_State *lua);
void failure_view_push_metatable(lua_State *lua);
void response_view_push_metatable(lua_State *lua);
void result_view_push_metatable(lua_State *lua);

// Makes a list and its parts, empty.
void model_lists_open(lua_State *lua, struct views *views, struct model_lists *lists);

// Pushes the view of a model of the pool, made anew; the metatable is at the top.
void model_view_push_new(lua_State *lua, struct views *views, const struct model *model);

#endif

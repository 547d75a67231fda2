// SPDX-License-Identifier: Apache-2.0
// Shared by the files of the views: fields, and the views of a call.
#ifndef POLICY_VIEW_FIELDS_H
#define POLICY_VIEW_FIELDS_H

#include "base/slice.h"
#include "policy/view.h"

// A field: its name, and the function that pushes its value for the object at index 1.
struct view_field {
	const char *name;
	void (*push)(lua_State *lua, void *object);
};

// Pushes a metatable for objects with these fields (ended by a NULL name). `check` raises for an object that is no
// longer valid; NULL for none. Reading another name raises an error that suggests the nearest field.
void view_push_metatable(lua_State *lua, const char *name, const struct view_field *fields,
                         void (*check)(lua_State *lua, void *object));

// Raises the error for reading the field whose name is at index 2, which a `name` lacks. `fields` are those that it
// has, ended by NULL.
int view_refuse_field(lua_State *lua, const char *name, const char *const *fields);

// The head of a call's views: valid while `call` equals that of `views`. C keeps no pointer to such a view, since Lua
// may collect it as soon as the hook no longer refers to it.
struct call_view {
	enum object_kind kind;
	struct views *views;
	uint64_t call;
};

// Pushes a new view of that kind with `bytes` in all. The caller fills what follows the head.
void *view_push_new(lua_State *lua, struct views *views, enum object_kind kind, size_t bytes);

// Raises when the object's call is over.
void view_check_call(lua_State *lua, void *object);

// The object at index 1 of a method's call; raises when it is not of that kind, or its call is over.
void *view_check_self(lua_State *lua, enum object_kind kind, const char *method);

// Each pushes one value. A text counts as foreign input, as a client or an upstream chose it.
void view_push_slice(lua_State *lua, struct slice text);
// nil for an empty text.
void view_push_optional(lua_State *lua, struct slice text);
// nil for a negative number.
void view_push_count(lua_State *lua, int64_t count);
// nil for TIER_NONE.
void view_push_tier(lua_State *lua, enum service_tier tier);
// A read-only table of token counts; unknown ones are nil.
void view_push_usage(lua_State *lua, const struct token_usage *usage);
// A whole body, decoded; nil for an empty one. Raises for one of more than 1 MiB. Returns where a key is that
// its object has already; NULL if there is none.
const char *view_push_decoded(lua_State *lua, struct slice body);

// All texts that `each` finds in the body, one per line; charged by the body's length and its `tokens` before the work.
// Raises an ordinary error if that is more than is left of the budget.
void view_push_text(lua_State *lua, struct slice body, uint64_t tokens,
                    void (*each)(struct slice body, json_text_callback on_text, void *owner));

void model_view_push_metatable(lua_State *lua);
void request_view_push_metatable(lua_State *lua);
void failure_view_push_metatable(lua_State *lua);
void response_view_push_metatable(lua_State *lua);
void result_view_push_metatable(lua_State *lua);

// Makes an empty list and its parts.
void model_lists_open(lua_State *lua, struct views *views, struct model_lists *lists);

// Pushes a new view of a model of the pool; the metatable is at the top.
void model_view_push_new(lua_State *lua, struct views *views, const struct model *model);

#endif

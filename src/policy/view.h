// SPDX-License-Identifier: Apache-2.0
// What a hook sees. Models' views live as long as the VM; those of a request and a failure die with the call that they
// were made for, and say so when they are used later. Nothing can be changed through a view.
#ifndef POLICY_VIEW_H
#define POLICY_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "policy/body.h"
#include "policy/object.h"
#include "policy/vm.h"
#include "route/decide.h"
#include "route/model.h"
#include "route/state.h"

struct model_view {
	enum object_kind kind;
	const struct model *model;
	struct views *views;
	uint64_t snapshot_call; // the call in which `snapshot` was taken
	struct model_snapshot snapshot;
};

// A list of models as Lua sees it; C reads `models`, Lua the table behind the object.
struct model_list {
	enum object_kind kind;
	const struct model **models; // room for the whole pool; the VM's memory
	size_t count;
};

// The views of one call: alive while `call` is that of `views`. Nothing refers to them from C, since Lua may collect
// them as soon as the hook has let go of them.
struct request_view {
	enum object_kind kind;
	const struct views *views;
	uint64_t call;
	const struct route_request *request;
	uint32_t attempt; // counts from 1
	bool has_body;
	struct body_facts body; // borrowed from the request's body; read when `has_body`
};

struct failure_view {
	enum object_kind kind;
	const struct views *views;
	uint64_t call;
	const struct failure *failure;
};

// The views of one VM.
struct views {
	struct vm *vm;
	const struct pool *pool;
	uint64_t call;       // counts calls; a model's live fields are read once in each
	int model_reference; // the array of model views, in pool order
	int list_reference;  // the object that `eligible` is
	int request_metatable, failure_metatable;
	struct model_list *eligible, *primary, *fallback;
};

// Makes the views of all models of `pool`; `tags` is the index of an array of what each has as tags. Raises when memory
// runs out.
void views_open(struct views *views, lua_State *lua, const struct pool *pool, int tags);

// Ends a call: its views are dead from here on.
void views_end(struct views *views);

// Each pushes one value.
void views_push_model(lua_State *lua, struct views *views, const struct model *model);
void views_push_models(lua_State *lua, struct views *views, struct candidates candidates);
void views_push_request(lua_State *lua, struct views *views, const struct route_request *request, uint32_t attempt);
void views_push_failure(lua_State *lua, struct views *views, const struct failure *failure);

// Below: between the files of the views.

// A field: its name and what pushes it for the object at index 1.
struct view_field {
	const char *name;
	void (*push)(lua_State *lua, void *object);
};

// Pushes a metatable for objects that read as `fields` (ended by a NULL name). `check` raises for an object that may
// not be used any more; NULL is none. Reading any other name raises and names the nearest field.
void view_push_metatable(lua_State *lua, const char *name, const struct view_field *fields,
                         void (*check)(lua_State *lua, void *object));

void view_push_slice(lua_State *lua, struct slice text);

// Raises when the object's call is over.
void failure_view_check(lua_State *lua, void *object);
// What the request is; likewise.
const struct request_facts *request_view_facts(lua_State *lua, struct request_view *view);

void model_view_push_metatable(lua_State *lua);
void request_view_push_metatable(lua_State *lua);
void failure_view_push_metatable(lua_State *lua);

// Makes the three lists, each with its table, and pushes the one of the eligible models, which has the others.
void model_list_push_new(lua_State *lua, struct views *views);

#endif

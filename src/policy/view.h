// SPDX-License-Identifier: Apache-2.0
// What hooks see. A model's view lives as long as the VM. The views of a request, a failure, a response and a result
// are valid only during the call that they were made for; later use raises. A view is read-only, except for a model's
// weight in `tick`.
#ifndef POLICY_VIEW_H
#define POLICY_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "policy/body_reader.h"
#include "route/decide.h"
#include "route/model.h"
#include "sandbox/object.h"
#include "sandbox/vm.h"

struct views;

// A list of models. C reads `models`, Lua the table behind the object.
struct model_list {
	enum object_kind kind;
	const struct views *views;
	const struct model **models; // with room for the whole pool, in the VM's memory
	size_t count;
};

// A list and its two parts, in the VM's memory.
struct model_lists {
	int reference; // keeps `all`, which has the others as fields
	struct model_list *all, *primary, *fallback;
};

// The views of one VM.
struct views {
	struct vm *vm;
	const struct pool *pool;
	const struct body_reader *bodies;
	uint64_t call;         // the number of the call; a model's live fields are read once in each
	const double *weights; // in force, by a model's index; NULL for those of the pool
	double *assigned;      // written by `tick`; NULL outside of it
	int model_reference;   // the array of model views, in pool order
	void **models;         // the same views for C, in the VM's memory
	int metatables[OBJECT_KINDS];
	struct model_lists eligible;
	struct model_lists whole; // of the pool; opened only when the policy has a `tick`
};

// Makes the views of all models of `pool`; `tags` is the index of an array with the tags of each. Raises when memory
// runs out.
void views_open(struct views *views, lua_State *lua, const struct pool *pool, int tags);
// Makes the lists that views_push_pool pushes. Raises when memory runs out.
void views_open_pool(struct views *views, lua_State *lua);

// Ends a call and invalidates its views.
void views_end(struct views *views);

// Allows scripts to assign weights: until NULL is set, the views read and write those in `assigned`, by a model's
// index.
void views_set_assigned(struct views *views, double *assigned);

static inline double views_weight(const struct views *views, const struct model *model) {
	const double *weights = views->assigned ? views->assigned : views->weights;
	return weights ? weights[model->index] : model->weight;
}

// Each pushes one value.
void views_push_model(lua_State *lua, struct views *views, const struct model *model);
void views_push_models(lua_State *lua, struct views *views, struct candidates candidates);
void views_push_pool(lua_State *lua, struct views *views);
void views_push_request(lua_State *lua, struct views *views, const struct route_request *request, uint32_t attempt);
// `standard` is the default classification of the failure.
void views_push_failure(lua_State *lua, struct views *views, const struct failure *failure,
                        const struct classification *standard);
void views_push_response(lua_State *lua, struct views *views, const struct response *response);
void views_push_result(lua_State *lua, struct views *views, const struct request_result *result);

// The model of the view at `index`, or NULL when that is no model's view. Sets *weight to the model's weight in force,
// unless `weight` is NULL.
const struct model *view_model_at(lua_State *lua, int index, double *weight);

// The argument at index 1 of a function: a list of models, or a plain table of models that the policy made.
struct model_argument {
	const struct model_list *list; // NULL for a table
	size_t count;
};
// Raises when the argument is neither.
struct model_argument view_check_models(lua_State *lua);

const struct model *view_model_in_table(lua_State *lua, size_t i, double *weight);

// The model at position `i` from 0, and its weight; raises when a table has something else there.
static inline const struct model *view_model_of(lua_State *lua, struct model_argument models, size_t i,
                                                double *weight) {
	if (!models.list)
		return view_model_in_table(lua, i, weight);
	*weight = views_weight(models.list->views, models.list->models[i]);
	return models.list->models[i];
}

// The numeric field of models with that name, or NULL.
struct view_field;
const struct view_field *view_measure_named(const char *name);
// The value of the field for the model at position `i` from 0; raises as view_model_of does.
double view_measure_of(lua_State *lua, struct model_argument models, size_t i, const struct view_field *measure);

// The content of the body of the request whose view is at `index`; raises when there is no valid view. Each call is
// charged as a pass over the body, since the caller reads the parts.
const struct request_content *view_content_at(lua_State *lua, int index);

// `ipairs`, faster for lists of models; Lua's own is its upvalue.
int model_list_ipairs(lua_State *lua);

// The default classification of the failure whose view is at `index`; raises when there is no valid view.
const struct classification *view_standard_at(lua_State *lua, int index);

#endif

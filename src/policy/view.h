// SPDX-License-Identifier: Apache-2.0
// What a hook sees. Models' views live as long as the VM; those of a request, a failure, an answer and a result die
// with the call that they were made for, and say so when they are used later. Nothing can be changed through a view,
// except for a model's weight in `tick`.
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

// A list of models as Lua sees it; C reads `models`, Lua the table behind the object.
struct model_list {
	enum object_kind kind;
	const struct views *views;
	const struct model **models; // room for the whole pool; the VM's memory
	size_t count;
};

// A list and its two parts. Their memory is the VM's, `reference` keeps it.
struct model_lists {
	int reference; // of the object that `all` is; it has the others as fields
	struct model_list *all, *primary, *fallback;
};

// The views of one VM.
struct views {
	struct vm *vm;
	const struct pool *pool;
	const struct body_reader *bodies;
	uint64_t call;         // counts calls; a model's live fields are read once in each
	const double *weights; // of the models, by index; NULL: their own
	double *assigned;      // where `tick` writes; NULL outside of it
	int model_reference;   // the array of model views, in pool order
	void **models;         // the same for C; like them it is the VM's
	int metatables[OBJECT_KINDS];
	struct model_lists eligible;
	struct model_lists whole; // of the pool; opened where a policy has a `tick`
};

// Makes the views of all models of `pool`; `tags` is the index of an array of what each has as tags. Raises when memory
// runs out.
void views_open(struct views *views, lua_State *lua, const struct pool *pool, int tags);
// Makes the lists that views_push_pool pushes. Raises likewise.
void views_open_pool(struct views *views, lua_State *lua);

// Ends a call: its views are dead from here on.
void views_end(struct views *views);

// While `assigned` isn't NULL, models' weights are read from there and may be assigned.
void views_let_assign(struct views *views, double *assigned);

static inline double views_weight(const struct views *views, const struct model *model) {
	const double *weights = views->assigned ? views->assigned : views->weights;
	return weights ? weights[model->index] : model->weight;
}

// Each pushes one value.
void views_push_model(lua_State *lua, struct views *views, const struct model *model);
void views_push_models(lua_State *lua, struct views *views, struct candidates candidates);
void views_push_pool(lua_State *lua, struct views *views);
void views_push_request(lua_State *lua, struct views *views, const struct route_request *request, uint32_t attempt);
// `standard` is what is made of the failure by default.
void views_push_failure(lua_State *lua, struct views *views, const struct failure *failure,
                        const struct classification *standard);
void views_push_response(lua_State *lua, struct views *views, const struct response *response);
void views_push_result(lua_State *lua, struct views *views, const struct request_result *result);

// The model that the view at `index` shows, and the weight that holds for it (NULL where nobody wants to know); NULL
// where there is no such view.
const struct model *view_model_at(lua_State *lua, int index, double *weight);

// The argument at index 1 of a function: a list of models, or a plain table of them that a policy made.
struct model_argument {
	const struct model_list *list; // NULL for a table
	size_t count;
};
// Raises where it is neither.
struct model_argument view_check_models(lua_State *lua);

const struct model *view_model_in_table(lua_State *lua, size_t i, double *weight);

// The model at position `i` from 0, and its weight; raises where a table has something else there.
static inline const struct model *view_model_of(lua_State *lua, struct model_argument models, size_t i,
                                                double *weight) {
	if (!models.list)
		return view_model_in_table(lua, i, weight);
	*weight = views_weight(models.list->views, models.list->models[i]);
	return models.list->models[i];
}

// A field of models that is a number, by its name; NULL where there is no such field.
struct view_field;
const struct view_field *view_measure_named(const char *name);
// What it is at position `i`; as view_model_of.
double view_measure_of(lua_State *lua, struct model_argument models, size_t i, const struct view_field *measure);

// What is in the body of the request whose view is at `index`; raises where there is none, or none any more. Charged as
// a pass over the body each time, since its caller goes over the parts.
const struct request_content *view_content_at(lua_State *lua, int index);

// `ipairs`, sooner over lists of models; Lua's own is its upvalue.
int model_list_ipairs(lua_State *lua);

// What is made by default of the failure whose view is at `index`; raises where there is none, or none any more.
const struct classification *view_standard_at(lua_State *lua, int index);

#endif

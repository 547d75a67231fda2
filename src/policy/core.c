// SPDX-License-Identifier: Apache-2.0
// The C behind lua/signalbox: the same answers as the Lua that stands in for it outside the program, only faster.
#include "policy/core.h"

#include <lauxlib.h>

#include "policy/affinity.h"
#include "policy/shared_library.h"
#include "policy/view.h"
#include "policy/vm.h"

// Indexed by enum verdict and enum outcome.
const char *const verdict_names[] = {"failover", "escalate", "retry", "fail", NULL};
const char *const outcome_names[] = {"success", "rate_limit", "fail_fast", "refusal", "cancelled", NULL};

// Pushes the model of a list that a draw in (0, W] falls on, or nil.
static int draw_from_list(lua_State *lua, const struct model_list *list) {
	double total = 0, sum = 0;
	vm_charge(lua, list->count / 4 + 1);
	for (size_t i = 0; i < list->count; i++)
		total += list->models[i]->weight;
	double reach = total > 0 ? random_unit(vm_of(lua)->random) * total : 0;
	for (size_t i = 0; total > 0 && i < list->count; i++) {
		sum += list->models[i]->weight;
		if (sum >= reach) {
			lua_geti(lua, 1, (lua_Integer)i + 1);
			return 1;
		}
	}
	lua_pushnil(lua);
	return 1;
}

static const struct model *model_at(lua_State *lua, lua_Integer i) {
	lua_rawgeti(lua, 1, i);
	struct model_view *view = object_at(lua, -1, OBJECT_MODEL);
	if (!view)
		luaL_error(lua, "a list of models expected, found a %s at position %I", luaL_typename(lua, -1), i);
	lua_pop(lua, 1);
	return view->model;
}

// The same over a plain table of model views, one that the policy made.
static int draw_from_table(lua_State *lua) {
	lua_Integer count = (lua_Integer)lua_rawlen(lua, 1);
	double total = 0, sum = 0;
	vm_charge(lua, (uint64_t)count + 1);
	for (lua_Integer i = 1; i <= count; i++)
		total += model_at(lua, i)->weight;
	double reach = total > 0 ? random_unit(vm_of(lua)->random) * total : 0;
	for (lua_Integer i = 1; total > 0 && i <= count; i++) {
		sum += model_at(lua, i)->weight;
		if (sum >= reach) {
			lua_rawgeti(lua, 1, i);
			return 1;
		}
	}
	lua_pushnil(lua);
	return 1;
}

static int weighted(lua_State *lua) {
	struct model_list *list = object_at(lua, 1, OBJECT_MODELS);
	if (list)
		return draw_from_list(lua, list);
	luaL_argexpected(lua, lua_istable(lua, 1), 1, "list of models");
	return draw_from_table(lua);
}

// The default verdict on a failure, and { outcome, counts }. The cooldown is left out: what a hook leaves out stays the
// default, and the doubling of a throttle's cooldown can't be said in a number.
static int classify(lua_State *lua) {
	struct failure_view *view = object_at(lua, 1, OBJECT_FAILURE);
	luaL_argexpected(lua, view, 1, "failure");
	failure_view_check(lua, view);
	struct classification classification = {0};
	default_classify(view->failure, &classification);
	lua_pushstring(lua, verdict_names[classification.verdict]);
	lua_createtable(lua, 0, 2);
	lua_pushstring(lua, outcome_names[classification.outcome]);
	lua_setfield(lua, -2, "outcome");
	lua_pushboolean(lua, classification.counts);
	lua_setfield(lua, -2, "counts");
	return 2;
}

void core_push(lua_State *lua) {
	static const luaL_Reg functions[] = {{"weighted", weighted},
	                                     {"classify", classify},
	                                     {"hash_text", affinity_hash_text},
	                                     {"hash_prompt", affinity_hash_prompt},
	                                     {"hash_conversation", affinity_hash_conversation},
	                                     {"rendezvous", affinity_rendezvous},
	                                     {NULL, NULL}};
	luaL_newlib(lua, functions); /* core */
	shared_library_push(lua);
	lua_setfield(lua, -2, "shared");
}

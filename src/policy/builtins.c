// SPDX-License-Identifier: Apache-2.0
// The C behind lua/signalbox. Outside of the program, Lua code there gives the same results, only slower.
#include "policy/builtins.h"

#include <lauxlib.h>

#include "policy/prompt_hash.h"
#include "policy/shared_library.h"
#include "policy/view.h"
#include "sandbox/vm.h"

// Pushes a model drawn at random, each with a probability proportional to its weight; nil when all weights are 0.
static int builtin_weighted(lua_State *lua) {
	struct model_argument models = view_check_models(lua);
	double total = 0, sum = 0, weight;
	vm_charge(lua, models.count / (models.list ? 4 : 1) + 1);
	for (size_t i = 0; i < models.count; i++) {
		view_model_of(lua, models, i, &weight);
		total += weight;
	}
	double reach = total > 0 ? random_unit(vm_of(lua)->random) * total : 0;
	for (size_t i = 0; total > 0 && i < models.count; i++) {
		view_model_of(lua, models, i, &weight);
		sum += weight;
		if (sum >= reach) {
			lua_geti(lua, 1, (lua_Integer)i + 1);
			return 1;
		}
	}
	lua_pushnil(lua);
	return 1;
}

// Pushes the first of the models with the least value in the named field, nil for an empty list.
static int builtin_least(lua_State *lua) {
	struct model_argument models = view_check_models(lua);
	const char *name = luaL_checkstring(lua, 2);
	const struct view_field *measure = view_measure_named(name);
	size_t best = 0;
	double least_value = 0;
	if (!measure)
		return luaL_error(lua, "a model has no number '%s'", name);
	vm_charge(lua, models.count + 1);
	for (size_t i = 0; i < models.count; i++) {
		double value = view_measure_of(lua, models, i, measure);
		if (best && value >= least_value)
			continue;
		best = i + 1;
		least_value = value;
	}
	if (best)
		lua_geti(lua, 1, (lua_Integer)best);
	else
		lua_pushnil(lua);
	return 1;
}

// Pushes the default verdict on a failure, and { outcome, counts }. Leaves the cooldown out: an absent option keeps its
// default, and no number can express that a throttle's cooldown doubles.
static int builtin_classify(lua_State *lua) {
	const struct classification *standard = view_standard_at(lua, 1);
	lua_pushstring(lua, verdict_names[standard->verdict]);
	lua_createtable(lua, 0, 2);
	lua_pushstring(lua, outcome_names[standard->outcome]);
	lua_setfield(lua, -2, "outcome");
	lua_pushboolean(lua, standard->counts);
	lua_setfield(lua, -2, "counts");
	return 2;
}

void builtins_push(lua_State *lua) {
	static const luaL_Reg functions[] = {
	    {"weighted", builtin_weighted},         {"least", builtin_least},
	    {"classify", builtin_classify},         {"hash_text", prompt_hash_text},
	    {"hash_prompt", prompt_hash_prompt},    {"hash_conversation", prompt_hash_conversation},
	    {"rendezvous", prompt_hash_rendezvous}, {NULL, NULL}};
	luaL_newlib(lua, functions); /* builtins */
	shared_library_push(lua);
	lua_setfield(lua, -2, "shared");
}

// SPDX-License-Identifier: Apache-2.0
// The C behind lua/signalbox: the same answers as the Lua that stands in for it outside the program, only faster.
#include "policy/builtins.h"

#include <lauxlib.h>

#include "policy/prompt_hash.h"
#include "policy/shared_library.h"
#include "policy/view.h"
#include "sandbox/vm.h"

// The model that a draw in (0, W] falls on, or nil.
static int weighted(lua_State *lua) {
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

// The first of the models whose field of that name is least, or nil where there are none.
static int least(lua_State *lua) {
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

// The default verdict on a failure, and { outcome, counts }. The cooldown is left out: what a hook leaves out stays the
// default, and the doubling of a throttle's cooldown can't be said in a number.
static int classify(lua_State *lua) {
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
	static const luaL_Reg functions[] = {{"weighted", weighted},
	                                     {"least", least},
	                                     {"classify", classify},
	                                     {"hash_text", prompt_hash_text},
	                                     {"hash_prompt", prompt_hash_prompt},
	                                     {"hash_conversation", prompt_hash_conversation},
	                                     {"rendezvous", prompt_hash_rendezvous},
	                                     {NULL, NULL}};
	luaL_newlib(lua, functions); /* core */
	shared_library_push(lua);
	lua_setfield(lua, -2, "shared");
}

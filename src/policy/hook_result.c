// SPDX-License-Identifier: Apache-2.0
// Options are read raw and by one definition of their names and ranges, which are those of the policy's own keys: what
// a hook says of one attempt can't leave the bounds that the file has to keep.
#include "policy/hook_result.h"

#include <string.h>

#include <lauxlib.h>

#include "base/schema.h"
#include "policy/core.h"
#include "policy/view.h"
#include "policy/vm.h"

enum { OPTIONS_MAX = 8 };

enum { LONGEST_COOLDOWN_MS = 300000, LONGEST_DELAY_MS = 60000 };

struct option {
	const char *name; // NULL ends a list
	double minimum, maximum;
	void (*set)(lua_State *lua, const struct option *option, void *target);
};

const struct model *hook_result_model(lua_State *lua, int index, struct candidates candidates) {
	if (lua_isnil(lua, index))
		return NULL;
	const struct model_view *view = object_at(lua, index, OBJECT_MODEL);
	if (!view)
		vm_bad_result(lua, "select has to return a model or nil, not a %s", luaL_typename(lua, index));
	// The candidates are in the pool's order.
	size_t low = 0, high = candidates.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (candidates.list[middle]->index < view->model->index)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == candidates.count || candidates.list[low] != view->model)
		vm_bad_result(lua, "select returned %.200s, which is not eligible now", view->model->name);
	return view->model;
}

// The option's number is at the top.
static double check_number(lua_State *lua, const struct option *option) {
	if (lua_type(lua, -1) != LUA_TNUMBER)
		vm_bad_result(lua, "option %s has to be a number, not a %s", option->name, luaL_typename(lua, -1));
	double number = lua_tonumber(lua, -1);
	if (!(number >= option->minimum && number <= option->maximum))
		vm_bad_result(lua, "option %s has to be from %.14g to %.14g, not %.14g", option->name, option->minimum,
		              option->maximum, number);
	return number;
}

static void refuse_later(lua_State *lua, const struct option *option, void *target) {
	(void)target;
	vm_bad_result(lua, "option %s is not available in this version", option->name);
}

static void refuse_unknown(lua_State *lua, const struct option *options) {
	const char *names[OPTIONS_MAX + 1] = {0};
	for (size_t i = 0; options[i].name && i < OPTIONS_MAX; i++)
		names[i] = options[i].name;
	if (lua_type(lua, -2) != LUA_TSTRING)
		vm_bad_result(lua, "options have names, not a %s", luaL_typename(lua, -2));
	const char *name = lua_tostring(lua, -2);
	const char *nearest = schema_nearest(names, slice_from(name));
	vm_bad_result(lua, "unknown option %.64s%s%s%s", name, nearest ? " (did you mean " : "", nearest ? nearest : "",
	              nearest ? "?)" : "");
}

static void read_options(lua_State *lua, int index, const struct option *options, void *target) {
	if (lua_type(lua, index) != LUA_TTABLE)
		vm_bad_result(lua, "options have to be a table, not a %s", luaL_typename(lua, index));
	for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1)) {
		const struct option *option = options;
		while (option->name && !(lua_type(lua, -2) == LUA_TSTRING && strcmp(option->name, lua_tostring(lua, -2)) == 0))
			option++;
		if (!option->name)
			refuse_unknown(lua, options);
		option->set(lua, option, target);
	}
}

static void set_timeout(lua_State *lua, const struct option *option, void *target) {
	((struct attempt_options *)target)->timeout_ms = (uint64_t)check_number(lua, option);
}

static void set_ttft(lua_State *lua, const struct option *option, void *target) {
	((struct attempt_options *)target)->ttft_ms = (uint64_t)check_number(lua, option);
}

void hook_result_select_options(lua_State *lua, int index, struct attempt_options *options) {
	static const struct option known[] = {
	    {"timeout_ms", 1000, 300000, set_timeout}, {"ttft_ms", 100, 300000, set_ttft},     {"tier", 0, 0, refuse_later},
	    {"headers", 0, 0, refuse_later},           {"hedge_after_ms", 0, 0, refuse_later}, {0},
	};
	read_options(lua, index, known, options);
}

struct slice hook_result_reason(lua_State *lua, int index, char *copy, size_t size) {
	if (lua_type(lua, index) != LUA_TSTRING)
		vm_bad_result(lua, "a reason has to be a string, not a %s", luaL_typename(lua, index));
	size_t bytes;
	const char *reason = lua_tolstring(lua, index, &bytes);
	if (bytes > size)
		bytes = size;
	memcpy(copy, reason, bytes);
	return slice_of(copy, bytes);
}

enum verdict hook_result_verdict(lua_State *lua, int index) {
	const char *name = lua_type(lua, index) == LUA_TSTRING ? lua_tostring(lua, index) : NULL;
	if (!name)
		vm_bad_result(lua, "a verdict has to be a string, not a %s", luaL_typename(lua, index));
	for (int i = 0; verdict_names[i]; i++) {
		if (strcmp(verdict_names[i], name) != 0)
			continue;
		if (i == VERDICT_ESCALATE)
			vm_bad_result(lua, "verdict escalate is not available in this version");
		return (enum verdict)i;
	}
	const char *nearest = schema_nearest(verdict_names, slice_from(name));
	vm_bad_result(lua, "unknown verdict %.64s%s%s%s", name, nearest ? " (did you mean " : "", nearest ? nearest : "",
	              nearest ? "?)" : "");
	return VERDICT_FAIL;
}

static void set_outcome(lua_State *lua, const struct option *option, void *target) {
	(void)option;
	struct classification *classification = target;
	const char *name = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "";
	if (strcmp(name, outcome_names[OUTCOME_RATE_LIMIT]) == 0)
		classification->outcome = OUTCOME_RATE_LIMIT;
	else if (strcmp(name, outcome_names[OUTCOME_FAIL_FAST]) == 0)
		classification->outcome = OUTCOME_FAIL_FAST;
	else
		vm_bad_result(lua, "outcome has to be \"rate_limit\" or \"fail_fast\"");
}

static void set_counts(lua_State *lua, const struct option *option, void *target) {
	(void)option;
	if (lua_type(lua, -1) != LUA_TBOOLEAN)
		vm_bad_result(lua, "counts has to be true or false, not a %s", luaL_typename(lua, -1));
	((struct classification *)target)->counts = lua_toboolean(lua, -1);
}

// A cooldown that is stated is that long: it doubles no more.
static void set_cooldown(lua_State *lua, const struct option *option, void *target) {
	struct classification *classification = target;
	classification->cooldown_ms = (uint64_t)check_number(lua, option);
	classification->throttle = false;
}

static void set_after(lua_State *lua, const struct option *option, void *target) {
	((struct classification *)target)->after_ms = (uint64_t)check_number(lua, option);
}

void hook_result_classify_options(lua_State *lua, int index, struct classification *classification) {
	static const struct option known[] = {
	    {"outcome", 0, 0, set_outcome},
	    {"counts", 0, 0, set_counts},
	    {"cooldown_ms", 0, LONGEST_COOLDOWN_MS, set_cooldown},
	    {"after_ms", 0, LONGEST_DELAY_MS, set_after},
	    {0},
	};
	read_options(lua, index, known, classification);
}

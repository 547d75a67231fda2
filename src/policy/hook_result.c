// SPDX-License-Identifier: Apache-2.0
// The valid results of each hook; hook_option.c reads tables of options.
#include "policy/hook_result.h"

#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "base/schema.h"
#include "policy/hook_option.h"
#include "policy/view.h"
#include "sandbox/object.h"
#include "sandbox/vm.h"

enum { LONGEST_COOLDOWN_MS = 300000, LONGEST_DELAY_MS = 60000, LARGEST_MAX_TOKENS = 1000000000 };

const struct model *hook_result_model(lua_State *lua, int index, struct candidates candidates) {
	if (lua_isnil(lua, index))
		return NULL;
	const struct model *model = view_model_at(lua, index, NULL);
	if (!model)
		vm_bad_result(lua, "select has to return a model or nil, not a %s", object_type_name(lua, index));
	// The candidates are in the pool's order.
	size_t low = 0, high = candidates.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (candidates.list[middle]->index < model->index)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == candidates.count || candidates.list[low] != model)
		vm_bad_result(lua, "select returned %.200s, which is not eligible now", model->name);
	return model;
}

struct select_target {
	struct attempt_options *options;
	struct hook_headers *headers;
};

static struct attempt_options *options_of(void *target) {
	return ((struct select_target *)target)->options;
}

static void set_timeout(lua_State *lua, const struct hook_option *option, void *target) {
	options_of(target)->timeout_ms = (uint64_t)hook_option_number(lua, option);
}

static void set_ttft(lua_State *lua, const struct hook_option *option, void *target) {
	options_of(target)->ttft_ms = (uint64_t)hook_option_number(lua, option);
}

static void set_hedge(lua_State *lua, const struct hook_option *option, void *target) {
	options_of(target)->hedge_after_ms = (uint64_t)ceil(hook_option_number(lua, option));
}

static void set_tier(lua_State *lua, const struct hook_option *option, void *target) {
	options_of(target)->tier = hook_option_tier(lua, option);
}

static void set_headers(lua_State *lua, const struct hook_option *option, void *target) {
	(void)option;
	options_of(target)->headers = hook_headers_read(lua, ((struct select_target *)target)->headers);
}

void hook_result_select_options(lua_State *lua, int index, struct attempt_options *options,
                                struct hook_headers *headers) {
	static const struct hook_option known[] = {
	    {"timeout_ms", 1000, 300000, set_timeout},
	    {"ttft_ms", 100, 300000, set_ttft},
	    {"tier", 0, 0, set_tier},
	    {"headers", 0, 0, set_headers},
	    {"hedge_after_ms", 0, 300000, set_hedge},
	    {0},
	};
	hook_option_read_all(lua, index, known, &(struct select_target){options, headers});
}

struct slice hook_result_reason(lua_State *lua, int index, char *copy, size_t size) {
	if (lua_type(lua, index) != LUA_TSTRING)
		vm_bad_result(lua, "a reason has to be a string, not a %s", object_type_name(lua, index));
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
		vm_bad_result(lua, "a verdict has to be a string, not a %s", object_type_name(lua, index));
	for (int i = 0; verdict_names[i]; i++)
		if (strcmp(verdict_names[i], name) == 0)
			return (enum verdict)i;
	const char *nearest = schema_nearest(verdict_names, slice_from(name));
	vm_bad_result(lua, "unknown verdict %.64s%s%s%s", name, nearest ? " (did you mean " : "", nearest ? nearest : "",
	              nearest ? "?)" : "");
	return VERDICT_FAIL;
}

static void set_outcome(lua_State *lua, const struct hook_option *option, void *target) {
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

static void set_counts(lua_State *lua, const struct hook_option *option, void *target) {
	(void)option;
	if (lua_type(lua, -1) != LUA_TBOOLEAN)
		vm_bad_result(lua, "counts has to be true or false, not a %s", object_type_name(lua, -1));
	((struct classification *)target)->counts = lua_toboolean(lua, -1);
}

// A stated cooldown has exactly that length after any kind of failure: it neither doubles nor only orders the models.
static void set_cooldown(lua_State *lua, const struct hook_option *option, void *target) {
	struct classification *classification = target;
	classification->cooldown_ms = (uint64_t)hook_option_number(lua, option);
	classification->throttle = false;
	classification->deprioritizes = false;
}

static void set_after(lua_State *lua, const struct hook_option *option, void *target) {
	((struct classification *)target)->after_ms = (uint64_t)hook_option_number(lua, option);
}

void hook_result_classify_options(lua_State *lua, int index, struct classification *classification) {
	static const struct hook_option known[] = {
	    {"outcome", 0, 0, set_outcome},
	    {"counts", 0, 0, set_counts},
	    {"cooldown_ms", 0, LONGEST_COOLDOWN_MS, set_cooldown},
	    {"after_ms", 0, LONGEST_DELAY_MS, set_after},
	    {0},
	};
	hook_option_read_all(lua, index, known, classification);
}

bool hook_result_accepts(lua_State *lua, int index) {
	if (lua_type(lua, index) != LUA_TBOOLEAN)
		vm_bad_result(lua, "accept has to return true or false, not a %s", object_type_name(lua, index));
	return lua_toboolean(lua, index);
}

struct edits_target {
	struct edits *edits;
	struct hook_edits *copy;
};

static struct edits *edits_of(void *target) {
	return ((struct edits_target *)target)->edits;
}

static struct hook_edits *copy_of(void *target) {
	return ((struct edits_target *)target)->copy;
}

// Copies a string of printable ASCII without spaces.
static struct slice copy_word(lua_State *lua, const struct hook_option *option, char *copy) {
	struct slice word = hook_option_string(lua, option);
	for (size_t i = 0; i < word.len; i++)
		if (word.ptr[i] <= ' ' || word.ptr[i] > '~')
			vm_bad_result(lua, "option %s has to be printable ASCII without spaces", option->name);
	memcpy(copy, word.ptr, word.len);
	return slice_of(copy, word.len);
}

static void set_identifier(lua_State *lua, const struct hook_option *option, void *target) {
	edits_of(target)->guardrail_identifier = copy_word(lua, option, copy_of(target)->identifier);
}

static void set_version(lua_State *lua, const struct hook_option *option, void *target) {
	edits_of(target)->guardrail_version = copy_word(lua, option, copy_of(target)->version);
}

static void set_trace(lua_State *lua, const struct hook_option *option, void *target) {
	static const char *const names[] = {"enabled", "disabled", "enabled_full", NULL};
	edits_of(target)->guardrail_trace = slice_from(names[hook_option_word(lua, option, names)]);
}

static bool read_boolean(lua_State *lua, const struct hook_option *option) {
	if (lua_type(lua, -1) != LUA_TBOOLEAN)
		vm_bad_result(lua, "option %s has to be true or false, not a %s", option->name, object_type_name(lua, -1));
	return lua_toboolean(lua, -1);
}

static void set_partial(lua_State *lua, const struct hook_option *option, void *target) {
	edits_of(target)->is_partial = read_boolean(lua, option);
}

static void set_guardrail(lua_State *lua, const struct hook_option *option, void *target) {
	static const struct hook_option known[] = {
	    {"identifier", 1, sizeof((struct hook_edits *)0)->identifier, set_identifier},
	    {"version", 1, sizeof((struct hook_edits *)0)->version, set_version},
	    {"trace", 0, 0, set_trace},
	    {"partial", 0, 0, set_partial},
	    {0},
	};
	(void)option;
	hook_option_read_all(lua, lua_gettop(lua), known, target);
	if (!edits_of(target)->guardrail_identifier.len || !edits_of(target)->guardrail_version.len)
		vm_bad_result(lua, "a guardrail has an identifier and a version");
}

static void set_service_tier(lua_State *lua, const struct hook_option *option, void *target) {
	edits_of(target)->tier = hook_option_tier(lua, option);
}

static void set_max_tokens(lua_State *lua, const struct hook_option *option, void *target) {
	edits_of(target)->max_tokens = (int64_t)hook_option_integer(lua, option);
}

static void set_required(lua_State *lua, const struct hook_option *option, void *target) {
	edits_of(target)->is_required = read_boolean(lua, option);
}

static void set_edit_headers(lua_State *lua, const struct hook_option *option, void *target) {
	(void)option;
	edits_of(target)->headers = hook_headers_read(lua, &copy_of(target)->headers);
}

void hook_result_edits(lua_State *lua, int index, struct edits *edits, struct hook_edits *copy) {
	static const struct hook_option known[] = {
	    {"service_tier", 0, 0, set_service_tier},
	    {"guardrail", 0, 0, set_guardrail},
	    {"max_tokens", 1, LARGEST_MAX_TOKENS, set_max_tokens},
	    {"required", 0, 0, set_required},
	    {"headers", 0, 0, set_edit_headers},
	    {0},
	};
	hook_option_read_all(lua, index, known, &(struct edits_target){edits, copy});
}

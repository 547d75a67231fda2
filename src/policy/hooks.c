// SPDX-License-Identifier: Apache-2.0
// Looks up the hooks once, after the policy's script has run, so that an absent hook costs nothing later.
#include "policy/hooks.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "base/problem.h"
#include "policy/hook_call.h"
#include "sandbox/sandbox.h"
#include "sandbox/script.h"

const char *const policy_hook_names[] = {
    [HOOK_SELECT] = "select",
    [HOOK_CLASSIFY] = "classify",
    [HOOK_ACCEPT] = "accept",
    [HOOK_PREPARE] = "prepare",
    [HOOK_FINISH] = "finish",
    [HOOK_TICK] = "tick",
    NULL,
};

struct open_call {
	struct hooks *hooks;
	const struct pool *pool;
};

// What the policy's on_error says of the hook; its values have been validated.
static bool find_on_error(lua_State *lua, int result, const char *name) {
	int top = lua_gettop(lua);
	bool refuses = false;
	lua_pushliteral(lua, "on_error");
	if (lua_rawget(lua, result) == LUA_TTABLE) {
		lua_pushstring(lua, name);
		refuses = lua_rawget(lua, -2) == LUA_TSTRING && strcmp(lua_tostring(lua, -1), "refuse") == 0;
	}
	lua_settop(lua, top);
	return refuses;
}

static void find_hook(lua_State *lua, int result, struct hook *hook) {
	hook->refuses = find_on_error(lua, result, hook->name);
	lua_pushstring(lua, hook->name);
	if (lua_rawget(lua, result) != LUA_TFUNCTION) {
		lua_pop(lua, 1);
		return;
	}
	lua_Debug defined;
	lua_pushvalue(lua, -1);
	lua_getinfo(lua, ">S", &defined);
	snprintf(hook->file, sizeof hook->file, "%s", defined.source + (*defined.source == '@'));
	hook->line = defined.linedefined;
	hook->reference = luaL_ref(lua, LUA_REGISTRYINDEX);
}

// Pushes an array with the frozen tags of each model.
static void push_tags(lua_State *lua, int result, size_t count) {
	lua_createtable(lua, (int)count, 0); /* tags */
	lua_pushliteral(lua, "models");
	lua_rawget(lua, result); /* tags models */
	for (size_t i = 1; i <= count; i++) {
		lua_rawgeti(lua, -1, (lua_Integer)i); /* tags models model */
		lua_pushliteral(lua, "tags");
		if (lua_rawget(lua, -2) == LUA_TNIL) { /* tags models model value */
			lua_pop(lua, 1);
			lua_newtable(lua);
		}
		sandbox_freeze_deep(lua, -1);
		lua_rawseti(lua, -5, (lua_Integer)i);
		lua_pop(lua, 2);
	}
	lua_pop(lua, 1);
}

static int open_views(lua_State *lua) {
	struct open_call *call = lua_touserdata(lua, 1);
	struct hooks *hooks = call->hooks;
	script_push_result(lua);
	push_tags(lua, 2, call->pool->count);
	for (int i = 0; i < HOOK_KINDS; i++)
		find_hook(lua, 2, &hooks->list[i]);
	views_open(&hooks->views, lua, call->pool, 3);
	if (hooks_has(hooks, HOOK_TICK))
		views_open_pool(&hooks->views, lua);
	script_drop_result(lua);
	lua_gc(lua, LUA_GCCOLLECT);
	return 0;
}

static void set_decisions(struct hooks *hooks) {
	hooks->decide = (struct decide){
	    .self = hooks,
	    .select = hooks_select,
	    .classify = hooks_classify,
	    .accept = hooks_has(hooks, HOOK_ACCEPT) ? hooks_accept : NULL,
	    .prepare = hooks_has(hooks, HOOK_PREPARE) ? hooks_prepare : NULL,
	    .finish = hooks_has(hooks, HOOK_FINISH) ? hooks_finish : NULL,
	};
}

static void open_weights(struct hooks *hooks, const struct pool *pool) {
	if (!hooks_has(hooks, HOOK_TICK))
		return;
	hooks->weights = memory_new(pool->count, sizeof *hooks->weights);
	hooks->assigned = memory_new(pool->count, sizeof *hooks->assigned);
	for (size_t i = 0; i < pool->count; i++)
		hooks->weights[i] = pool->models[i].weight;
	hooks->views.weights = hooks->weights;
}

int hooks_open(struct hooks *hooks, struct vm *vm, const struct pool *pool, const struct policy_host *host,
               const struct policy_limits *limits, const char *file, struct problems *problems) {
	struct call_report report;
	struct open_call call = {hooks, pool};
	assert(host->bodies);
	*hooks = (struct hooks){.vm = vm, .instructions = limits->instructions, .views.bodies = host->bodies};
	for (int i = 0; i < HOOK_KINDS; i++) {
		hooks->list[i].name = policy_hook_names[i];
		hooks->list[i].reference = LUA_NOREF;
	}
	pthread_mutex_init(&hooks->lock, NULL);
	if (call_protected(vm, open_views, &call, SCRIPT_INSTRUCTIONS, &report) == ENDING_OK) {
		set_decisions(hooks);
		open_weights(hooks, pool);
		return 0;
	}
	bool full = report.ending == ENDING_OVER_MEMORY;
	problems_add(problems, file, 0, "models",
	             full ? "models that fit the memory limit" : "tags that are nested at most 16 deep", report.message);
	return full ? ERROR_MEMORY : ERROR_INVALID;
}

void hooks_close(struct hooks *hooks) {
	vm_close(hooks->vm);
	hooks->vm = NULL;
	free(hooks->weights);
	free(hooks->assigned);
	pthread_mutex_destroy(&hooks->lock);
}

void hooks_retire(struct hooks *hooks) {
	pthread_mutex_lock(&hooks->lock);
	struct vm *vm = hooks->vm;
	hooks->vm = NULL;
	pthread_mutex_unlock(&hooks->lock);
	vm_close(vm);
}

const struct hook *hooks_at(const struct hooks *hooks, size_t index) {
	return index < HOOK_KINDS ? &hooks->list[index] : NULL;
}

bool hooks_has(const struct hooks *hooks, enum hook_kind kind) {
	return hooks->list[kind].reference != LUA_NOREF;
}

// SPDX-License-Identifier: Apache-2.0
// A call of a hook: views are made, Lua is called, its results are read and checked, all inside one protected call. Any
// ending but a good one is logged and told, and the default decides; what the failed call may have written is dropped.
#include "policy/hooks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "base/log.h"
#include "policy/hook_result.h"
#include "policy/sandbox.h"
#include "policy/script.h"
#include "route/request.h"

enum { OVERRUNS_MAX = 5, LOG_INTERVAL_MS = 1000, DETAIL_BYTES = 512 };

static void tell(struct hooks *hooks, enum event_kind kind, const struct route_request *request,
                 const struct model *model, const char *detail) {
	if (!hooks->on_event)
		return;
	struct route_event event = {
	    .kind = kind,
	    .request_id = route_request_facts(request)->id,
	    .model = slice_from(model ? model->name : NULL),
	    .detail = slice_from(detail),
	    .attempt = route_request_attempts(request),
	};
	hooks->on_event(hooks->event_owner, &event);
}

static void log_failure(struct hook *hook, const struct call_report *report, const char *place, uint64_t now_ms) {
	if (now_ms < hook->next_log_ms) {
		hook->unlogged++;
		return;
	}
	log_entry(LOG_ERROR, "policy error", LOG_C("hook", hook->name), LOG_C("ending", ending_name(report->ending)),
	          LOG_C("at", place), LOG_C("error", report->message), LOG_N("unlogged", hook->unlogged));
	hook->next_log_ms = now_ms + LOG_INTERVAL_MS;
	hook->unlogged = 0;
}

static void bench_if_due(struct hooks *hooks, struct hook *hook, const struct call_report *report,
                         const struct route_request *request) {
	bool overran = report->ending == ENDING_OVER_BUDGET || report->ending == ENDING_OVER_MEMORY;
	hook->overruns = overran ? hook->overruns + 1 : 0;
	if (hook->overruns < OVERRUNS_MAX)
		return;
	hook->benched = true;
	log_entry(LOG_ERROR, "policy hook benched until the next reload", LOG_C("hook", hook->name),
	          LOG_N("overruns", hook->overruns));
	tell(hooks, EVENT_POLICY_BENCHED, request, NULL, hook->name);
}

// False when the VM has been retired.
static bool run(struct hooks *hooks, lua_CFunction body, void *call, const struct route_request *request,
                struct call_report *report) {
	pthread_mutex_lock(&hooks->lock);
	bool is_open = hooks->vm != NULL;
	if (is_open) {
		hooks->vm->now_ms = route_request_now_ms(request);
		call_protected(hooks->vm, body, call, hooks->instructions, report);
		views_end(&hooks->views);
		hooks->vm->random = &hooks->vm->own_random;
	}
	pthread_mutex_unlock(&hooks->lock);
	return is_open;
}

// Runs `body` for the hook. False when the default has to decide.
static bool call_hook(struct hooks *hooks, struct hook *hook, lua_CFunction body, void *call,
                      const struct route_request *request, const struct model *model) {
	struct call_report report;
	if (!run(hooks, body, call, request, &report))
		return false;
	if (report.ending != ENDING_OK && report.line == 0) {
		snprintf(report.file, sizeof report.file, "%s", hook->file);
		report.line = hook->line;
	}
	if (hooks->on_call)
		hooks->on_call(hooks->call_owner, hook->name, &report);
	if (report.ending == ENDING_OK) {
		hook->overruns = 0;
		return true;
	}
	char place[DETAIL_BYTES], detail[DETAIL_BYTES];
	snprintf(place, sizeof place, "%s:%d", report.file, report.line);
	snprintf(detail, sizeof detail, "%s: %s at %.400s", hook->name, ending_name(report.ending), place);
	tell(hooks, EVENT_POLICY_ERROR, request, model, detail);
	// Who rehearses has been told, and will ask the hook again.
	if (hooks->on_call)
		return false;
	log_failure(hook, &report, place, route_request_now_ms(request));
	bench_if_due(hooks, hook, &report, request);
	return false;
}

struct select_call {
	struct hooks *hooks;
	const struct route_request *request;
	struct candidates candidates;
	struct random_source *random;
	struct selection *out;
};

static int run_select(lua_State *lua) {
	struct select_call *call = lua_touserdata(lua, 1);
	struct hooks *hooks = call->hooks;
	hooks->vm->random = call->random;
	lua_rawgeti(lua, LUA_REGISTRYINDEX, hooks->select.reference);
	views_push_request(lua, &hooks->views, call->request, route_request_attempts(call->request) + 1);
	views_push_models(lua, &hooks->views, call->candidates);
	lua_call(lua, 2, 3); /* call model options reason */
	call->out->model = hook_result_model(lua, 2, call->candidates);
	if (!lua_isnil(lua, 3))
		hook_result_select_options(lua, 3, &call->out->options);
	if (!lua_isnil(lua, 4))
		call->out->reason = hook_result_reason(lua, 4, hooks->reason, sizeof hooks->reason);
	return 0;
}

static void select_by_policy(void *self, const struct route_request *request, struct candidates candidates,
                             struct random_source *random, struct selection *out) {
	struct hooks *hooks = self;
	struct select_call call = {hooks, request, candidates, random, out};
	bool decided = false;
	if (hooks->select.reference != LUA_NOREF && !hooks->select.benched)
		decided = call_hook(hooks, &hooks->select, run_select, &call, request, NULL);
	if (decided)
		return;
	*out = (struct selection){0};
	default_decide.select(default_decide.self, request, candidates, random, out);
}

struct classify_call {
	struct hooks *hooks;
	const struct failure *failure;
	const struct route_request *request;
	const struct model *model;
	struct classification *out;
};

static int run_classify(lua_State *lua) {
	struct classify_call *call = lua_touserdata(lua, 1);
	struct hooks *hooks = call->hooks;
	lua_rawgeti(lua, LUA_REGISTRYINDEX, hooks->classify.reference);
	views_push_failure(lua, &hooks->views, call->failure);
	views_push_request(lua, &hooks->views, call->request, route_request_attempts(call->request));
	views_push_model(lua, &hooks->views, call->model);
	lua_call(lua, 3, 2); /* call verdict options */
	if (!lua_toboolean(lua, 2))
		return 0;
	call->out->verdict = hook_result_verdict(lua, 2);
	if (!lua_isnil(lua, 3))
		hook_result_classify_options(lua, 3, call->out);
	return 0;
}

static void classify_by_policy(void *self, const struct failure *failure, const struct route_request *request,
                               const struct model *model, struct classification *out) {
	struct hooks *hooks = self;
	struct classification decided = *out;
	struct classify_call call = {hooks, failure, request, model, &decided};
	if (hooks->classify.reference == LUA_NOREF || hooks->classify.benched)
		return;
	if (call_hook(hooks, &hooks->classify, run_classify, &call, request, model))
		*out = decided;
}

struct open_call {
	struct hooks *hooks;
	const struct pool *pool;
};

static void find_hook(lua_State *lua, int result, struct hook *hook, const char *name) {
	lua_pushstring(lua, name);
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

// Pushes the array of what the models have as tags, frozen.
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
	script_push_result(lua);
	push_tags(lua, 2, call->pool->count);
	views_open(&call->hooks->views, lua, call->pool, 3);
	find_hook(lua, 2, &call->hooks->select, "select");
	find_hook(lua, 2, &call->hooks->classify, "classify");
	script_drop_result(lua);
	lua_gc(lua, LUA_GCCOLLECT);
	return 0;
}

int hooks_open(struct hooks *hooks, struct vm *vm, const struct pool *pool, const struct policy_limits *limits,
               const char *file, struct problems *problems) {
	struct call_report report;
	struct open_call call = {hooks, pool};
	*hooks = (struct hooks){
	    .decide = {hooks, select_by_policy, classify_by_policy},
	    .vm = vm,
	    .instructions = limits->instructions,
	    .select = {.name = "select", .reference = LUA_NOREF},
	    .classify = {.name = "classify", .reference = LUA_NOREF},
	};
	pthread_mutex_init(&hooks->lock, NULL);
	if (call_protected(vm, open_views, &call, SCRIPT_INSTRUCTIONS, &report) == ENDING_OK)
		return 0;
	bool full = report.ending == ENDING_OVER_MEMORY;
	problems_add(problems, file, 0, "models",
	             full ? "models that fit the memory limit" : "tags that are nested at most 16 deep", report.message);
	return full ? ERROR_MEMORY : ERROR_INVALID;
}

void hooks_close(struct hooks *hooks) {
	vm_close(hooks->vm);
	hooks->vm = NULL;
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
	const struct hook *const all[] = {&hooks->select, &hooks->classify};
	return index < sizeof all / sizeof *all ? all[index] : NULL;
}

// SPDX-License-Identifier: Apache-2.0
// A call of a hook: views are made, Lua is called, its results are read and checked, all inside one protected call. Any
// ending but a good one is logged and told, and a hook that overruns time and again is benched.
#include "policy/hook_call.h"

#include <stdio.h>

#include "base/log.h"
#include "route/request.h"

enum { OVERRUNS_MAX = 5, LOG_INTERVAL_MS = 1000, DETAIL_BYTES = 512 };

static void tell(struct hooks *hooks, enum event_kind kind, const struct hook_occasion *occasion, const char *detail) {
	if (!hooks->on_event)
		return;
	const struct route_request *request = occasion->request;
	struct route_event event = {
	    .kind = kind,
	    .request_id = request ? route_request_attributes(request)->id : (struct slice){0},
	    .model = slice_from(occasion->model ? occasion->model->name : NULL),
	    .detail = slice_from(detail),
	    .attempt = request ? route_request_attempts(request) : 0,
	};
	hooks->on_event(hooks->event_owner, &event);
}

static void log_failure(struct hook *hook, const struct call_report *report, const char *place, uint64_t now_ms) {
	if (now_ms < hook->next_log_ms) {
		hook->unlogged++;
		return;
	}
	log_entry(LOG_ERROR, "policy error", LOG_C("hook", hook->name), LOG_C("ending", call_ending_name(report->ending)),
	          LOG_C("at", place), LOG_C("error", report->message), LOG_N("unlogged", hook->unlogged));
	hook->next_log_ms = now_ms + LOG_INTERVAL_MS;
	hook->unlogged = 0;
}

static void bench_if_due(struct hooks *hooks, struct hook *hook, const struct call_report *report,
                         const struct hook_occasion *occasion) {
	bool overran = report->ending == ENDING_OVER_BUDGET || report->ending == ENDING_OVER_MEMORY;
	hook->overruns = overran ? hook->overruns + 1 : 0;
	if (hook->overruns < OVERRUNS_MAX)
		return;
	hook->disabled = true;
	log_entry(LOG_ERROR, "policy hook benched until the next reload", LOG_C("hook", hook->name),
	          LOG_N("overruns", hook->overruns));
	struct hook_occasion of_all = {occasion->request, NULL, occasion->now_ms};
	tell(hooks, EVENT_POLICY_DISABLED, &of_all, hook->name);
}

static void fail(struct hooks *hooks, struct hook *hook, const struct call_report *report,
                 const struct hook_occasion *occasion) {
	char place[DETAIL_BYTES], detail[DETAIL_BYTES];
	snprintf(place, sizeof place, "%s:%d", report->file, report->line);
	snprintf(detail, sizeof detail, "%s: %s at %.400s", hook->name, call_ending_name(report->ending), place);
	tell(hooks, EVENT_POLICY_ERROR, occasion, detail);
	// Who rehearses has been told, and will ask the hook again.
	if (hooks->on_call)
		return;
	log_failure(hook, report, place, occasion->now_ms);
	bench_if_due(hooks, hook, report, occasion);
}

// False when the VM has been retired.
static bool run(struct hooks *hooks, lua_CFunction body, void *call, uint64_t now_ms, struct call_report *report) {
	pthread_mutex_lock(&hooks->lock);
	bool is_open = hooks->vm != NULL;
	if (is_open) {
		hooks->vm->now_ms = now_ms;
		call_protected(hooks->vm, body, call, hooks->instructions, report);
		views_end(&hooks->views);
		hooks->vm->random = &hooks->vm->own_random;
	}
	pthread_mutex_unlock(&hooks->lock);
	return is_open;
}

bool hook_call(struct hooks *hooks, enum hook_kind kind, lua_CFunction body, void *call,
               const struct hook_occasion *occasion) {
	struct hook *hook = &hooks->list[kind];
	struct call_report report;
	if (!run(hooks, body, call, occasion->now_ms, &report))
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
	fail(hooks, hook, &report, occasion);
	return false;
}

struct hook_occasion hook_occasion_of(const struct route_request *request, const struct model *model) {
	return (struct hook_occasion){request, model, route_request_now_ms(request)};
}

void hook_push(lua_State *lua, struct hooks *hooks, enum hook_kind kind) {
	lua_rawgeti(lua, LUA_REGISTRYINDEX, hooks->list[kind].reference);
}

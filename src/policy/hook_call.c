// SPDX-License-Identifier: Apache-2.0
// A call of a hook: it makes the views, calls Lua, reads and checks the results, all inside one protected call. A
// failed call is logged and observers are notified; a hook that overruns five times in a row by itself is disabled.
#include "policy/hook_call.h"

#include <stdio.h>

#include "base/log.h"
#include "route/request.h"

enum { OVERRUNS_MAX = 5, LOG_INTERVAL_MS = 1000, PLACE_BYTES = 512 };

static struct event hook_event(enum event_kind kind, const struct hook_occasion *occasion) {
	const struct route_request *request = occasion->request;
	return (struct event){
	    .kind = kind,
	    .at_ms = occasion->now_ms,
	    .request = request ? route_request_attributes(request) : NULL,
	    .model = occasion->model,
	    .attempt = request ? route_request_attempts(request) : 0,
	};
}

static void notify_error(const struct hooks *hooks, const struct hook *hook, const struct call_report *report,
                         const struct hook_occasion *occasion) {
	if (!observers_want(hooks->observers, EVENT_POLICY_ERROR))
		return;
	struct event event = hook_event(EVENT_POLICY_ERROR, occasion);
	event.error = (struct policy_error){
	    .hook = hook->name, .ending = call_ending_name(report->ending), .file = report->file, .line = report->line};
	observers_notify(hooks->observers, &event);
}

static void notify_disabled(const struct hooks *hooks, const struct hook *hook, const struct hook_occasion *occasion) {
	struct event event = hook_event(EVENT_HOOK_DISABLED, occasion);
	event.model = NULL; // the hook is disabled for all models
	event.disabled = (struct hook_disabled){hook->name, hook->overruns};
	observers_notify(hooks->observers, &event);
}

static void log_error(struct hook *hook, const struct call_report *report, uint64_t now_ms) {
	char place[PLACE_BYTES];
	if (now_ms < hook->next_log_ms) {
		hook->unlogged++;
		return;
	}
	snprintf(place, sizeof place, "%s:%d", report->file, report->line);
	log_entry(LOG_ERROR, "policy error", LOG_C("hook", hook->name), LOG_C("ending", call_ending_name(report->ending)),
	          LOG_C("at", place), LOG_C("error", report->message), LOG_N("unlogged", hook->unlogged));
	hook->next_log_ms = now_ms + LOG_INTERVAL_MS;
	hook->unlogged = 0;
}

// Disabling a hook is for everybody. So an overrun doesn't count in a call that has read what one client chose: not the
// length of a text alone may be behind it, but also a number, or the one text that a pattern is slow for.
static void count_overrun(struct hooks *hooks, struct hook *hook, const struct call_report *report,
                          const struct hook_occasion *occasion) {
	bool overran = report->ending == ENDING_OVER_BUDGET || report->ending == ENDING_OVER_MEMORY;
	if (overran && report->has_foreign_input)
		return;
	hook->overruns = overran ? hook->overruns + 1 : 0;
	if (hook->overruns < OVERRUNS_MAX)
		return;
	hook->disabled = true;
	log_entry(LOG_ERROR, "policy hook benched until the next reload", LOG_C("hook", hook->name),
	          LOG_N("overruns", hook->overruns));
	notify_disabled(hooks, hook, occasion);
}

static void handle_error(struct hooks *hooks, struct hook *hook, const struct call_report *report,
                         const struct hook_occasion *occasion) {
	notify_error(hooks, hook, report, occasion);
	// A dry run gets the reports through on_call and needs every hook to stay enabled.
	if (hooks->on_call)
		return;
	log_error(hook, report, occasion->now_ms);
	count_overrun(hooks, hook, report, occasion);
}

// False when the policy has been retired.
static bool run_in_vm(struct hooks *hooks, lua_CFunction body, void *call, uint64_t now_ms,
                      struct call_report *report) {
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
	if (!run_in_vm(hooks, body, call, occasion->now_ms, &report))
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
	handle_error(hooks, hook, &report, occasion);
	return false;
}

struct hook_occasion hook_occasion_of(const struct route_request *request, const struct model *model) {
	return (struct hook_occasion){request, model, route_request_now_ms(request)};
}

void hook_push(lua_State *lua, struct hooks *hooks, enum hook_kind kind) {
	lua_rawgeti(lua, LUA_REGISTRYINDEX, hooks->list[kind].reference);
}

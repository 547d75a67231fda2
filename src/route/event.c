// SPDX-License-Identifier: Apache-2.0
// The names of events, of what causes a breaker's change, and of an operator's commands.
#include "route/event.h"

const char *const breaker_cause_names[] = {
    [BREAKER_BY_FAILURES] = "failures",   [BREAKER_BY_PROBE] = "probe",       [BREAKER_BY_RECOVERY] = "recovery",
    [BREAKER_BY_SUCCESSES] = "successes", [BREAKER_BY_OPERATOR] = "operator", NULL,
};

const char *const breaker_command_names[] = {
    [BREAKER_COMMAND_OPEN] = "open",
    [BREAKER_COMMAND_CLOSE] = "close",
    [BREAKER_COMMAND_RESET] = "reset",
    NULL,
};

static size_t names_of_start(const struct attempt_started *start, const char **names) {
	size_t count = 0;
	if (start->is_escalated)
		names[count++] = "tier-escalation";
	names[count++] = "model-invocation-start";
	return count;
}

// An escalated attempt that was only stopped has neither succeeded nor failed.
static size_t names_of_end(const struct attempt_ended *end, const char **names) {
	size_t count = 0;
	names[count++] = "model-invocation-complete";
	if (end->start.is_escalated && end->outcome == OUTCOME_SUCCESS)
		names[count++] = "tier-escalation-success";
	else if (end->start.is_escalated && (end->outcome != OUTCOME_CANCELLED || end->lacked_tier))
		names[count++] = "tier-escalation-failure";
	if (end->outcome == OUTCOME_REFUSAL)
		names[count++] = "refusal-detected";
	return count;
}

size_t event_names(const struct event *event, const char *names[EVENT_NAMES_MAX]) {
	static const char *const others[EVENT_KINDS] = {
	    [EVENT_REQUEST_STARTED] = "request",
	    [EVENT_MODEL_SELECTED] = "model-selected",
	    [EVENT_MODEL_SKIPPED] = "model-circuit-open-skipped",
	    [EVENT_BREAKER_CHANGED] = "breaker-changed",
	    [EVENT_COOLDOWN_STARTED] = "model-cooldown",
	    [EVENT_BREAKER_COMMAND] = "breaker-command",
	    [EVENT_STATISTICS_RESET] = "stats-reset",
	    [EVENT_POLICY_RELOADED] = "policy-reloaded",
	    [EVENT_POLICY_REJECTED] = "policy-rejected",
	    [EVENT_POLICY_ERROR] = "policy-error",
	    [EVENT_HOOK_DISABLED] = "policy-benched",
	};
	if (event->kind == EVENT_ATTEMPT_STARTED)
		return names_of_start(&event->attempt_started, names);
	if (event->kind == EVENT_ATTEMPT_ENDED)
		return names_of_end(&event->attempt_ended, names);
	if (event->kind == EVENT_REQUEST_ENDED)
		names[0] = event->request_ended.has_failed ? "error" : "success";
	else
		names[0] = others[event->kind];
	return 1;
}

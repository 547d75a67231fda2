// SPDX-License-Identifier: Apache-2.0
#include "gateway/event_log.h"

#include <inttypes.h>
#include <stdio.h>

enum log_level event_log_level(enum event_kind kind) {
	switch (kind) {
	case EVENT_BREAKER_CHANGED:
	case EVENT_BREAKER_COMMAND:
	case EVENT_HOOK_DISABLED:
		return LOG_WARN;
	case EVENT_COOLDOWN_STARTED:
	case EVENT_STATISTICS_RESET:
		return LOG_INFO;
	default:
		return LOG_DEBUG;
	}
}

// Fields without a value are left out.
static void add_text(struct event_log_line *line, const char *name, struct slice text) {
	if (text.len)
		line->fields[line->count++] = LOG_S(name, text);
}

static void add_word(struct event_log_line *line, const char *name, const char *word) {
	add_text(line, name, slice_from(word));
}

static void add_number(struct event_log_line *line, const char *name, uint64_t number) {
	line->fields[line->count++] = LOG_N(name, number);
}

static void add_attempt(struct event_log_line *line, const struct event *event) {
	add_number(line, "attempt", (uint64_t)event->attempt + 1);
}

static void add_status(struct event_log_line *line, int status) {
	if (status)
		add_number(line, "status", (uint64_t)status);
}

static void add_failure(struct event_log_line *line, const struct failure *failure) {
	if (!failure)
		return;
	add_text(line, "error", failure->name);
	add_status(line, failure->status);
}

static void add_start(struct event_log_line *line, const struct event *event, const struct attempt_started *start) {
	add_attempt(line, event);
	add_word(line, "cause", attempt_cause_names[start->cause]);
	add_word(line, "region", start->region);
	add_word(line, "tier", service_tier_names[start->tier]);
}

static void add_end(struct event_log_line *line, const struct event *event) {
	const struct attempt_ended *end = &event->attempt_ended;
	add_start(line, event, &end->start);
	add_word(line, "outcome", outcome_names[end->outcome]);
	add_text(line, "error", end->failure ? end->failure->name : (struct slice){0});
	add_status(line, end->status);
	if (end->classification)
		add_word(line, "verdict", verdict_names[end->classification->verdict]);
	add_text(line, "reason", end->reason);
	add_number(line, "milliseconds", end->latency_ms);
	if (end->ttft_ms >= 0)
		add_number(line, "ttft_ms", (uint64_t)end->ttft_ms);
}

// "lite:AttemptTimeout:3004,pro:success:43": each attempt's model, its error or outcome, and its milliseconds; cut to
// fit.
static void add_tried(struct event_log_line *line, const struct route_request *routing) {
	size_t used = 0;
	for (uint32_t i = 0; i < route_request_attempts(routing) && used < sizeof line->tried; i++) {
		struct attempt_summary attempt;
		route_request_attempt(routing, i, &attempt);
		const char *outcome = attempt.is_over ? outcome_names[attempt.outcome] : "in_flight";
		struct slice end = attempt.error.len ? attempt.error : slice_from(outcome);
		used += (size_t)snprintf(line->tried + used, sizeof line->tried - used, "%s%s:%.*s:%" PRIu64, i ? "," : "",
		                         attempt.model->name, SLICE_ARGS(end), attempt.latency_ms);
	}
	add_text(line, "tried", slice_of(line->tried, used < sizeof line->tried ? used : sizeof line->tried - 1));
}

static void add_request_end(struct event_log_line *line, const struct event *event) {
	const struct request_ended *end = &event->request_ended;
	const struct request_result *result = end->result;
	add_number(line, "attempts", result->attempts);
	add_tried(line, end->routing);
	add_word(line, "outcome", outcome_names[result->outcome]);
	if (end->has_failed)
		add_word(line, "error", route_error_names[end->error]);
	add_text(line, "reason", end->refusal);
	add_status(line, result->status);
	add_number(line, "milliseconds", result->latency_ms);
	if (result->ttft_ms >= 0)
		add_number(line, "ttft_ms", (uint64_t)result->ttft_ms);
}

static void add_breaker(struct event_log_line *line, const struct breaker_changed *change) {
	add_word(line, "from", breaker_state_names[change->from]);
	add_word(line, "state", breaker_state_names[change->to]);
	add_word(line, "cause", breaker_cause_names[change->cause]);
	add_failure(line, change->failure);
}

static void add_cooldown(struct event_log_line *line, const struct cooldown_started *cooldown) {
	add_word(line, "kind", cooldown->is_deprioritized ? "deprioritized" : NULL);
	add_word(line, "tier", service_tier_names[cooldown->tier]);
	add_failure(line, cooldown->failure);
	add_number(line, "milliseconds", cooldown->length_ms);
}

static void add_reload(struct event_log_line *line, const struct policy_reloaded *reloaded) {
	add_number(line, "version", reloaded->version);
	add_word(line, "hash", reloaded->hash);
	add_number(line, "models", reloaded->models);
}

static void add_policy_error(struct event_log_line *line, const struct policy_error *error) {
	add_word(line, "hook", error->hook);
	add_word(line, "ending", error->ending);
	add_word(line, "edit", error->edit);
	add_word(line, "reason", error->reason);
	if (error->file) {
		add_word(line, "file", error->file);
		add_number(line, "line", (uint64_t)error->line);
	}
}

void event_log_fields(const struct event *event, struct event_log_line *line) {
	line->count = 0;
	if (event->request)
		add_text(line, "request_id", event->request->id);
	add_word(line, "model", event->model ? event->model->name : NULL);
	switch (event->kind) {
	case EVENT_MODEL_SELECTED:
		add_attempt(line, event);
		add_text(line, "reason", event->selected.reason);
		break;
	case EVENT_ATTEMPT_STARTED:
		add_start(line, event, &event->attempt_started);
		break;
	case EVENT_ATTEMPT_ENDED:
		add_end(line, event);
		break;
	case EVENT_REQUEST_ENDED:
		add_request_end(line, event);
		break;
	case EVENT_BREAKER_CHANGED:
		add_breaker(line, &event->breaker);
		break;
	case EVENT_COOLDOWN_STARTED:
		add_cooldown(line, &event->cooldown);
		break;
	case EVENT_BREAKER_COMMAND:
		add_word(line, "command", breaker_command_names[event->commanded.command]);
		break;
	case EVENT_POLICY_RELOADED:
		add_reload(line, &event->reloaded);
		break;
	case EVENT_POLICY_REJECTED:
		add_number(line, "problems", event->rejected.problems->count + event->rejected.problems->dropped);
		break;
	case EVENT_POLICY_ERROR:
		add_policy_error(line, &event->error);
		break;
	case EVENT_HOOK_DISABLED:
		add_word(line, "hook", event->disabled.hook);
		add_number(line, "overruns", event->disabled.overruns);
		break;
	case EVENT_REQUEST_STARTED:
	case EVENT_MODEL_SKIPPED:
	case EVENT_STATISTICS_RESET:
	case EVENT_KINDS:
		break;
	}
	line->fields[line->count] = LOG_NONE_;
}

static void write_lines(void *owner, const struct event *event) {
	(void)owner;
	const char *names[EVENT_NAMES_MAX];
	struct event_log_line line;
	size_t count = event_names(event, names);
	event_log_fields(event, &line);
	for (size_t i = 0; i < count; i++)
		log_write(event_log_level(event->kind), names[i], line.fields);
}

struct observer event_log_observer(void) {
	struct observer observer = {.observe = write_lines};
	for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
		if (kind != EVENT_REQUEST_STARTED && log_enabled(event_log_level(kind)))
			observer.kinds |= event_bit(kind);
	return observer;
}

// SPDX-License-Identifier: Apache-2.0
// The events of a request. A record is built only if an observer subscribes to its kind.
#include "route/observer.h"
#include "route/request_internal.h"

static bool is_observed(const struct route_request *request, enum event_kind kind) {
	return observers_want(request->route->observers, kind);
}

static void notify(const struct route_request *request, struct event *event) {
	event->request = request->attributes;
	event->at_ms = request->now_ms;
	observers_notify(request->route->observers, event);
}

void request_notify_started(const struct route_request *request) {
	if (is_observed(request, EVENT_REQUEST_STARTED))
		notify(request, &(struct event){.kind = EVENT_REQUEST_STARTED});
}

void request_notify_selected(const struct route_request *request, struct candidates candidates,
                             const struct selection *selection) {
	bool is_silent = !selection->model && selection->reason.len == 0;
	if (is_silent || !is_observed(request, EVENT_MODEL_SELECTED))
		return;
	notify(request, &(struct event){.kind = EVENT_MODEL_SELECTED,
	                                .attempt = request->attempt_count,
	                                .model = selection->model,
	                                .selected = {candidates, selection->reason}});
}

void request_notify_skipped(const struct route_request *request, const struct model *model) {
	if (is_observed(request, EVENT_MODEL_SKIPPED))
		notify(request,
		       &(struct event){.kind = EVENT_MODEL_SKIPPED, .attempt = request->attempt_count, .model = model});
}

void request_notify_ended(const struct route_request *request) {
	if (!is_observed(request, EVENT_REQUEST_ENDED))
		return;
	const struct step *final = &request->final;
	notify(request, &(struct event){.kind = EVENT_REQUEST_ENDED,
	                                .attempt = final->attempt,
	                                .model = request->result.model,
	                                .request_ended = {.started_ms = request->begun_ms,
	                                                  .result = &request->result,
	                                                  .has_failed = final->kind == STEP_FAIL,
	                                                  .error = final->error,
	                                                  .why = final->why,
	                                                  .refusal = final->refusal,
	                                                  .routing = request}});
}

static struct attempt_started attempt_start_of(const struct route_request *request,
                                               const struct route_attempt *attempt) {
	return (struct attempt_started){
	    .cause = attempt->cause,
	    .region = attempt->model->region ? attempt->model->region : request->route->region,
	    .tier = attempt->tier.tier,
	    .is_escalated = attempt->tier.source == TIER_FROM_LADDER,
	    .started_ms = attempt->permit.sent_ms,
	};
}

void attempt_notify_started(const struct route_request *request, uint32_t index) {
	if (!is_observed(request, EVENT_ATTEMPT_STARTED))
		return;
	const struct route_attempt *attempt = &request->attempts[index];
	notify(request, &(struct event){.kind = EVENT_ATTEMPT_STARTED,
	                                .attempt = index,
	                                .model = attempt->model,
	                                .attempt_started = attempt_start_of(request, attempt)});
}

void attempt_notify_ended(const struct route_request *request, uint32_t index, const struct attempt_result *result,
                          const struct settlement *settlement, struct slice reason) {
	if (!is_observed(request, EVENT_ATTEMPT_ENDED))
		return;
	const struct route_attempt *attempt = &request->attempts[index];
	bool is_ours = result->end == ATTEMPT_FAILED && result->failure.fault == FAULT_GATEWAY;
	bool has_failed = is_ours || settlement->outcome == OUTCOME_RATE_LIMIT || settlement->outcome == OUTCOME_FAIL_FAST;
	struct attempt_ended ended = {
	    .start = attempt_start_of(request, attempt),
	    .outcome = settlement->outcome,
	    .status = has_failed ? result->failure.status : result->status,
	    .is_stopped = attempt->phase != ATTEMPT_RUNNING,
	    .is_committed = request->committed && request->committed_attempt == index,
	    .lacked_tier = attempt->lacked_tier,
	    .reason = reason,
	    .failure = has_failed ? &result->failure : NULL,
	    .classification = has_failed ? &settlement->classification : NULL,
	    .usage = result->usage,
	    .latency_ms = result->latency_ms,
	    .ttft_ms = result->ttft_ms,
	};
	notify(request,
	       &(struct event){
	           .kind = EVENT_ATTEMPT_ENDED, .attempt = index, .model = attempt->model, .attempt_ended = ended});
}

static enum breaker_cause breaker_cause_of(enum breaker_state from, enum breaker_state to) {
	if (to == BREAKER_OPEN)
		return from == BREAKER_HALF_OPEN ? BREAKER_BY_PROBE : BREAKER_BY_FAILURES;
	return to == BREAKER_HALF_OPEN ? BREAKER_BY_RECOVERY : BREAKER_BY_SUCCESSES;
}

static void notify_breaker(const struct route_request *request, uint32_t index, const struct state_changes *changes,
                           const struct failure *failure) {
	if (!is_observed(request, EVENT_BREAKER_CHANGED))
		return;
	notify(request, &(struct event){.kind = EVENT_BREAKER_CHANGED,
	                                .attempt = index,
	                                .model = request->attempts[index].model,
	                                .breaker = {.from = changes->breaker_before,
	                                            .to = changes->breaker,
	                                            .cause = breaker_cause_of(changes->breaker_before, changes->breaker),
	                                            .failure = failure}});
}

static void notify_cooldown(const struct route_request *request, uint32_t index, const struct state_changes *changes,
                            const struct failure *failure) {
	if (!is_observed(request, EVENT_COOLDOWN_STARTED))
		return;
	notify(request, &(struct event){.kind = EVENT_COOLDOWN_STARTED,
	                                .attempt = index,
	                                .model = request->attempts[index].model,
	                                .cooldown = {.length_ms = changes->cooldown_ms,
	                                             .is_deprioritized = changes->is_deprioritized,
	                                             .tier = changes->cooldown_tier,
	                                             .failure = failure}});
}

void attempt_notify_changes(const struct route_request *request, uint32_t index, const struct state_changes *changes,
                            const struct failure *failure) {
	if (changes->breaker != changes->breaker_before)
		notify_breaker(request, index, changes, failure);
	if (changes->cooldown_ms)
		notify_cooldown(request, index, changes, failure);
}

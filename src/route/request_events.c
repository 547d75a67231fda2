// SPDX-License-Identifier: Apache-2.0
// What observers are told of a request. Each record is only built where an observer listens to its kind.
#include "route/observer.h"
#include "route/request_internal.h"

static bool request_is_heard(const struct route_request *request, enum event_kind kind) {
	return observers_want(request->route->observers, kind);
}

static void request_tell(const struct route_request *request, struct event *event) {
	event->request = request->attributes;
	event->at_ms = request->now_ms;
	observers_tell(request->route->observers, event);
}

void request_tell_started(const struct route_request *request) {
	if (request_is_heard(request, EVENT_REQUEST_STARTED))
		request_tell(request, &(struct event){.kind = EVENT_REQUEST_STARTED});
}

void request_tell_selected(const struct route_request *request, struct candidates candidates,
                           const struct selection *selection) {
	bool is_silent = !selection->model && selection->reason.len == 0;
	if (is_silent || !request_is_heard(request, EVENT_MODEL_SELECTED))
		return;
	request_tell(request, &(struct event){.kind = EVENT_MODEL_SELECTED,
	                                      .attempt = request->attempt_count,
	                                      .model = selection->model,
	                                      .selected = {candidates, selection->reason}});
}

void request_tell_skipped(const struct route_request *request, const struct model *model) {
	if (request_is_heard(request, EVENT_MODEL_SKIPPED))
		request_tell(request,
		             &(struct event){.kind = EVENT_MODEL_SKIPPED, .attempt = request->attempt_count, .model = model});
}

void request_tell_ended(const struct route_request *request) {
	if (!request_is_heard(request, EVENT_REQUEST_ENDED))
		return;
	const struct step *final = &request->final;
	request_tell(request, &(struct event){.kind = EVENT_REQUEST_ENDED,
	                                      .attempt = final->attempt,
	                                      .model = request->result.model,
	                                      .request_ended = {.started_ms = request->begun_ms,
	                                                        .result = &request->result,
	                                                        .has_failed = final->kind == STEP_FAIL,
	                                                        .error = final->error,
	                                                        .why = final->why,
	                                                        .routing = request}});
}

static struct attempt_started start_of(const struct route_request *request, const struct route_attempt *attempt) {
	return (struct attempt_started){
	    .cause = attempt->cause,
	    .region = attempt->model->region ? attempt->model->region : request->route->region,
	    .tier = attempt->tier.tier,
	    .is_escalated = attempt->tier.source == TIER_FROM_LADDER,
	    .started_ms = attempt->permit.sent_ms,
	};
}

void attempt_tell_started(const struct route_request *request, uint32_t index) {
	if (!request_is_heard(request, EVENT_ATTEMPT_STARTED))
		return;
	const struct route_attempt *attempt = &request->attempts[index];
	request_tell(request, &(struct event){.kind = EVENT_ATTEMPT_STARTED,
	                                      .attempt = index,
	                                      .model = attempt->model,
	                                      .attempt_started = start_of(request, attempt)});
}

void attempt_tell_ended(const struct route_request *request, uint32_t index, const struct attempt_result *result,
                        const struct settlement *settlement, struct slice reason) {
	if (!request_is_heard(request, EVENT_ATTEMPT_ENDED))
		return;
	const struct route_attempt *attempt = &request->attempts[index];
	bool has_failed = settlement->outcome == OUTCOME_RATE_LIMIT || settlement->outcome == OUTCOME_FAIL_FAST;
	struct attempt_ended ended = {
	    .start = start_of(request, attempt),
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
	request_tell(request,
	             &(struct event){
	                 .kind = EVENT_ATTEMPT_ENDED, .attempt = index, .model = attempt->model, .attempt_ended = ended});
}

static enum breaker_cause breaker_cause_of(enum breaker_state from, enum breaker_state to) {
	if (to == BREAKER_OPEN)
		return from == BREAKER_HALF_OPEN ? BREAKER_BY_PROBE : BREAKER_BY_FAILURES;
	return to == BREAKER_HALF_OPEN ? BREAKER_BY_RECOVERY : BREAKER_BY_SUCCESSES;
}

static void tell_breaker(const struct route_request *request, uint32_t index, const struct state_changes *state_changes,
                         const struct failure *failure) {
	if (!request_is_heard(request, EVENT_BREAKER_CHANGED))
		return;
	request_tell(request, &(struct event){.kind = EVENT_BREAKER_CHANGED,
	                                      .attempt = index,
	                                      .model = request->attempts[index].model,
	                                      .breaker = {.from = state_changes->breaker_before,
	                                                  .to = state_changes->breaker,
	                                                  .cause = breaker_cause_of(state_changes->breaker_before,
	                                                                            state_changes->breaker),
	                                                  .failure = failure}});
}

static void tell_cooldown(const struct route_request *request, uint32_t index,
                          const struct state_changes *state_changes, const struct failure *failure) {
	if (!request_is_heard(request, EVENT_COOLDOWN_STARTED))
		return;
	request_tell(request, &(struct event){.kind = EVENT_COOLDOWN_STARTED,
	                                      .attempt = index,
	                                      .model = request->attempts[index].model,
	                                      .cooldown = {.length_ms = state_changes->cooldown_ms,
	                                                   .is_deprioritized = state_changes->is_deprioritized,
	                                                   .tier = state_changes->cooldown_tier,
	                                                   .failure = failure}});
}

void attempt_tell_changes(const struct route_request *request, uint32_t index,
                          const struct state_changes *state_changes, const struct failure *failure) {
	if (state_changes->breaker != state_changes->breaker_before)
		tell_breaker(request, index, state_changes, failure);
	if (state_changes->cooldown_ms)
		tell_cooldown(request, index, state_changes, failure);
}

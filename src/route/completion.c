// SPDX-License-Identifier: Apache-2.0
// How a request ends: with a response, or without one, why, and with which retry-after. The last step is set here and
// returned once, after the STEP_CANCELs of all attempts in flight.
#include "route/elapsed.h"
#include "route/request_internal.h"

const char *const route_error_names[] = {
    [ROUTE_NO_MODELS_AVAILABLE] = "NO_MODELS_AVAILABLE",
    [ROUTE_RETRIES_EXHAUSTED] = "RETRIES_EXHAUSTED",
    [ROUTE_FAILED] = "FAILED",
    [ROUTE_CANCELLED] = "CANCELLED",
    [ROUTE_STOPPED] = "STOPPED",
    [ROUTE_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
    [ROUTE_REFUSED] = "REQUEST_REFUSED",
    [ROUTE_POLICY_FAILED] = "POLICY_FAILED",
    NULL,
};

static void completion_set(struct route_request *request, struct step final) {
	retry_drop(request);
	request->final = final;
	request->phase = PHASE_ENDING;
}

void completion_return(struct route_request *request, uint32_t attempt) {
	attempt_stop_all(request, attempt);
	completion_set(request,
	               (struct step){.kind = STEP_RETURN, .attempt = attempt, .model = request->attempts[attempt].model});
}

void completion_fail(struct route_request *request, enum route_error error, uint32_t attempt) {
	struct step final = {.kind = STEP_FAIL, .error = error};
	if (attempt != NO_ATTEMPT) {
		final.attempt = attempt;
		final.model = request->attempts[attempt].model;
	}
	completion_set(request, final);
}

void completion_fail_without_model(struct route_request *request, enum no_models why) {
	if (request->attempt_count == 0)
		completion_fail(request, ROUTE_NO_MODELS_AVAILABLE, NO_ATTEMPT);
	else
		completion_fail(request, ROUTE_RETRIES_EXHAUSTED, request->last_failed);
	request->final.why = why;
}

void completion_fail_deadline(struct route_request *request) {
	completion_fail(request, ROUTE_DEADLINE_EXCEEDED, request->attempt_count ? request->last_failed : NO_ATTEMPT);
}

struct step completion_undecided(struct route_request *request, uint32_t attempt) {
	if (request->in_flight > 0)
		request->phase = PHASE_WATCH;
	else
		completion_fail(request, ROUTE_POLICY_FAILED, attempt);
	return route_next(request, request->now_ms);
}

void completion_note_response(struct route_request *request, const struct attempt_result *result) {
	request->result.status = result->status;
	request->result.usage = result->usage;
	request->result.ttft_ms = result->ttft_ms;
	if (result->end == ATTEMPT_FAILED)
		request->result.error = result->failure.name;
}

static void complete_failure(struct route_request *request) {
	struct step *final = &request->final;
	final->refusal = request->refusal;
	final->all_refused = request->refused > 0 && !request->failures.has_failed;
	if (final->error == ROUTE_NO_MODELS_AVAILABLE && final->why == NO_MODELS_NOT_SERVED)
		return;
	if (final->why == NO_MODELS_NONE_SELECTED)
		final->retry_after_ms = RETRY_AFTER_UNKNOWN_MS;
	else
		final->retry_after_ms = eligible_retry_after_ms(request);
}

static const struct model *result_model(const struct route_request *request) {
	if (request->final.kind == STEP_RETURN)
		return request->final.model;
	if (request->committed)
		return request->attempts[request->committed_attempt].model;
	return request->attempt_count ? request->attempts[request->attempt_count - 1].model : NULL;
}

static void make_error_response(struct route_request *request) {
	struct request_result *result = &request->result;
	error_response_make(&request->final, &request->failures, request->route->pool, request->attributes->asked,
	                    request->arena, &request->response);
	request->final.response = &request->response;
	result->outcome = request->response.outcome;
	result->status = request->response.status;
	result->error = request->response.exception;
}

// A client that has left gets no error response, nor does one whose response has begun.
static void complete_failed_result(struct route_request *request) {
	bool has_left = request->final.error == ROUTE_CANCELLED;
	bool is_cancelled = has_left || request->final.error == ROUTE_STOPPED;
	if (!has_left && !request->committed) {
		make_error_response(request);
		return;
	}
	request->result.outcome = is_cancelled ? OUTCOME_CANCELLED : attempt_failures_outcome(&request->failures);
	if (has_left)
		request->result.error = (struct slice){0};
}

static void complete_result(struct route_request *request) {
	request->result.model = result_model(request);
	request->result.attempts = request->attempt_count;
	request->result.latency_ms = route_request_elapsed_ms(request);
	request->final.result = &request->result;
	if (request->final.kind == STEP_FAIL)
		complete_failed_result(request);
}

struct step completion_step(struct route_request *request) {
	const struct decide *decide = request->route->decide;
	request->phase = PHASE_OVER;
	if (request->final.kind == STEP_FAIL)
		complete_failure(request);
	complete_result(request);
	request_notify_ended(request);
	if (decide->finish)
		decide->finish(decide->self, request, &request->result);
	return request->final;
}

struct step completion_wait_or_fail(struct route_request *request, uint64_t first_return_ms) {
	uint64_t now_ms = request->now_ms;
	if (request->wait_until_ms == 0)
		request->wait_until_ms = now_ms + request->route->pool->limits.max_wait_ms;
	uint64_t until_ms = request->wait_until_ms < request->deadline_ms ? request->wait_until_ms : request->deadline_ms;
	if (now_ms >= until_ms || first_return_ms == UINT64_MAX) {
		completion_fail_without_model(request, NO_MODELS_UNAVAILABLE);
		return completion_step(request);
	}
	uint64_t retry_ms = first_return_ms < until_ms ? first_return_ms : until_ms;
	return (struct step){
	    .kind = STEP_WAIT, .wait_ms = retry_ms > now_ms ? retry_ms - now_ms : 1, .why = NO_MODELS_UNAVAILABLE};
}

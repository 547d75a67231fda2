// SPDX-License-Identifier: Apache-2.0
// A call without a model (guardrails, asynchronous invocations) has one attempt, and its end is the call's. No hook is
// called, and no model's state is touched.
#include "mux/request_internal.h"

// Retry-After of such a failure: without a model there is no state to derive it from.
enum { RETRY_AFTER_MS = 1000 };

struct step unrouted_begin(const struct mux_request *request) {
	const struct route_limits *limits = &request->route.pool->limits;
	return (struct step){.kind = STEP_SEND, .options = {limits->timeout_ms, limits->ttft_ms}};
}

struct step unrouted_end(struct mux_request *request, enum route_error error) {
	const struct attempt *attempt = request_last_attempt(request);
	struct request_result *result = &request->unrouted.result;
	struct error_response *response = &request->unrouted.response;
	struct step step = {.kind = STEP_FAIL, .error = error, .retry_after_ms = RETRY_AFTER_MS, .result = result};
	struct attempt_failures failures = {0};
	*result = (struct request_result){
	    .attempts = attempt ? 1 : 0,
	    .usage = TOKEN_USAGE_UNKNOWN,
	    .latency_ms = loop_now_ms(request->worker->loop) - request->started_ms,
	    .ttft_ms = -1,
	};
	if (attempt && attempt->result.end == ATTEMPT_SUCCEEDED) {
		step.kind = STEP_RETURN;
		result->outcome = OUTCOME_SUCCESS;
		result->status = attempt->status;
		return step;
	}
	if (attempt && attempt->result.end == ATTEMPT_FAILED)
		attempt_failures_note(&failures, attempt->id, &attempt->result.failure);
	error_response_make(&step, &failures, request->route.pool, request->attributes.asked, &request->arena, response);
	step.response = response;
	result->outcome = response->outcome;
	result->status = response->status;
	result->error = response->exception;
	return step;
}

struct step unrouted_stop(struct mux_request *request) {
	if (!list_is_empty(&request->attempts))
		attempt_cancel(request_last_attempt(request));
	return unrouted_end(request, ROUTE_STOPPED);
}

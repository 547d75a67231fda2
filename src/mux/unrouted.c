// SPDX-License-Identifier: Apache-2.0
// A call that is on no model has one attempt, which decides: no hook is asked, and no model's state is touched.
#include "mux/request_internal.h"

// What a client is told to wait after a failure that no model's state says more about.
enum { RETRY_MS = 1000 };

struct step unrouted_end(struct mux_request *request, enum route_error error) {
	const struct attempt *attempt = request_last_attempt(request);
	struct request_result *result = &request->unrouted.result;
	struct error_response *response = &request->unrouted.response;
	struct step step = {.kind = STEP_FAIL, .error = error, .retry_after_ms = RETRY_MS, .result = result};
	struct attempt_failures failures = {0};
	*result = (struct request_result){
	    .attempts = attempt ? 1 : 0,
	    .usage = {-1, -1, -1, -1},
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

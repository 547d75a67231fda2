// SPDX-License-Identifier: Apache-2.0
// What a request's sink is told: a head, bytes, and once, as the last thing, how it ended.
#include "mux/request_internal.h"

// As for limits.memory_bytes: memory comes back with the ends of requests.
enum { EXHAUSTED_RETRY_MS = 2000 };

uint32_t delivery_attempts(const struct mux_request *request) {
	if (request->routing)
		return route_request_attempts(request->routing);
	return list_is_empty(&request->attempts) ? 0 : 1;
}

static const struct model *last_model(const struct mux_request *request) {
	uint32_t count = request->routing ? route_request_attempts(request->routing) : 0;
	return count ? route_request_attempt_model(request->routing, count - 1) : NULL;
}

struct slice delivery_last_model(const struct mux_request *request) {
	const struct model *model = last_model(request);
	return slice_from(model ? model->name : NULL);
}

static void fill_result(const struct mux_request *request, struct mux_result *result) {
	result->attempts = delivery_attempts(request);
	if (!result->model.len)
		result->model = delivery_last_model(request);
	result->latency_ms = loop_now_ms(request->worker->loop) - request->started_ms;
}

// The policy hears how a routed request ended, also if its client has left: that one was told no error, and got a
// status only if an answer had begun.
static void tell_policy(struct mux_request *request, const struct mux_result *result, const struct attempt *attempt,
                        struct slice error) {
	const struct decide *decide = request->route.decide;
	bool got_nothing = request->cancelled && !request->committed;
	if (!request->routing || !decide->finish)
		return;
	struct request_result told = {
	    .outcome = result->outcome,
	    .model = attempt ? attempt->model : last_model(request),
	    .attempts = result->attempts,
	    .status = got_nothing ? 0 : result->status,
	    .error = request->cancelled ? (struct slice){0} : error,
	    .usage = result->usage,
	    .latency_ms = result->latency_ms,
	    .ttft_ms = result->ttft_ms,
	};
	decide->finish(decide->self, request->routing, &told);
}

// `attempt` holds the answer; NULL for none. `error` names the failure.
static void tell_done(struct mux_request *request, struct mux_result *result, const struct attempt *attempt,
                      struct slice error) {
	fill_result(request, result);
	request->over = true;
	tell_policy(request, result, attempt, error);
	if (!request->cancelled)
		request->sink->on_done(request->owner, result);
}

static enum outcome outcome_of(const struct mux_request *request) {
	if (!request->has_failed)
		return OUTCOME_FAIL_FAST;
	return request->last_failure.fault == FAULT_THROTTLE ? OUTCOME_RATE_LIMIT : OUTCOME_FAIL_FAST;
}

// Heard only by who waits for an answer still.
static const struct mux_error stopped_error = {
    .type = TYPE_THROTTLING,
    .status = 429,
    .exception = {"ThrottlingException", 19},
    .message = {"The gateway is shutting down, please try again.", 47},
    .retry_after_ms = RETRY_MS,
};

// Whatever else there were to tell may have found no room.
static const struct mux_error exhausted_error = {
    .type = TYPE_THROTTLING,
    .status = 429,
    .exception = {"ThrottlingException", 19},
    .message = {"The request is over its memory: the models that were tried have said too much.", 78},
    .retry_after_ms = EXHAUSTED_RETRY_MS,
};

void delivery_failure(struct mux_request *request, const struct step *step) {
	struct mux_result result = {.failed = true, .outcome = outcome_of(request), .ttft_ms = -1};
	result.usage = (struct usage){-1, -1, -1, -1};
	if (request->arena.is_exhausted) {
		result.error = exhausted_error;
	} else if (step->error == ROUTE_CANCELLED) {
		result.outcome = OUTCOME_CANCELLED;
		result.error = stopped_error;
	} else {
		if (step->all_refused)
			result.outcome = OUTCOME_REFUSAL;
		response_failure(step, &request->kept, request->has_failed ? &request->last_failure : NULL, request->route.pool,
		                 request->attributes.asked, &request->arena, &result.error);
	}
	result.status = result.error.status;
	tell_done(request, &result, NULL, result.error.exception);
}

void delivery_head(struct mux_request *request, const struct attempt *attempt, int64_t content_length) {
	struct mux_head head = {
	    .status = attempt->status,
	    .headers = attempt->headers,
	    .content_length = content_length,
	    .model = attempt_model_name(attempt),
	    .attempts = delivery_attempts(request),
	};
	if (!request->cancelled)
		request->sink->on_head(request->owner, &head);
}

void delivery_response(struct mux_request *request, const struct attempt *attempt) {
	enum attempt_end end = attempt->result.end;
	bool failed = end != ATTEMPT_SUCCEEDED;
	struct mux_result result = {
	    .outcome = !failed                    ? OUTCOME_SUCCESS
	               : end == ATTEMPT_CANCELLED ? OUTCOME_CANCELLED
	                                          : outcome_of(request),
	    .failed = failed,
	    .model = attempt_model_name(attempt),
	    .status = attempt->status,
	    .usage = attempt->result.usage,
	    .ttft_ms = attempt->result.ttft_ms,
	};
	if (request->committed != attempt) {
		delivery_head(request, attempt, (int64_t)attempt->body.len);
		if (!request->cancelled && attempt->body.len)
			request->sink->on_body(request->owner, buffer_slice(&attempt->body));
	}
	tell_done(request, &result, attempt, end == ATTEMPT_FAILED ? attempt->result.failure.name : (struct slice){0});
}

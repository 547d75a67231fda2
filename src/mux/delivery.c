// SPDX-License-Identifier: Apache-2.0
// What a request reports to its door: the response's head and bytes, the end, and the progress so far.
#include "mux/request_internal.h"

static uint32_t delivery_attempts(const struct mux_request *request) {
	if (request->routing)
		return route_request_attempts(request->routing);
	return list_is_empty(&request->attempts) ? 0 : 1;
}

uint32_t mux_progress(const struct mux_request *request, struct slice *model) {
	uint32_t count = request->routing ? route_request_attempts(request->routing) : 0;
	if (request->committed)
		*model = attempt_model_name(request->committed);
	else
		*model = slice_from(count ? route_request_attempt_model(request->routing, count - 1)->name : NULL);
	return delivery_attempts(request);
}

void delivery_send_head(struct mux_request *request, const struct attempt *attempt, int64_t content_length) {
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

static void delivery_send_response(struct mux_request *request, const struct attempt *attempt) {
	delivery_send_head(request, attempt, (int64_t)attempt->body.len);
	if (!request->cancelled && attempt->body.len)
		request->sink->on_body(request->owner, buffer_slice(&attempt->body));
}

// An upstream's error keeps its headers and body.
static void fill_error(const struct mux_request *request, const struct error_response *response,
                       struct mux_error *error) {
	*error = (struct mux_error){
	    .type = response->type,
	    .status = response->status,
	    .exception = response->exception,
	    .message = response->message,
	    .retry_after_ms = response->retry_after_ms,
	    .code = response->code,
	    .from_upstream = response->from_upstream,
	};
	if (!response->from_upstream)
		return;
	const struct attempt *attempt = request_attempt(request, response->attempt);
	error->headers = attempt->error.headers;
	error->body = attempt->error.body;
}

void delivery_end(struct mux_request *request, const struct step *step) {
	const struct request_result *ended = step->result;
	struct mux_result result = {
	    .outcome = ended->outcome,
	    .failed = step->kind == STEP_FAIL,
	    .model = slice_from(ended->model ? ended->model->name : NULL),
	    .attempts = ended->attempts,
	    .status = ended->status,
	    .usage = ended->usage,
	    .latency_ms = ended->latency_ms,
	    .ttft_ms = ended->ttft_ms,
	};
	if (step->response)
		fill_error(request, step->response, &result.error);
	else if (!request->committed && step->kind == STEP_RETURN)
		delivery_send_response(request, request_attempt(request, step->attempt));
	request->over = true;
	if (!request->cancelled)
		request->sink->on_done(request->owner, &result);
}

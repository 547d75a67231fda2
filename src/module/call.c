// SPDX-License-Identifier: Apache-2.0
#include "module/call.h"

#include "aws/exception.h"
#include "base/clock.h"

enum {
	ARENA_BYTES = 256 * 1024, // names, ids, messages
	// A pause doesn't stop what the engine has read already: the hold, an assembled frame, the rest of a read.
	SLACK_BYTES = 1024 * 1024,
};

static bool is_streaming(const struct call *call) {
	return operation_is_streaming(call->operation);
}

void call_init(struct call *call, struct engine *engine, enum operation operation) {
	const struct engine_options *options = &engine->options;
	call->engine = engine;
	call->operation = operation;
	call->failure.retry_after_ms = -1;
	list_append(&engine->calls, &call->link);
	arena_init(&call->arena, ARENA_BYTES);
	buffer_init(&call->body, options->limits.body_bytes);
	buffer_init(&call->response, is_streaming(call)
	                                 ? options->limits.hold_bytes + 2 * options->limits.frame_bytes + SLACK_BYTES
	                                 : options->limits.response_bytes);
	eventstream_decoder_init(&call->decoder, EVENTSTREAM_FRAME_BYTES);
	random_uuid(&engine->random, call->own_id);
	call->request_id = slice_from(call->own_id);
}

void call_add_header(struct call *call, struct slice name, struct slice value) {
	if (call->header_count < CALL_HEADERS_MAX)
		call->headers[call->header_count++] = (struct header){name, value};
}

void call_fail(struct call *call, enum error_type type, int status, struct slice name, struct slice message) {
	call->failed = true;
	call->failure = (struct call_failure){type, status, name, message, {0}, -1};
}

static void keep_request_id(struct call *call, struct headers headers) {
	const struct slice *id = headers_find(headers, SLICE("x-amzn-requestid"));
	struct slice copy = id && id->len ? arena_copy(&call->arena, *id) : (struct slice){0};
	if (copy.ptr)
		call->request_id = copy;
}

static void call_on_head(void *owner, const struct mux_head *head) {
	struct call *call = owner;
	const struct slice *type = headers_find(head->headers, SLICE("content-type"));
	call->model = arena_copy(&call->arena, head->model);
	call->attempts = head->attempts;
	if (type)
		call->content_type = arena_copy(&call->arena, *type);
	keep_request_id(call, head->headers);
}

static bool call_on_body(void *owner, struct slice bytes) {
	struct call *call = owner;
	buffer_append(&call->response, bytes);
	if (!is_streaming(call))
		return true;
	call->paused = true;
	engine_wake(call->engine);
	return false;
}

// Reads an error that the upstream sent as an AWS client does.
static void take_error(struct call *call, const struct mux_error *error) {
	call_fail(call, error->type, error->status, arena_copy(&call->arena, error->exception),
	          arena_copy(&call->arena, error->message));
	call->failure.code = arena_copy(&call->arena, error->code);
	call->failure.retry_after_ms = error->retry_after_ms;
	if (!error->from_upstream)
		return;
	struct exception_report report;
	exception_read(error->status, error->headers, error->body, clock_wall_ms() / 1000, &call->arena, &report);
	call->failure.message = report.message;
	keep_request_id(call, error->headers);
}

static void call_on_done(void *owner, const struct mux_result *result) {
	struct call *call = owner;
	call->request = NULL;
	call->ended = true;
	call->paused = false;
	call->attempts = result->attempts;
	call->latency_ms = result->latency_ms;
	if (result->model.len)
		call->model = arena_copy(&call->arena, result->model);
	if (result->error.status)
		take_error(call, &result->error);
	else if (result->failed) // the last frame of a stream may say more
		call_fail(call, TYPE_NETWORK, 0, SLICE("ServiceUnavailableException"), SLICE("The answer broke off."));
	else if (call->response.failed)
		call_fail(call, TYPE_INTERNAL, 0, SLICE("InternalServerException"), SLICE("The answer is too large."));
	engine_wake(call->engine);
}

void call_start(struct call *call) {
	static const struct mux_sink sink = {.on_head = call_on_head, .on_body = call_on_body, .on_done = call_on_done};
	struct mux_call asked = {
	    .request_id = slice_from(call->own_id),
	    .operation = call->operation,
	    .model = call->asked,
	    .headers = {call->headers, call->header_count},
	    .body = buffer_slice(&call->body),
	};
	engine_turn(call->engine);
	call->request = mux_submit(call->engine->worker, &asked, &sink, call);
}

// A loop that has nothing left to do while a call is in flight is a bug of ours: the host gets an error instead of a
// hang.
static void call_wait(struct call *call) {
	if (engine_run(call->engine) || call->ended)
		return;
	mux_cancel(call->request);
	call->request = NULL;
	call->ended = true;
	call_fail(call, TYPE_INTERNAL, 0, SLICE("InternalServerException"), SLICE("The request was lost."));
}

bool call_finish(struct call *call) {
	while (!call->ended)
		call_wait(call);
	return !call->failed;
}

void call_await_content(struct call *call) {
	while (!call->ended && call->response.len == call->taken)
		call_wait(call);
}

// Resumes a stream whose frames have all been taken.
static void fetch_frames(struct call *call) {
	buffer_clear(&call->response);
	call->taken = 0;
	if (call->paused) {
		call->paused = false;
		mux_resume(call->request);
	}
	call_await_content(call);
}

static void take_exception(struct call *call, const struct eventstream_frame *frame) {
	struct exception_report report;
	exception_read_frame(frame, &call->arena, &report);
	call_fail(call, report.type, report.status, report.name, report.message);
	call->failure.retry_after_ms = report.retry_after_ms;
}

static enum call_progress take_frame(struct call *call, const struct eventstream_frame *frame) {
	switch (eventstream_frame_kind(frame)) {
	case EVENTSTREAM_KIND_EVENT:
		return CALL_FRAME;
	case EVENTSTREAM_KIND_EXCEPTION:
	case EVENTSTREAM_KIND_ERROR:
		take_exception(call, frame);
		return CALL_FAILED;
	case EVENTSTREAM_KIND_OTHER:
		break;
	}
	call_fail(call, TYPE_UNKNOWN, 0, SLICE("ModelStreamErrorException"), SLICE("A frame has no known type."));
	return CALL_FAILED;
}

enum call_progress call_next(struct call *call, struct eventstream_frame *frame) {
	for (;;) {
		struct slice rest = slice_from_offset(buffer_slice(&call->response), call->taken);
		if (call->failed && (rest.len == 0 || call->response.failed))
			return CALL_FAILED;
		if (rest.len == 0 && call->ended)
			return CALL_ENDED;
		if (rest.len == 0) {
			fetch_frames(call);
			continue;
		}
		enum eventstream_progress progress = eventstream_decoder_next(&call->decoder, &rest, frame);
		call->taken = call->response.len - rest.len;
		if (progress == EVENTSTREAM_FRAME)
			return take_frame(call, frame);
		if (progress == EVENTSTREAM_BROKEN) {
			call_fail(call, TYPE_UNKNOWN, 0, SLICE("ModelStreamErrorException"),
			          slice_from(eventstream_error_text(call->decoder.error)));
			return CALL_FAILED;
		}
	}
}

void call_stop(struct call *call) {
	struct engine *engine = call->engine;
	if (!engine)
		return;
	call->engine = NULL;
	list_remove(&call->link);
	if (call->request) {
		mux_cancel(call->request);
		call->request = NULL;
		engine_turn(engine);
	}
	buffer_free(&call->body);
	buffer_free(&call->response);
	eventstream_decoder_free(&call->decoder);
}

void call_stop_all(struct engine *engine) {
	while (!list_is_empty(&engine->calls)) {
		struct call *call = LIST_OWNER(engine->calls.next, struct call, link);
		call->orphaned = !call->ended;
		call_stop(call);
	}
}

void call_free(struct call *call) {
	call_stop(call);
	arena_free(&call->arena);
}

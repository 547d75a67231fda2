// SPDX-License-Identifier: Apache-2.0
// Each turn of an attempt (an event of its exchange, or its timer) runs between `hold` and `drop`. It calls on_ended at
// most once and does not touch the attempt's state after that.
#include "mux/attempt.h"

#include "aws/exception.h"
#include "aws/response_shape.h"
#include "base/clock.h"
#include "base/log.h"
#include "mux/engine_failure.h"
#include "mux/error_page.h"
#include "mux/headers.h"
#include "mux/request_edits.h"
#include "mux/sign.h"

enum {
	ERROR_BODY_BYTES = 1 << 20,  // limit of an upstream's error body
	BODY_RESERVE_BYTES = 1 << 20 // limit of what is allocated on the word of a content-length
};

struct slice attempt_model_name(const struct attempt *attempt) {
	return slice_from(attempt->model ? attempt->model->name : NULL);
}

static uint64_t attempt_now_ms(const struct attempt *attempt) {
	return loop_now_ms(attempt->order.worker->loop);
}

// Begins a turn: the attempt's memory and its buffers live until attempt_leave.
static void attempt_enter(struct attempt *attempt) {
	attempt->order.events->hold(attempt->order.owner);
	attempt->turns++;
}

// An attempt that has ended frees its buffers here: the request may go on for long with other attempts.
static void attempt_leave(struct attempt *attempt) {
	attempt->turns--;
	attempt_release(attempt);
	attempt->order.events->drop(attempt->order.owner);
}

static void attempt_stop_slices(struct attempt *attempt) {
	slice_queue_remove(&attempt->slices);
	sigv4_payload_free(attempt->hashing);
	attempt->hashing = NULL;
}

// The owner may cancel or reuse anything in on_ended, so nothing follows it.
static void attempt_end(struct attempt *attempt, enum attempt_end how) {
	if (attempt->ended)
		return;
	attempt->ended = true;
	timer_stop(&attempt->timer);
	attempt_stop_slices(attempt);
	if (attempt->exchange)
		exchange_cancel(attempt->exchange);
	attempt->exchange = NULL;
	attempt->result.end = how;
	attempt->result.status = attempt->status;
	attempt->result.latency_ms = attempt_now_ms(attempt) - attempt->started_ms;
	attempt->result.failure.latency_ms = attempt->result.latency_ms;
	attempt->result.ttft_ms = attempt->ttft_ms;
	if (attempt->streaming)
		attempt->result.usage = attempt->relay.usage;
	if (how != ATTEMPT_CANCELLED)
		attempt->order.events->on_ended(attempt);
}

static void attempt_fail(struct attempt *attempt, enum engine_failure failure) {
	attempt->result.failure = engine_failure(failure);
	attempt_end(attempt, ATTEMPT_FAILED);
}

static const struct header json_type[] = {{{"content-type", 12}, {"application/json", 16}}};

// Fails with the upstream's error response, which is kept for the client.
static void attempt_fail_by_response(struct attempt *attempt) {
	struct exception_report report;
	struct slice body = arena_copy(attempt->order.arena, buffer_slice(&attempt->body));
	exception_read(attempt->status, attempt->headers, body, clock_wall_ms() / 1000, attempt->order.arena, &report);
	attempt->error = (struct upstream_error){attempt->headers, body};
	error_page_replace(attempt->status, attempt->order.arena, &attempt->error.headers, &attempt->error.body);
	attempt->result.failure = engine_failure_reported(FAILURE_HTTP, &report);
	attempt->result.failure.exception = slice_from(exception_by_status(attempt->status)->name);
	attempt_end(attempt, ATTEMPT_FAILED);
}

static void end_stream(struct attempt *attempt, enum relay_verdict verdict) {
	if (attempt->ended || verdict == RELAY_MORE)
		return;
	if (verdict == RELAY_SUCCEEDED) {
		attempt_end(attempt, ATTEMPT_SUCCEEDED);
		return;
	}
	const struct failure *failure = &attempt->relay.failure;
	// An exception before any content becomes the error response that the service sends for it without a stream.
	attempt->error = (struct upstream_error){{json_type, 1}, attempt->relay.payload};
	if (failure->status && attempt->ttft_ms < 0)
		error_page_replace(failure->status, attempt->order.arena, &attempt->error.headers, &attempt->error.body);
	attempt->result.failure = *failure;
	attempt_end(attempt, ATTEMPT_FAILED);
}

static void break_stream(struct attempt *attempt, enum engine_failure failure) {
	struct failure broken = engine_failure(failure);
	end_stream(attempt, relay_finish(&attempt->relay, &broken));
}

// Whether the body of a whole response is read: for the tokens that Converse states there, or by the policy.
static bool attempt_reads_response(const struct attempt *attempt) {
	enum operation operation = attempt->order.call->operation;
	return operation == OPERATION_CONVERSE || (attempt->order.reads_response && operation_is_on_model(operation));
}

// Ends an attempt with a whole response, of which `shape` is known; NULL: nothing.
static void attempt_succeed(struct attempt *attempt, const struct response_shape *shape) {
	if (attempt->order.call->operation == OPERATION_CONVERSE && shape)
		attempt->result.usage = shape->usage;
	else if (attempt->order.call->operation == OPERATION_INVOKE_MODEL)
		response_shape_read_headers(attempt->headers, &attempt->result.usage);
	attempt_end(attempt, ATTEMPT_SUCCEEDED);
}

static bool attempt_on_response_slice(void *owner) {
	struct attempt *attempt = owner;
	if (!response_scan_step(attempt->scan, SLICE_BYTES))
		return true;
	attempt_enter(attempt);
	attempt_succeed(attempt, attempt->scan->shape);
	attempt_leave(attempt);
	return false;
}

// Begins to read a large response. False if the arena has no room: it is read at once then.
static bool attempt_read_in_slices(struct attempt *attempt) {
	struct response_shape *shape = arena_alloc(attempt->order.arena, sizeof *shape);
	attempt->scan = arena_alloc(attempt->order.arena, sizeof *attempt->scan);
	if (!shape || !attempt->scan)
		return false;
	timer_stop(&attempt->timer);
	response_scan_begin(attempt->scan, buffer_slice(&attempt->body), shape);
	sliced_work_init(&attempt->slices, attempt_on_response_slice, attempt);
	slice_queue_add(&attempt->order.worker->slices, &attempt->slices);
	return true;
}

static void end_unary(struct attempt *attempt) {
	struct response_shape shape = {.usage = TOKEN_USAGE_UNKNOWN};
	bool is_large = attempt->body.len > SLICED_BYTES_MIN && attempt_reads_response(attempt);
	if (is_large && attempt_read_in_slices(attempt))
		return;
	if (attempt->order.call->operation == OPERATION_CONVERSE)
		response_shape_read(buffer_slice(&attempt->body), &shape);
	attempt_succeed(attempt, &shape);
}

static void attempt_on_commit(void *owner) {
	struct attempt *attempt = owner;
	attempt->ttft_ms = (int64_t)(attempt_now_ms(attempt) - attempt->started_ms);
	timer_start(&attempt->timer, attempt->order.stream_idle_ms);
	attempt->order.events->on_committed(attempt);
}

static void attempt_on_frames(void *owner, struct slice frames) {
	struct attempt *attempt = owner;
	if (attempt->ended || attempt->order.events->on_frames(attempt, frames) || attempt->ended || attempt->paused)
		return;
	attempt->paused = true;
	timer_stop(&attempt->timer);
	if (attempt->exchange)
		exchange_pause(attempt->exchange);
}

static const struct relay_output relay_output = {attempt_on_commit, attempt_on_frames};

static bool is_success(int status) {
	return status >= 200 && status < 300;
}

static bool has_type(struct headers headers, struct slice type) {
	const struct slice *value = headers_find(headers, SLICE("content-type"));
	return value && value->len >= type.len && slice_equal_nocase(slice_of(value->ptr, type.len), type);
}

// A success of another content type than the operation's comes from another server, such as a proxy or a portal.
static bool is_foreign(const struct attempt *attempt) {
	if (!is_success(attempt->status))
		return false;
	if (operation_is_streaming(attempt->order.call->operation))
		return !has_type(attempt->headers, SLICE("application/vnd.amazon.eventstream"));
	return has_type(attempt->headers, SLICE("text/html"));
}

static void attempt_on_head(void *owner, int status, struct headers headers) {
	struct attempt *attempt = owner;
	attempt->status = status;
	attempt->headers = headers_copy_down(attempt->order.arena, headers);
	if (is_foreign(attempt)) {
		attempt_enter(attempt);
		attempt_fail(attempt, ENGINE_FOREIGN_RESPONSE);
		attempt_leave(attempt);
		return;
	}
	attempt->streaming = is_success(status) && operation_is_streaming(attempt->order.call->operation);
	const struct mux *mux = attempt->order.worker->mux;
	if (attempt->streaming) {
		relay_init(&attempt->relay, attempt->order.call->operation, mux->settings.options->limits.frame_bytes,
		           mux->settings.options->limits.hold_bytes, attempt->order.arena, &relay_output, attempt);
		buffer_set_meter(&attempt->relay.held, mux->settings.memory);
		buffer_set_meter(&attempt->relay.decoder.held, mux->settings.memory);
		return;
	}
	size_t limit = mux->settings.options->limits.response_bytes;
	if (!is_success(status) && limit > ERROR_BODY_BYTES)
		limit = ERROR_BODY_BYTES;
	buffer_init(&attempt->body, limit);
	buffer_set_meter(&attempt->body, mux->settings.memory);
	const struct slice *length = headers_find(headers, SLICE("content-length"));
	uint64_t expected = 0;
	if (length && slice_parse_u64(*length, limit, &expected))
		(void)buffer_reserve(&attempt->body, expected < BODY_RESERVE_BYTES ? expected : BODY_RESERVE_BYTES);
}

static void attempt_on_body(void *owner, struct slice bytes) {
	struct attempt *attempt = owner;
	attempt_enter(attempt);
	attempt->last_byte_ms = attempt_now_ms(attempt);
	if (attempt->streaming)
		end_stream(attempt, relay_feed(&attempt->relay, bytes));
	else if (buffer_append(&attempt->body, bytes))
		attempt_fail(attempt, ENGINE_RESPONSE_TOO_LARGE);
	attempt_leave(attempt);
}

static void attempt_on_end(void *owner) {
	struct attempt *attempt = owner;
	attempt_enter(attempt);
	attempt->exchange = NULL;
	if (attempt->streaming)
		end_stream(attempt, relay_finish(&attempt->relay, NULL));
	else if (is_success(attempt->status))
		end_unary(attempt);
	else
		attempt_fail_by_response(attempt);
	attempt_leave(attempt);
}

static void attempt_on_failed(void *owner, enum exchange_failure failure) {
	struct attempt *attempt = owner;
	attempt_enter(attempt);
	attempt->exchange = NULL;
	if (attempt->streaming)
		break_stream(attempt, (enum engine_failure)failure);
	else
		attempt_fail(attempt, (enum engine_failure)failure);
	attempt_leave(attempt);
}

static const struct exchange_events exchange_events = {attempt_on_head, attempt_on_body, attempt_on_end,
                                                       attempt_on_failed};

// After the commit, bytes only note their time; the timer compares it when it fires, which is cheaper than restarting.
static void check_idle(struct attempt *attempt) {
	uint64_t silent_ms = attempt_now_ms(attempt) - attempt->last_byte_ms;
	if (silent_ms < attempt->order.stream_idle_ms)
		timer_start(&attempt->timer, attempt->order.stream_idle_ms - silent_ms);
	else
		break_stream(attempt, ENGINE_STREAM_STALLED);
}

static void attempt_on_timer(void *owner) {
	struct attempt *attempt = owner;
	attempt_enter(attempt);
	if (attempt->lacks_credentials)
		attempt_fail(attempt, ENGINE_NO_CREDENTIALS);
	else if (attempt->streaming && relay_is_committed(&attempt->relay))
		check_idle(attempt);
	else
		attempt_fail(attempt, ENGINE_ATTEMPT_TIMEOUT);
	attempt_leave(attempt);
}

static struct upload attempt_upload(const struct attempt *attempt) {
	struct request_edits *edits = attempt->order.edits;
	struct upload upload = {.body = attempt->order.call->body, .payload_hash = attempt->order.payload_hash};
	if (edits)
		upload.headers = edits->headers;
	if (edits && edits->has_body) {
		upload.body = buffer_slice(&edits->body);
		upload.payload_hash = edits->payload_hash;
	}
	return upload;
}

static bool attempt_on_upload_slice(void *owner);

static void attempt_init(struct attempt *attempt, const struct attempt_order *order, const struct step *step) {
	attempt->order = *order;
	attempt->model = step->model;
	attempt->id = step->attempt;
	attempt->timeout_ms = step->options.timeout_ms;
	attempt->ttft_ms = -1;
	attempt->result.usage = TOKEN_USAGE_UNKNOWN;
	attempt->started_ms = attempt->last_byte_ms = attempt_now_ms(attempt);
	if (operation_is_streaming(attempt->order.call->operation) && step->options.ttft_ms < attempt->timeout_ms)
		attempt->timeout_ms = step->options.ttft_ms;
	list_init(&attempt->link);
	timer_init(&attempt->timer, attempt->order.worker->loop, attempt_on_timer, attempt);
	sliced_work_init(&attempt->slices, attempt_on_upload_slice, attempt);
}

// Returns 0 or ERROR_MEMORY. An attempt that can't be signed fails at the next turn of the loop.
static int attempt_send(struct attempt *attempt) {
	struct exchange_request request;
	struct upload upload = attempt_upload(attempt);
	const char *reason = NULL;
	int rc = sign_request(attempt->order.worker, attempt->order.call, &upload, attempt->order.target, attempt->model,
	                      attempt->order.arena, &request, &reason);
	if (rc == ERROR_MEMORY)
		return rc;
	if (rc == 0) {
		struct upstream *upstream = upstreams_get(attempt->order.worker->upstreams, attempt->order.target->tls,
		                                          slice_from(attempt->order.target->host), attempt->order.target->port);
		attempt->exchange = exchange_start(upstream, &request, &exchange_events, attempt);
		if (!timer_is_running(&attempt->timer))
			timer_start(&attempt->timer, attempt->timeout_ms);
	} else {
		log_entry(LOG_ERROR, "cannot sign", LOG_S("model", attempt_model_name(attempt)), LOG_C("reason", reason),
		          LOG_S("request_id", attempt->order.call->request_id));
		attempt->lacks_credentials = true;
		timer_start(&attempt->timer, 0);
	}
	return 0;
}

// Writes a slice of the edited body. False if memory is short.
static bool attempt_write_slice(struct attempt *attempt) {
	struct request_edits *edits = attempt->order.edits;
	bool is_done = !edits || !edits->has_body || edits->is_whole;
	return is_done || request_edits_write(edits, attempt->order.call->body, SLICE_BYTES) == 0;
}

// Hashes a slice of what there is of the body. True once all of it is there and hashed; what libcrypto can't hash,
// signing reports.
static bool attempt_hash_slice(struct attempt *attempt) {
	const struct request_edits *edits = attempt->order.edits;
	bool is_whole = !edits || !edits->has_body || edits->is_whole;
	if (!attempt->hashing)
		return is_whole;
	struct upload upload = attempt_upload(attempt);
	struct slice left = slice_from_offset(upload.body, attempt->hashed_bytes);
	struct slice piece = slice_of(left.ptr, left.len < SLICE_BYTES ? left.len : SLICE_BYTES);
	attempt->hashed_bytes += piece.len;
	bool has_failed = sigv4_payload_add(attempt->hashing, piece) != 0;
	if (!has_failed && (!is_whole || piece.len < left.len))
		return false;
	if (!has_failed)
		(void)sigv4_payload_end(attempt->hashing, upload.payload_hash);
	sigv4_payload_free(attempt->hashing);
	attempt->hashing = NULL;
	return is_whole;
}

// Prepares the upload by a slice, and sends it once it is ready.
static bool attempt_on_upload_slice(void *owner) {
	struct attempt *attempt = owner;
	bool has_memory = attempt_write_slice(attempt);
	if (has_memory && !attempt_hash_slice(attempt))
		return true;
	attempt_enter(attempt);
	attempt_stop_slices(attempt);
	if (!has_memory || attempt_send(attempt))
		attempt_fail(attempt, ENGINE_OUT_OF_MEMORY);
	attempt_leave(attempt);
	return false;
}

// Whether the upload is so large that it is edited and hashed in slices. It is hashed for a signature; a bearer token
// needs no hash, and without credentials signing fails.
static bool attempt_is_prepared_first(struct attempt *attempt) {
	struct request_edits *edits = attempt->order.edits;
	struct upload upload = attempt_upload(attempt);
	const char *reason;
	if (attempt->order.call->body.len <= SLICED_BYTES_MIN)
		return false;
	bool is_to_write = edits && edits->has_body;
	struct credentials *credentials =
	    upload.payload_hash[0] ? NULL : credentials_source_get(attempt->order.target->credentials, &reason);
	if (credentials && !credentials->bearer_token)
		attempt->hashing = sigv4_payload_new();
	credentials_release(credentials);
	return is_to_write || attempt->hashing;
}

struct attempt *attempt_start(const struct attempt_order *order, const struct step *step) {
	struct attempt *attempt = arena_alloc(order->arena, sizeof *attempt);
	if (!attempt)
		return NULL;
	attempt_init(attempt, order, step);
	if (!attempt_is_prepared_first(attempt))
		return attempt_send(attempt) == 0 ? attempt : NULL;
	timer_start(&attempt->timer, attempt->timeout_ms);
	slice_queue_add(&order->worker->slices, &attempt->slices);
	return attempt;
}

void attempt_cancel(struct attempt *attempt) {
	attempt_end(attempt, ATTEMPT_CANCELLED);
	attempt_release(attempt);
}

void attempt_stop(struct attempt *attempt) {
	if (!attempt->ended)
		break_stream(attempt, ENGINE_GATEWAY_STOPPING);
}

void attempt_resume(struct attempt *attempt) {
	if (!attempt->paused || attempt->ended)
		return;
	attempt->paused = false;
	attempt->last_byte_ms = attempt_now_ms(attempt);
	timer_start(&attempt->timer, attempt->order.stream_idle_ms);
	if (attempt->exchange)
		exchange_resume(attempt->exchange);
}

struct response attempt_response(const struct attempt *attempt) {
	return (struct response){
	    .status = attempt->status,
	    .headers = attempt->headers,
	    .body = buffer_slice(&attempt->body),
	    .content = attempt->scan ? attempt->scan->shape : NULL,
	    .usage = attempt->result.usage,
	    .latency_ms = attempt->result.latency_ms,
	};
}

void attempt_release(struct attempt *attempt) {
	if (!attempt->ended || attempt->turns)
		return;
	buffer_free(&attempt->body);
	if (attempt->streaming)
		relay_free(&attempt->relay);
	if (attempt->order.edits)
		request_edits_free(attempt->order.edits);
}

// SPDX-License-Identifier: Apache-2.0
// The half of an HTTP/1.1 connection that writes responses. A whole response is sent at once; pieces of a streamed one
// are gathered until the end of the loop's turn. The embedder is never called from here: a failure is reported when the
// turn ends.
#include <assert.h>
#include <stdio.h>

#include "http/http1.h"
#include "http/response_head.h"

// Pieces of this size or more are sent without being copied first.
#define DIRECT_BYTES 16384
// Once this much is gathered, it is sent before the turn ends.
#define GATHERED_BYTES 65536

void http1_send(struct http1 *http1, const struct slice *parts, int count) {
	struct server *server = http1->connection.server;
	bool progress;
	if (http1->broken)
		return;
	if (http1->blocked) {
		for (int i = 0; i < count; i++)
			http1->broken |= write_queue_add(&http1->out, parts[i]) != 0;
		return;
	}
	switch (write_queue_send(&http1->out, http1->socket, parts, count, &progress)) {
	case WRITE_QUEUE_EMPTY:
		break;
	case WRITE_QUEUE_WAITS:
		http1->blocked = true;
		rate_watch_run(&http1->watch, loop_now_ms(server->loop));
		socket_want_write(http1->socket, true);
		timer_start(&http1->writing, server->timeouts.write_ms);
		break;
	case WRITE_QUEUE_BROKEN:
		http1->broken = true;
		break;
	}
}

// The text of a head; valid until the next one.
static struct slice http1_format_head(struct http1 *http1, int status, struct headers headers, int64_t content_length) {
	struct server *server = http1->connection.server;
	bool old = http1->head.minor_version == 0;
	struct response_head head = {
	    .status = status,
	    .date = server_date(server),
	    .headers = headers,
	    .content_length = content_length,
	    .chunked = http1->chunked,
	    .connection = http1->closes ? SLICE("close")
	                  : old         ? SLICE("keep-alive")
	                                : (struct slice){0},
	};
	buffer_clear(&server->head);
	response_head_format(&head, &server->head);
	http1->broken |= server->head.failed;
	return buffer_slice(&server->head);
}

// Sets what status and method imply for the response's body, and whether the connection stays open.
static void http1_response_begin(struct http1 *http1, int status) {
	const struct server *server = http1->connection.server;
	response_extent_begin(&http1->extent, status, http1->head.method);
	http1->chunked = http1->ends_by_close = false;
	http1->closes = !http1->head.keep_alive || server->draining;
	// A client that requested `close` sends nothing more; other clients may be about to send.
	http1->lingers = http1->head.keep_alive;
}

static struct http1 *http1_of(struct server_call *call) {
	assert(call->is_open);
	return LIST_OWNER(call, struct http1, call);
}

void http1_respond(struct server_call *call, int status, struct headers headers, struct slice body) {
	struct http1 *http1 = http1_of(call);
	assert(!call->has_started);
	http1_response_begin(http1, status);
	bool states_length = status != 204 && status >= 200;
	struct slice head = http1_format_head(http1, status, headers, states_length ? (int64_t)body.len : -1);
	struct slice parts[] = {head, http1->extent.bodiless ? (struct slice){0} : body};
	http1_send(http1, parts, 2);
	server_call_ended(call, false);
	http1_response_ended(http1);
}

void http1_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length) {
	struct http1 *http1 = http1_of(call);
	assert(!call->has_started);
	call->has_started = true;
	http1_response_begin(http1, status);
	if (status == 204)
		content_length = -1;
	if (content_length >= 0)
		http1->extent.remaining_bytes = (uint64_t)content_length;
	else if (!http1->extent.bodiless && http1->head.minor_version == 1)
		http1->chunked = true;
	else if (!http1->extent.bodiless)
		http1->ends_by_close = http1->closes = true;
	struct slice head = http1_format_head(http1, status, headers, content_length);
	http1->broken |= write_queue_add(&http1->out, head) != 0;
	server_call_back_later(&http1->connection);
}

// Adds one piece in its framing.
static void http1_write_piece(struct http1 *http1, struct slice bytes) {
	char size[20];
	int size_len = http1->chunked ? snprintf(size, sizeof size, "%zx\r\n", bytes.len) : 0;
	struct slice parts[] = {slice_of(size, (size_t)size_len), bytes,
	                        http1->chunked ? SLICE("\r\n") : (struct slice){0}};
	if (bytes.len >= DIRECT_BYTES) {
		http1_send(http1, parts, 3);
		return;
	}
	for (int i = 0; i < 3; i++)
		http1->broken |= write_queue_add(&http1->out, parts[i]) != 0;
	if (write_queue_waiting(&http1->out) >= GATHERED_BYTES)
		http1_send(http1, NULL, 0);
}

bool http1_response_write(struct server_call *call, struct slice bytes) {
	struct http1 *http1 = http1_of(call);
	assert(call->has_started);
	bytes = response_extent_take(&http1->extent, bytes);
	if (bytes.len && !http1->extent.bodiless && !http1->broken)
		http1_write_piece(http1, bytes);
	server_call_back_later(&http1->connection);
	http1->reported_full = http1->out.is_full && !http1->broken;
	return !http1->reported_full;
}

// Breaks off a response that has begun. If it is delimited by the end of the connection, only a reset shows the break.
static void http1_response_break_off(struct http1 *http1, bool reset) {
	if (reset || http1->broken || http1->ends_by_close) {
		http1_reset(http1);
		return;
	}
	http1->closes = http1->lingers = true;
	http1_send(http1, NULL, 0);
	http1_response_ended(http1);
}

void http1_response_end(struct server_call *call) {
	struct http1 *http1 = http1_of(call);
	assert(call->has_started);
	server_call_ended(call, false);
	if (response_extent_is_short(&http1->extent)) {
		http1_response_break_off(http1, false);
		return;
	}
	struct slice last = http1->chunked ? SLICE("0\r\n\r\n") : (struct slice){0};
	http1_send(http1, &last, 1);
	http1_response_ended(http1);
}

void http1_response_abort(struct server_call *call, bool reset) {
	struct http1 *http1 = http1_of(call);
	server_call_ended(call, false);
	http1_response_break_off(http1, reset);
}

void http1_refuse(struct http1 *http1, int status, const char *reason) {
	struct server *server = http1->connection.server;
	struct header list[8];
	buffer_clear(&server->refusal);
	size_t count = server->events->format_refusal(server->owner, status, reason, list, &server->refusal);
	assert(count <= sizeof list / sizeof *list);
	http1_response_begin(http1, status);
	http1->closes = http1->lingers = true;
	struct slice body = buffer_slice(&server->refusal);
	struct slice head = http1_format_head(http1, status, (struct headers){list, count}, (int64_t)body.len);
	struct slice parts[] = {head, http1->extent.bodiless ? (struct slice){0} : body};
	http1_send(http1, parts, 2);
	http1_start_closing(http1);
}

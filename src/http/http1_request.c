// SPDX-License-Identifier: Apache-2.0
// Reads requests from the bytes of an HTTP/1.1 connection, and delivers them.
//
// Invariant: bytes are parsed only while no call is open, so responses leave in the order of the requests.
#include "http/http1.h"

// Memory for a body is reserved up to this much of its announced length; beyond that it grows with the bytes, and ends
// at the announced length.
#define BELIEVED_BYTES 65536

static bool http1_body_is_here(const struct http1 *http1, struct slice input) {
	return http1->head.framing != FRAMING_CHUNKED && http1->head.content_length <= input.len;
}

static void http1_size_body(struct http1 *http1) {
	uint64_t announced = http1->head.content_length;
	if (http1->head.framing == FRAMING_CHUNKED)
		http1->body.limit_bytes = http1_server(http1)->limits.body_bytes;
	else
		http1->body.limit_bytes = announced > HTTP1_KEPT_BODY_BYTES ? (size_t)announced : HTTP1_KEPT_BODY_BYTES;
	if (announced > 0)
		buffer_reserve(&http1->body, announced < BELIEVED_BYTES ? (size_t)announced : BELIEVED_BYTES);
}

// The body's length is unknown, or known to be within the limit.
static void http1_begin_body(struct http1 *http1, const struct slice *input) {
	const struct head *head = &http1->head;
	bool has_body = head->framing == FRAMING_CHUNKED || head->content_length > 0;
	http1->state = HTTP1_BODY;
	framing_init(&http1->framing, head->framing, head->content_length);
	buffer_set_meter(&http1->body, http1_server(http1)->limits.memory);
	http1_size_body(http1);
	if (!http1_body_is_here(http1, *input))
		upload_begin(&http1->upload, &http1->body, http1->body.limit_bytes);
	if (head->expects_continue && has_body && input->len == 0)
		http1_send(http1, &SLICE("HTTP/1.1 100 Continue\r\n\r\n"), 1);
}

// True when the request is whole.
static bool http1_read_body(struct http1 *http1, struct slice *input) {
	struct slice piece;
	size_t before = http1->body.len;
	for (;;) {
		switch (framing_read(&http1->framing, input, &piece)) {
		case FRAMING_PIECE:
			if (buffer_append(&http1->body, piece) == 0)
				break;
			http1_refuse(http1, 413, "The body is too large.");
			return false;
		case FRAMING_MORE:
			if (upload_is_too_slow(&http1->upload, http1->body.len - before)) {
				http1_refuse(http1, 408, UPLOAD_TOO_SLOW);
				return false;
			}
			timer_start(&http1->reading, http1_server(http1)->timeouts.body_ms);
			return false;
		case FRAMING_END:
			return true;
		case FRAMING_MALFORMED:
			http1_refuse(http1, 400, "The body's chunked coding is malformed.");
			return false;
		}
	}
}

// Whether the body isn't here in full and there is no memory for it.
static bool http1_body_lacks_memory(const struct http1 *http1, struct slice input) {
	return !http1_body_is_here(http1, input) && server_lacks_memory(http1_server(http1));
}

// Counts a head that is larger than what a connection keeps. Whether it has to wait for memory to go on.
static bool http1_head_lacks_memory(struct http1 *http1) {
	struct memory_meter *memory = http1_server(http1)->limits.memory;
	if (http1->head.raw.capacity <= HEAD_KEPT_BYTES)
		return false;
	buffer_set_meter(&http1->head.raw, memory);
	return memory_meter_is_full(memory);
}

static void http1_read_head(struct http1 *http1, struct slice *input) {
	const struct head *head = &http1->head;
	server_connection_idle(&http1->connection, false);
	struct slice before = *input;
	enum head_step step = head_read(&http1->head, input);
	http1_wipe(slice_of(before.ptr, before.len - input->len));
	bool lacks_memory = http1_head_lacks_memory(http1);
	switch (step) {
	case HEAD_MORE:
		if (lacks_memory) {
			http1_refuse(http1, 429, HEAD_NO_MEMORY);
		} else if (http1->state == HTTP1_WAITING && head_has_begun(head)) {
			http1->state = HTTP1_HEAD;
			timer_start(&http1->reading, http1_server(http1)->timeouts.header_ms);
		} else if (http1->state == HTTP1_HEAD && !head_has_begun(head)) {
			// An empty line, in pieces, before the head.
			http1->state = HTTP1_WAITING;
		}
		break;
	case HEAD_REFUSED:
		http1_refuse(http1, head->refusal_status, head->refusal_reason);
		break;
	case HEAD_WHOLE:
		if (head->expects_other)
			http1_refuse(http1, 417, "Only the expectation '100-continue' is known.");
		else if (head->content_length > http1_server(http1)->limits.body_bytes)
			http1_refuse(http1, 413, "The body is too large.");
		else if (http1_body_lacks_memory(http1, *input))
			http1_refuse(http1, 429, UPLOAD_NO_MEMORY);
		else
			http1_begin_body(http1, input);
		break;
	}
}

// Parses input until a request is whole (true), the input ends, or the request is refused.
static bool http1_parse(struct http1 *http1, struct slice *input) {
	if (http1->state == HTTP1_WAITING || http1->state == HTTP1_HEAD)
		http1_read_head(http1, input);
	return http1->state == HTTP1_BODY && http1_read_body(http1, input);
}

static bool http1_may_parse(struct http1 *http1) {
	if (http1->connection.closed || http1->broken)
		return false;
	return http1->state == HTTP1_HEAD || http1->state == HTTP1_BODY ||
	       (http1->state == HTTP1_WAITING && !http1->out.is_full && server_may_begin_request(&http1->connection));
}

static void http1_deliver(struct http1 *http1) {
	const struct head *head = &http1->head;
	timer_stop(&http1->reading);
	upload_end(&http1->upload);
	http1->state = HTTP1_CALL;
	http1->call.request = (struct server_request){
	    .method = head->method,
	    .target = head->target,
	    .path = head->path,
	    .query = head->query,
	    .headers = head->headers,
	    .body = buffer_slice(&http1->body),
	    .peer = slice_from(http1->peer),
	};
	server_deliver(&http1->call);
}

// Whether the next read can return more of the body than its buffer has room for.
static bool http1_wants_memory(const struct http1 *http1) {
	const struct buffer *body = &http1->body;
	bool is_chunked = http1->head.framing == FRAMING_CHUNKED;
	uint64_t rest = is_chunked ? HTTP1_UNREAD_LIMIT_BYTES : http1->head.content_length - body->len;
	if (rest > HTTP1_UNREAD_LIMIT_BYTES)
		rest = HTTP1_UNREAD_LIMIT_BYTES;
	return http1->state == HTTP1_BODY && body->capacity - body->len < rest;
}

void http1_continue(struct http1 *http1) {
	while (http1_unread_bytes(http1) > 0 && http1_may_parse(http1)) {
		struct slice input = slice_from_offset(buffer_slice(&http1->unread), http1->unread_start);
		bool whole = http1_parse(http1, &input);
		if (http1->connection.closed || http1->state > HTTP1_CALL)
			return;
		http1->unread_start = http1->unread.len - input.len;
		if (whole)
			http1_deliver(http1);
	}
	if (http1->connection.closed)
		return;
	if (http1_unread_bytes(http1) == 0 && http1->unread.ptr)
		http1_forget_unread(http1);
	if (list_is_empty(&http1->connection.idle))
		http1_wait_for_request(http1);
	if (http1->state > HTTP1_CALL)
		return;
	bool must_wait = http1_wants_memory(http1) && upload_wants_memory(&http1->upload, 0) != UPLOAD_GOES_ON;
	must_wait |= server_waits_for_turn(&http1->connection) || http1_unread_bytes(http1) >= HTTP1_UNREAD_LIMIT_BYTES;
	socket_want_read(http1->socket, !must_wait);
}

void http1_upload_goes_on(struct upload *upload) {
	struct http1 *http1 = LIST_OWNER(upload, struct http1, upload);
	timer_start(&http1->reading, http1_server(http1)->timeouts.body_ms);
	server_call_back_later(&http1->connection);
}

void http1_upload_refuse(struct upload *upload) {
	http1_refuse(LIST_OWNER(upload, struct http1, upload), 429, UPLOAD_NO_MEMORY);
}

static void http1_keep_unread(struct http1 *http1, struct slice bytes) {
	if (bytes.len == 0)
		return;
	if (!http1->connection.closed && http1->state <= HTTP1_CALL) {
		buffer_consume(&http1->unread, http1->unread_start);
		http1->unread_start = 0;
		http1->broken |= buffer_append(&http1->unread, bytes) != 0;
	}
	http1_wipe(bytes);
}

// Any other read overwrites `bytes`, so they are copied before the embedder is called.
void http1_process(struct http1 *http1, struct slice bytes) {
	bool whole = http1_unread_bytes(http1) == 0 && http1_may_parse(http1) && http1_parse(http1, &bytes);
	http1_keep_unread(http1, bytes);
	if (whole)
		http1_deliver(http1);
	if (!http1->connection.closed && http1->broken)
		http1_lose(http1, false);
	else
		http1_continue(http1);
}

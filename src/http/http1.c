// SPDX-License-Identifier: Apache-2.0
// The reading half of an HTTP/1.1 connection, and its life. Reading continues while a request is being answered, to
// notice when the client leaves; bytes received meanwhile wait in `unread`. When that is full, reading stops, and the
// socket reports the end instead.
//
// Invariant: bytes are parsed only while no call is open, so responses leave in the order of the requests.
#include "http/http1.h"

#include <stdlib.h>

#include "base/memory.h"

#define UNREAD_LIMIT_BYTES 65536
// Memory that the body's buffer keeps between requests.
#define KEPT_BYTES 4096
// Memory for a body is reserved up to this much of its announced length; beyond that it grows with the bytes.
#define BELIEVED_BYTES 65536
// How long, and for how many bytes, a client that is still sending gets to read its last response before the connection
// closes: closing with bytes unread makes the kernel send a reset, which can overtake the response.
#define LINGER_MS 3000
#define LINGER_LIMIT_BYTES (32 * 1024 * 1024)

static struct server *http1_server(const struct http1 *http1) {
	return http1->connection.server;
}

static size_t http1_unread_bytes(const struct http1 *http1) {
	return http1->unread.len - http1->unread_start;
}

static void http1_forget_unread(struct http1 *http1) {
	buffer_free(&http1->unread);
	http1->unread_start = 0;
}

static void http1_connection_closed(struct http1 *http1) {
	timer_stop(&http1->reading);
	timer_stop(&http1->writing);
	server_connection_closed(&http1->connection);
}

static void http1_close(struct http1 *http1) {
	socket_close(http1->socket);
	http1_connection_closed(http1);
}

void http1_reset(struct http1 *http1) {
	socket_reset(http1->socket);
	http1_connection_closed(http1);
}

// Ends the connection unasked: the owner of an open call is notified.
static void http1_lose(struct http1 *http1, bool reset) {
	if (reset)
		http1_reset(http1);
	else
		http1_close(http1);
	if (http1->call.is_open)
		server_call_ended(&http1->call, true);
}

static void http1_linger(struct http1 *http1) {
	if (!http1->lingers && http1_unread_bytes(http1) == 0) {
		http1_close(http1);
		return;
	}
	http1->state = HTTP1_LINGERING;
	http1_forget_unread(http1);
	socket_end_write(http1->socket);
	socket_want_read(http1->socket, true);
	timer_start(&http1->reading, LINGER_MS);
}

void http1_start_closing(struct http1 *http1) {
	http1->state = HTTP1_CLOSING;
	buffer_free(&http1->body);
	timer_stop(&http1->reading);
	if (http1->broken)
		http1_close(http1);
	else if (write_queue_waiting(&http1->out) == 0)
		http1_linger(http1);
	else
		socket_want_read(http1->socket, false);
}

static bool http1_is_idle(const struct http1 *http1) {
	return http1->state == HTTP1_WAITING && write_queue_waiting(&http1->out) == 0 && http1_unread_bytes(http1) == 0;
}

// How long to wait for a request.
static uint64_t http1_patience_ms(const struct server *server) {
	bool hurries = server->draining && server->timeouts.client_idle_ms > SERVER_DRAIN_GRACE_MS;
	return hurries ? SERVER_DRAIN_GRACE_MS : server->timeouts.client_idle_ms;
}

// Limits the client's silence when there is nothing to send and nothing was received.
static void http1_wait_for_request(struct http1 *http1) {
	if (!http1_is_idle(http1))
		return;
	timer_start(&http1->reading, http1_patience_ms(http1_server(http1)));
	server_connection_idle(&http1->connection, true);
}

void http1_response_ended(struct http1 *http1) {
	// If the head was sent before draining began, it said nothing of closing: the client may send another request.
	if (http1->closes || http1->broken) {
		http1_start_closing(http1);
		return;
	}
	http1->state = HTTP1_WAITING;
	http1->reported_full = false;
	head_reset(&http1->head);
	buffer_clear(&http1->body);
	if (http1->body.capacity > KEPT_BYTES)
		buffer_free(&http1->body);
	buffer_set_meter(&http1->body, NULL);
	http1_wait_for_request(http1);
	// The embedder is on the stack: it gets the next request when the turn ends.
	if (http1_unread_bytes(http1) > 0)
		server_call_back_later(&http1->connection);
}

// The body's length is unknown, or known to be within the limit.
static void http1_begin_body(struct http1 *http1, const struct slice *input) {
	const struct head *head = &http1->head;
	bool has_body = head->framing == FRAMING_CHUNKED || head->content_length > 0;
	http1->state = HTTP1_BODY;
	framing_init(&http1->framing, head->framing, head->content_length);
	buffer_set_meter(&http1->body, http1_server(http1)->limits.memory);
	if (head->content_length > 0)
		buffer_reserve(&http1->body, head->content_length < BELIEVED_BYTES ? head->content_length : BELIEVED_BYTES);
	if (head->expects_continue && has_body && input->len == 0)
		http1_send(http1, &SLICE("HTTP/1.1 100 Continue\r\n\r\n"), 1);
}

// True when the request is whole.
static bool http1_read_body(struct http1 *http1, struct slice *input) {
	struct slice piece;
	for (;;) {
		switch (framing_read(&http1->framing, input, &piece)) {
		case FRAMING_PIECE:
			if (buffer_append(&http1->body, piece) == 0)
				break;
			http1_refuse(http1, 413, "The body is too large.");
			return false;
		case FRAMING_MORE:
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
	const struct head *head = &http1->head;
	bool is_here = head->framing != FRAMING_CHUNKED && head->content_length <= input.len;
	return !is_here && memory_meter_is_full(http1_server(http1)->limits.memory);
}

static void http1_read_head(struct http1 *http1, struct slice *input) {
	const struct head *head = &http1->head;
	server_connection_idle(&http1->connection, false);
	switch (head_read(&http1->head, input)) {
	case HEAD_MORE:
		if (http1->state == HTTP1_WAITING && head_has_begun(head)) {
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
		else if (head->content_length > http1->body.limit_bytes)
			http1_refuse(http1, 413, "The body is too large.");
		else if (http1_body_lacks_memory(http1, *input))
			http1_refuse(http1, 429, "There is no memory for the body now.");
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

static bool http1_may_parse(const struct http1 *http1) {
	if (http1->connection.closed || http1->broken)
		return false;
	return http1->state == HTTP1_HEAD || http1->state == HTTP1_BODY ||
	       (http1->state == HTTP1_WAITING && !http1->out.is_full);
}

static void http1_deliver(struct http1 *http1) {
	const struct head *head = &http1->head;
	timer_stop(&http1->reading);
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
	uint64_t rest = is_chunked ? UNREAD_LIMIT_BYTES : http1->head.content_length - body->len;
	if (rest > UNREAD_LIMIT_BYTES)
		rest = UNREAD_LIMIT_BYTES;
	return http1->state == HTTP1_BODY && body->capacity - body->len < rest;
}

// Parses the bytes that wait, as far as pending responses allow.
static void http1_continue(struct http1 *http1) {
	while (http1_may_parse(http1) && http1_unread_bytes(http1) > 0) {
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
	bool starves = http1_wants_memory(http1) && server_starves(&http1->connection);
	socket_want_read(http1->socket, !starves && http1_unread_bytes(http1) < UNREAD_LIMIT_BYTES);
}

static void http1_keep_unread(struct http1 *http1, struct slice bytes) {
	if (http1->connection.closed || http1->state > HTTP1_CALL || bytes.len == 0)
		return;
	buffer_consume(&http1->unread, http1->unread_start);
	http1->unread_start = 0;
	http1->broken |= buffer_append(&http1->unread, bytes) != 0;
}

// `bytes` are in memory that any other read overwrites, so they are copied before the embedder is called.
static void http1_process(struct http1 *http1, struct slice bytes) {
	bool whole = http1_unread_bytes(http1) == 0 && http1_may_parse(http1) && http1_parse(http1, &bytes);
	http1_keep_unread(http1, bytes);
	if (whole)
		http1_deliver(http1);
	if (!http1->connection.closed && http1->broken)
		http1_lose(http1, false);
	else
		http1_continue(http1);
}

// The client's sending half has ended. Finished responses are still sent; an open call is given up.
static void http1_on_client_end(void *owner) {
	struct http1 *http1 = owner;
	if (http1->state == HTTP1_CLOSING)
		return;
	if (http1->state == HTTP1_CALL || write_queue_waiting(&http1->out) == 0) {
		http1_lose(http1, false);
		return;
	}
	http1_forget_unread(http1);
	http1->lingers = false;
	http1_start_closing(http1);
}

static void http1_discard(struct http1 *http1, ssize_t count) {
	if (count > 0)
		http1->lingered_bytes += (size_t)count;
	if (count == 0 || count == SOCKET_BROKEN || http1->lingered_bytes > LINGER_LIMIT_BYTES)
		http1_close(http1);
}

static void http1_on_readable(void *owner) {
	struct http1 *http1 = owner;
	char *scratch = loop_scratch(http1_server(http1)->loop);
	bool bounded = http1->state != HTTP1_LINGERING;
	size_t room = bounded ? UNREAD_LIMIT_BYTES - http1_unread_bytes(http1) : LOOP_SCRATCH_BYTES;
	if (room == 0) {
		socket_want_read(http1->socket, false);
		return;
	}
	ssize_t count = socket_read(http1->socket, scratch, room < LOOP_SCRATCH_BYTES ? room : LOOP_SCRATCH_BYTES);
	if (http1->state == HTTP1_LINGERING)
		http1_discard(http1, count);
	else if (count > 0)
		http1_process(http1, slice_of(scratch, (size_t)count));
	else if (count == 0)
		http1_on_client_end(http1);
	else if (count == SOCKET_BROKEN)
		http1_lose(http1, false);
}

static void http1_on_writable(void *owner) {
	struct http1 *http1 = owner;
	struct server *server = http1_server(http1);
	bool progress;
	enum write_queue_result result = write_queue_send(&http1->out, http1->socket, NULL, 0, &progress);
	if (result == WRITE_QUEUE_BROKEN) {
		http1_lose(http1, false);
		return;
	}
	if (result == WRITE_QUEUE_EMPTY) {
		http1->blocked = false;
		socket_want_write(http1->socket, false);
		timer_stop(&http1->writing);
	} else if (progress) {
		timer_start(&http1->writing, server->timeouts.write_ms);
	}
	if (http1->state == HTTP1_CLOSING && result == WRITE_QUEUE_EMPTY) {
		http1_linger(http1);
		return;
	}
	http1_wait_for_request(http1);
	if (http1->reported_full && !http1->out.is_full && http1->call.is_open) {
		http1->reported_full = false;
		server->events->on_writable(server->owner, &http1->call, http1->call.owner);
	}
	if (!http1->connection.closed)
		http1_continue(http1);
}

static void http1_on_reading_late(void *owner) {
	struct http1 *http1 = owner;
	if (http1->state == HTTP1_HEAD)
		http1_refuse(http1, 408, "The head came too slowly.");
	else if (http1->state == HTTP1_BODY)
		http1_refuse(http1, 408, "The body came too slowly.");
	else
		http1_close(http1);
}

// The client doesn't read: a reset gives the kernel's memory back too.
static void http1_on_writing_late(void *owner) {
	http1_lose(owner, true);
}

static const struct socket_events http1_socket_events = {
    .on_readable = http1_on_readable,
    .on_writable = http1_on_writable,
    .on_hangup = http1_on_client_end,
};

static struct client_connection *http1_open(struct server *server, struct socket *socket) {
	struct http1 *http1 = memory_new(1, sizeof *http1);
	http1->socket = socket;
	http1->call.connection = &http1->connection;
	server_connection_opened(&http1->connection, server, &http1_protocol);
	timer_init(&http1->reading, server->loop, http1_on_reading_late, http1);
	timer_init(&http1->writing, server->loop, http1_on_writing_late, http1);
	head_init(&http1->head, HEAD_REQUEST, server->limits.header_bytes);
	buffer_init(&http1->body, server->limits.body_bytes);
	buffer_init(&http1->unread, UNREAD_LIMIT_BYTES);
	buffer_set_meter(&http1->unread, server->limits.memory);
	write_queue_init(&http1->out, server->limits.memory);
	socket_peer(socket, http1->peer, sizeof http1->peer);
	socket_set_owner(socket, &http1_socket_events, http1);
	socket_want_read(socket, true);
	// The first request may be here already: the connection counts as idle only after its first response.
	timer_start(&http1->reading, http1_patience_ms(server));
	return &http1->connection;
}

static void http1_receive(struct client_connection *connection, struct slice bytes) {
	http1_process(LIST_OWNER(connection, struct http1, connection), bytes);
}

static void http1_turn_ended(struct client_connection *connection) {
	struct http1 *http1 = LIST_OWNER(connection, struct http1, connection);
	if (!http1->blocked && write_queue_waiting(&http1->out) > 0)
		http1_send(http1, NULL, 0);
	if (http1->broken)
		http1_lose(http1, false);
	else
		http1_continue(http1);
}

static void http1_drain(struct client_connection *connection) {
	struct http1 *http1 = LIST_OWNER(connection, struct http1, connection);
	if (http1->state != HTTP1_WAITING || http1_unread_bytes(http1) > 0)
		return;
	// The client's next request may be on its way.
	if (http1_server(http1)->draining) {
		timer_start(&http1->reading, http1_patience_ms(http1_server(http1)));
		return;
	}
	http1->lingers = false;
	http1_start_closing(http1);
}

static void http1_cut(struct client_connection *connection) {
	struct http1 *http1 = LIST_OWNER(connection, struct http1, connection);
	// A whole response that the kernel still holds may arrive; half a response must not look whole, hence a reset.
	http1_lose(http1, http1->call.is_open);
}

static void http1_free(struct client_connection *connection) {
	struct http1 *http1 = LIST_OWNER(connection, struct http1, connection);
	head_free(&http1->head);
	buffer_free(&http1->body);
	buffer_free(&http1->unread);
	write_queue_free(&http1->out);
	free(http1);
}

const struct protocol http1_protocol = {
    .open = http1_open,
    .receive = http1_receive,
    .turn_ended = http1_turn_ended,
    .drain = http1_drain,
    .cut = http1_cut,
    .free = http1_free,
    .respond = http1_respond,
    .response_start = http1_response_start,
    .response_write = http1_response_write,
    .response_end = http1_response_end,
    .response_abort = http1_response_abort,
};

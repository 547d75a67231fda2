// SPDX-License-Identifier: Apache-2.0
// The life of an exchange: take an idle connection or open one, write the request, read the response. It ends once: by
// its response, a failure or a cancel. Invariant: `ended` is set before the last event and before the connection is
// given back, and memory is freed when no function of this file is on the stack, so that a callback may do anything.
#include "http/exchange.h"

#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "http/connect_attempt.h"
#include "http/framing.h"
#include "http/request_head.h"
#include "http/upstream.h"
#include "net/lack.h"
#include "net/loop_uv.h"

// A reused connection that fails sooner than this after sending was dead already: the server closed it while idle.
#define PROMPT_MS 1000
// The most that is sent of a body in one turn of the loop: with a fast reader, one call could send all of it.
#define SEND_BYTES ((size_t)1 << 20)
// Interim (1xx) responses to one request.
#define INTERIM_LIMIT 16

struct exchange {
	struct upstream *upstream;
	const struct exchange_events *events;
	void *owner;
	struct connect_attempt *connect_attempt; // while a new connection is being made
	struct upstream_connection *connection;  // from then on
	struct head *head;                       // while the head of the response is read
	struct framing framing;
	struct slice body;
	size_t request_head_bytes;
	size_t sent_bytes; // of head and body together
	uint64_t sending_since_ms;
	unsigned interim_responses;
	unsigned depth;    // functions on the stack that still use this
	bool reused;       // the connection was idle before
	bool sending_over; // everything is sent, or sending more is impossible or useless
	bool has_response; // at least one byte was received
	bool has_head;     // the final head was reported
	bool keep_alive;
	bool paused;
	bool ended;
	char request_head[];
};

static void exchange_enter(struct exchange *exchange) {
	exchange->depth++;
}

// The head holds credentials, such as a bearer token, which must not stay in freed memory.
static void exchange_leave(struct exchange *exchange) {
	if (--exchange->depth > 0 || !exchange->ended)
		return;
	memory_wipe(exchange->request_head, exchange->request_head_bytes);
	free(exchange);
}

// Ends the exchange; its connection goes to the pool or is closed. Doesn't notify the owner.
static void exchange_end(struct exchange *exchange, bool keep_connection) {
	struct upstreams *all = exchange->upstream->all;
	exchange->ended = true;
	all->busy--;
	if (exchange->connect_attempt)
		connect_attempt_cancel(exchange->connect_attempt);
	if (exchange->connection && keep_connection)
		upstream_connection_keep(exchange->connection);
	else if (exchange->connection)
		upstream_connection_close(exchange->connection);
	if (exchange->head)
		upstreams_give_head(all, exchange->head);
	exchange->connect_attempt = NULL;
	exchange->connection = NULL;
	exchange->head = NULL;
}

static void exchange_fail(struct exchange *exchange, enum exchange_failure failure) {
	exchange_end(exchange, false);
	exchange->events->on_failed(exchange->owner, failure);
}

static void exchange_complete(struct exchange *exchange, bool keep_connection) {
	exchange_end(exchange, keep_connection);
	exchange->events->on_end(exchange->owner);
}

static size_t exchange_request_bytes(const struct exchange *exchange) {
	return exchange->request_head_bytes + exchange->body.len;
}

static void exchange_stop_sending(struct exchange *exchange) {
	exchange->sending_over = true;
	socket_want_write(exchange->connection->socket, false);
}

// One write a turn: the rest waits for the loop, so that the response and other exchanges get their share. A connection
// that can't be written to may still hold a response (an early refusal), so only reading ends the exchange.
static void exchange_send_more(struct exchange *exchange) {
	struct socket *socket = exchange->connection->socket;
	if (exchange->sending_over)
		return;
	size_t head_sent = exchange->sent_bytes;
	if (head_sent > exchange->request_head_bytes)
		head_sent = exchange->request_head_bytes;
	struct slice body = slice_from_offset(exchange->body, exchange->sent_bytes - head_sent);
	struct iovec parts[] = {
	    {exchange->request_head + head_sent, exchange->request_head_bytes - head_sent},
	    {(char *)(uintptr_t)body.ptr, body.len < SEND_BYTES ? body.len : SEND_BYTES},
	};
	ssize_t count = socket_writev(socket, parts, body.len ? 2 : 1);
	if (count > 0)
		exchange->sent_bytes += (size_t)count;
	if (count == SOCKET_BROKEN || exchange->sent_bytes == exchange_request_bytes(exchange))
		exchange_stop_sending(exchange);
	else
		socket_want_write(socket, true);
}

// The exchange_read functions below return whether to continue with the rest of the input.

static bool exchange_refuse_response(struct exchange *exchange, enum exchange_failure failure) {
	exchange_fail(exchange, failure);
	return false;
}

static bool exchange_report_head(struct exchange *exchange, struct head *head) {
	// A server that refuses a request early doesn't read the rest of its body.
	if (head->status >= 400 && !exchange->sending_over)
		exchange_stop_sending(exchange);
	exchange->has_head = true;
	exchange->keep_alive = head->keep_alive;
	framing_init(&exchange->framing, head->framing, head->content_length);
	exchange->head = NULL;
	exchange->events->on_head(exchange->owner, head->status, head->headers);
	upstreams_give_head(exchange->upstream->all, head);
	return true;
}

// Whether the bytes so far can be the start of a head: garbage fails without waiting for more.
static bool head_looks_like_http(const struct head *head) {
	struct slice start = SLICE("HTTP/");
	struct slice found = slice_of(head->raw.ptr, head->raw.len < start.len ? head->raw.len : start.len);
	return slice_starts(start, found);
}

static bool exchange_read_head(struct exchange *exchange, struct slice *input) {
	if (exchange->head == NULL) {
		exchange->head = upstreams_take_head(exchange->upstream->all);
		struct slice sent = slice_of(exchange->request_head, exchange->request_head_bytes);
		exchange->head->responds_to_head = slice_starts(sent, SLICE("HEAD "));
	}
	struct head *head = exchange->head;
	switch (head_read(head, input)) {
	case HEAD_MORE:
		return head_looks_like_http(head) ? false : exchange_refuse_response(exchange, EXCHANGE_MALFORMED);
	case HEAD_REFUSED:
		return exchange_refuse_response(exchange,
		                                head->refusal_status == 431 ? EXCHANGE_HEAD_TOO_LARGE : EXCHANGE_MALFORMED);
	case HEAD_WHOLE:
		break;
	}
	if (head->status >= 200)
		return exchange_report_head(exchange, head);
	// The request asked for no other protocol, and interim responses must come to an end.
	if (head->status == 101 || ++exchange->interim_responses > INTERIM_LIMIT)
		return exchange_refuse_response(exchange, EXCHANGE_MALFORMED);
	bool responds_to_head = head->responds_to_head;
	head_reset(head);
	head->responds_to_head = responds_to_head;
	return true;
}

static bool exchange_read_body(struct exchange *exchange, struct slice *input) {
	struct slice piece;
	switch (framing_read(&exchange->framing, input, &piece)) {
	case FRAMING_MORE:
		return false;
	case FRAMING_PIECE:
		exchange->events->on_body(exchange->owner, piece);
		return true;
	case FRAMING_END: {
		bool all_sent = exchange->sent_bytes == exchange_request_bytes(exchange);
		exchange_complete(exchange, exchange->keep_alive && all_sent && input->len == 0);
		return false;
	}
	case FRAMING_MALFORMED:
		break;
	}
	return exchange_refuse_response(exchange, EXCHANGE_MALFORMED);
}

static void exchange_read_response(struct exchange *exchange, struct slice input) {
	bool more = true;
	exchange->has_response = true;
	while (more && !exchange->ended)
		more = exchange->has_head ? exchange_read_body(exchange, &input) : exchange_read_head(exchange, &input);
}

static void exchange_on_opened(void *owner, struct socket *socket, enum exchange_failure failure);

static void exchange_open_connection(struct exchange *exchange) {
	exchange->reused = false;
	exchange->sending_over = false;
	exchange->sent_bytes = 0;
	exchange->connect_attempt = connect_attempt_start(exchange->upstream, exchange_on_opened, exchange);
}

// The connection ended before the response did. `result` is what reading returned.
static void exchange_connection_lost(struct exchange *exchange, ssize_t result) {
	int error = socket_failure(exchange->connection->socket);
	uint64_t sending_ms = loop_now_ms(exchange->upstream->all->loop) - exchange->sending_since_ms;
	// After sending failed with a reset, reading may still return an orderly end of the stream.
	bool ended_in_order = result == 0 && error == 0;
	if (exchange->reused && !exchange->has_response && sending_ms <= PROMPT_MS) {
		upstream_connection_close(exchange->connection);
		exchange->connection = NULL;
		exchange_open_connection(exchange);
	} else if (ended_in_order && exchange->has_head && exchange->framing.kind == FRAMING_UNTIL_CLOSE) {
		exchange_complete(exchange, false);
	} else if (lack_is(error)) {
		lack_log(LACK_USING, error);
		exchange_fail(exchange, EXCHANGE_EXHAUSTED);
	} else if (!ended_in_order && error != ECONNABORTED) {
		exchange_fail(exchange, error ? EXCHANGE_RESET : EXCHANGE_TLS);
	} else if (!exchange->has_response) {
		exchange_fail(exchange, EXCHANGE_CLOSED);
	} else {
		exchange_fail(exchange, EXCHANGE_TRUNCATED);
	}
}

static void exchange_on_readable(void *owner) {
	struct exchange *exchange = owner;
	char *scratch = loop_scratch(exchange->upstream->all->loop);
	exchange_enter(exchange);
	// One read a turn, so that one fast response doesn't delay the others.
	ssize_t count = socket_read(exchange->connection->socket, scratch, LOOP_SCRATCH_BYTES);
	if (count > 0)
		exchange_read_response(exchange, slice_of(scratch, (size_t)count));
	else if (count != SOCKET_AGAIN)
		exchange_connection_lost(exchange, count);
	exchange_leave(exchange);
}

static void exchange_on_writable(void *owner) {
	exchange_send_more(owner);
}

static const struct socket_events connected_events = {.on_readable = exchange_on_readable,
                                                      .on_writable = exchange_on_writable};

static void exchange_use_connection(struct exchange *exchange, struct upstream_connection *connection) {
	exchange->connection = connection;
	exchange->sending_since_ms = loop_now_ms(exchange->upstream->all->loop);
	socket_set_owner(connection->socket, &connected_events, exchange);
	socket_want_read(connection->socket, !exchange->paused);
	exchange_send_more(exchange);
}

static void exchange_on_opened(void *owner, struct socket *socket, enum exchange_failure failure) {
	struct exchange *exchange = owner;
	exchange_enter(exchange);
	exchange->connect_attempt = NULL;
	if (socket)
		exchange_use_connection(exchange, upstream_connection_new(exchange->upstream, socket));
	else
		exchange_fail(exchange, failure);
	exchange_leave(exchange);
}

struct exchange *exchange_start(struct upstream *upstream, const struct exchange_request *request,
                                const struct exchange_events *events, void *owner) {
	struct exchange *exchange = memory_new(1, sizeof(*exchange) + request_head_size(request));
	exchange->upstream = upstream;
	exchange->events = events;
	exchange->owner = owner;
	exchange->body = request->body;
	exchange->request_head_bytes = request_head_format(request, exchange->request_head);
	upstream->all->busy++;
	struct upstream_connection *connection = upstream_take_idle(upstream);
	exchange->reused = connection != NULL;
	if (connection)
		exchange_use_connection(exchange, connection);
	else
		exchange_open_connection(exchange);
	return exchange;
}

void exchange_cancel(struct exchange *exchange) {
	if (exchange->ended)
		return;
	exchange_enter(exchange);
	exchange_end(exchange, false);
	exchange_leave(exchange);
}

void exchange_pause(struct exchange *exchange) {
	exchange->paused = true;
	if (exchange->connection)
		socket_want_read(exchange->connection->socket, false);
}

void exchange_resume(struct exchange *exchange) {
	exchange->paused = false;
	if (exchange->connection)
		socket_want_read(exchange->connection->socket, true);
}

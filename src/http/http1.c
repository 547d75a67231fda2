// SPDX-License-Identifier: Apache-2.0
// The life of an HTTP/1.1 connection. Reading continues while a request is being served, to notice when the client
// leaves; bytes received meanwhile wait in `unread`. When that is full, reading stops, and the socket reports the end
// instead.
#include "http/http1.h"

#include <stdlib.h>

#include "base/memory.h"

// How long, and for how many bytes, a client that is still sending gets to read its last response before the connection
// closes: closing with bytes unread makes the kernel send a reset, which can overtake the response.
#define LINGER_MS 3000
#define LINGER_LIMIT_BYTES (32 * 1024 * 1024)

void http1_forget_unread(struct http1 *http1) {
	buffer_free(&http1->unread);
	http1->unread_start = 0;
}

static void http1_connection_closed(struct http1 *http1) {
	timer_stop(&http1->reading);
	timer_stop(&http1->writing);
	upload_end(&http1->upload);
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

void http1_lose(struct http1 *http1, bool reset) {
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
	upload_end(&http1->upload);
	head_free(&http1->head);
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
	bool shortened = server->draining && server->timeouts.client_idle_ms > SERVER_DRAIN_GRACE_MS;
	return shortened ? SERVER_DRAIN_GRACE_MS : server->timeouts.client_idle_ms;
}

void http1_wait_for_request(struct http1 *http1) {
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
	if (http1->body.capacity > HTTP1_KEPT_BODY_BYTES)
		buffer_free(&http1->body);
	buffer_set_meter(&http1->body, NULL);
	http1_wait_for_request(http1);
	// The embedder is on the stack: it gets the next request when the turn ends.
	if (http1_unread_bytes(http1) > 0)
		server_call_back_later(&http1->connection);
}

// The client's sending half has ended. Finished responses are still sent; an open call is given up. Requests that wait
// for their turn are served first, then reading continues and returns the end again.
static void http1_on_client_end(void *owner) {
	struct http1 *http1 = owner;
	if (http1->state == HTTP1_CLOSING || server_waits_for_turn(&http1->connection))
		return;
	if (http1->state == HTTP1_CALL || write_queue_waiting(&http1->out) == 0) {
		http1_lose(http1, false);
		return;
	}
	http1_forget_unread(http1);
	http1->lingers = false;
	http1_start_closing(http1);
}

static void http1_discard(struct http1 *http1, const char *bytes, ssize_t count) {
	if (count > 0) {
		http1_wipe(slice_of(bytes, (size_t)count));
		http1->lingered_bytes += (size_t)count;
	}
	if (count == 0 || count == SOCKET_BROKEN || http1->lingered_bytes > LINGER_LIMIT_BYTES)
		http1_close(http1);
}

static void http1_on_readable(void *owner) {
	struct http1 *http1 = owner;
	char *scratch = loop_scratch(http1_server(http1)->loop);
	bool bounded = http1->state != HTTP1_LINGERING;
	size_t room = bounded ? HTTP1_UNREAD_LIMIT_BYTES - http1_unread_bytes(http1) : LOOP_SCRATCH_BYTES;
	if (room == 0) {
		socket_want_read(http1->socket, false);
		return;
	}
	ssize_t count = socket_read(http1->socket, scratch, room < LOOP_SCRATCH_BYTES ? room : LOOP_SCRATCH_BYTES);
	if (http1->state == HTTP1_LINGERING)
		http1_discard(http1, scratch, count);
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
	size_t waiting = write_queue_waiting(&http1->out);
	enum write_queue_result result = write_queue_send(&http1->out, http1->socket, NULL, 0, &progress);
	if (result == WRITE_QUEUE_BROKEN) {
		http1_lose(http1, false);
		return;
	}
	size_t sent = waiting - write_queue_waiting(&http1->out);
	bool is_too_slow = rate_watch_count(&http1->watch, sent, &server->limits.rate, loop_now_ms(server->loop));
	if (result == WRITE_QUEUE_EMPTY) {
		http1->blocked = false;
		rate_watch_stop(&http1->watch, loop_now_ms(server->loop));
		socket_want_write(http1->socket, false);
		timer_stop(&http1->writing);
	} else if (is_too_slow) {
		http1_lose(http1, true);
		return;
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
	else if (http1->state == HTTP1_BODY && upload_is_waiting(&http1->upload))
		http1_refuse(http1, 429, UPLOAD_NO_MEMORY);
	else if (http1->state == HTTP1_BODY)
		http1_refuse(http1, 408, UPLOAD_TOO_SLOW);
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
	upload_init(&http1->upload, &http1->connection);
	buffer_init(&http1->unread, HTTP1_UNREAD_LIMIT_BYTES);
	buffer_keep_secret(&http1->unread);
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
    .upload_goes_on = http1_upload_goes_on,
    .upload_refuse = http1_upload_refuse,
    .respond = http1_respond,
    .response_start = http1_response_start,
    .response_write = http1_response_write,
    .response_end = http1_response_end,
    .response_abort = http1_response_abort,
};

// SPDX-License-Identifier: Apache-2.0
// The life of an HTTP/2 connection: reads and writes its bytes, notifies the embedder, ends. All frames of a turn leave
// in one write.
//
// Invariant: only http2_process and http2_flush pass bytes to nghttp2 or take bytes from it, and only the loop calls
// them; a stream is freed in http2_settle, after them.
#include "http/http2.h"

#include <stdlib.h>

#include "base/memory.h"

// How many writes a connection makes in one turn; then the others get theirs.
#define WRITES_A_TURN 4
// How much nghttp2 reads before the connection's share of the turn is looked at.
#define DECODED_BYTES ((size_t)8 * 1024)
// As for HTTP/1.1: how long, and for how many bytes, a client that is still sending gets to read what was sent last.
#define LINGER_MS 3000
#define LINGER_LIMIT_BYTES (32 * 1024 * 1024)

static struct http2 *http2_of(struct client_connection *connection) {
	return LIST_OWNER(connection, struct http2, connection);
}

static struct server *http2_server(const struct http2 *http2) {
	return http2->connection.server;
}

static bool http2_has_calls(const struct http2 *http2) {
	for (const struct list *link = http2->streams.next; link != &http2->streams; link = link->next)
		if (LIST_OWNER(link, struct http2_stream, link)->call.is_open)
			return true;
	return false;
}

// Notifies the embedder that the client no longer waits for its responses. Frees no stream.
static void http2_abandon_calls(struct http2 *http2) {
	http2->given_up = true;
	for (struct list *link = http2->streams.next; link != &http2->streams; link = link->next) {
		struct http2_stream *stream = LIST_OWNER(link, struct http2_stream, link);
		timer_stop(&stream->silence);
		upload_end(&stream->upload);
		if (stream->call.is_open)
			server_call_ended(&stream->call, true);
	}
}

// Ends the connection; owners of open calls are notified that the client is gone.
static void http2_lose(struct http2 *http2, bool reset) {
	if (reset)
		socket_reset(http2->socket);
	else
		socket_close(http2->socket);
	timer_stop(&http2->reading);
	timer_stop(&http2->writing);
	server_connection_closed(&http2->connection);
	http2_abandon_calls(http2);
}

static void http2_linger(struct http2 *http2) {
	if (http2->closes_now) {
		http2_lose(http2, false);
		return;
	}
	http2->state = HTTP2_LINGERING;
	socket_end_write(http2->socket);
	socket_want_read(http2->socket, true);
	timer_start(&http2->reading, LINGER_MS);
}

// nghttp2 has nothing more to send or to receive.
static void http2_start_closing(struct http2 *http2) {
	http2->state = HTTP2_CLOSING;
	server_connection_idle(&http2->connection, false);
	timer_stop(&http2->reading);
	http2_abandon_calls(http2);
	if (http2->connection.closed)
		return;
	if (write_queue_waiting(&http2->out) == 0 || http2->closes_now)
		http2_linger(http2);
	else
		socket_want_read(http2->socket, false);
}

// Ends the connection of an abusive client.
static void http2_calm_client(struct http2 *http2) {
	nghttp2_session_terminate_session(http2->session, NGHTTP2_ENHANCE_YOUR_CALM);
	http2_abandon_calls(http2);
	if (!http2->connection.closed)
		server_call_back_later(&http2->connection);
}

static void http2_limit_silence(struct http2 *http2) {
	const struct server_timeouts *timeouts = &http2_server(http2)->timeouts;
	enum http2_silence silence = !http2->has_settings      ? HTTP2_PREFACE
	                             : http2->head_id          ? HTTP2_HEAD
	                             : http2->stream_count > 0 ? HTTP2_WORKING
	                                                       : HTTP2_IDLE;
	if (silence == http2->silence && http2->silence_id == http2->head_id)
		return;
	http2->silence = silence;
	http2->silence_id = http2->head_id;
	if (silence == HTTP2_WORKING)
		timer_stop(&http2->reading);
	else if (silence == HTTP2_IDLE && !http2->notified)
		timer_start(&http2->reading, timeouts->client_idle_ms);
	else
		timer_start(&http2->reading, timeouts->header_ms);
}

static void http2_free_closed_streams(struct http2 *http2) {
	while (!list_is_empty(&http2->over) && !http2->connection.closed) {
		struct http2_stream *stream = LIST_OWNER(http2->over.next, struct http2_stream, queue_link);
		if (stream->call.is_open)
			server_call_ended(&stream->call, true);
		if (http2->connection.closed)
			return;
		http2_stream_free(stream);
		if (http2->stream_count == 0 && http2->state == HTTP2_OPEN)
			server_connection_idle(&http2->connection, true);
	}
}

static void http2_deliver_requests(struct http2 *http2) {
	while (!list_is_empty(&http2->whole) && !http2->connection.closed && !http2->given_up && !http2->broken &&
	       server_may_begin_request(&http2->connection)) {
		struct http2_stream *stream = LIST_OWNER(http2->whole.next, struct http2_stream, queue_link);
		list_remove(&stream->queue_link);
		server_deliver(&stream->call);
	}
}

// Notifies the embedder of what nghttp2 reported, and checks whether the connection has come to its end.
static void http2_settle(struct http2 *http2) {
	http2_free_closed_streams(http2);
	http2_deliver_requests(http2);
	if (http2->connection.closed || http2->state != HTTP2_OPEN)
		return;
	if (http2->broken) {
		http2_lose(http2, false);
	} else if (!nghttp2_session_want_read(http2->session) && !nghttp2_session_want_write(http2->session)) {
		http2_start_closing(http2);
	} else {
		http2_limit_silence(http2);
	}
}

// The client's silence counts from the last time that it read something.
static void http2_wait_for_room(struct http2 *http2, bool progress) {
	socket_want_write(http2->socket, true);
	if (progress || !timer_is_running(&http2->writing))
		timer_start(&http2->writing, http2_server(http2)->timeouts.write_ms);
}

static void http2_set_blocked(struct http2 *http2, bool blocked) {
	uint64_t now_ms = loop_now_ms(http2_server(http2)->loop);
	if (blocked && !http2->blocked) {
		http2->blocked_since_ms = now_ms;
		rate_watch_run(&http2->watch, now_ms);
	} else if (!blocked && http2->blocked) {
		http2->blocked_ms += now_ms - http2->blocked_since_ms;
		rate_watch_stop(&http2->watch, now_ms);
	}
	http2->blocked = blocked;
}

// Sends the queued bytes. Whether some were sent; `blocked` and `broken` tell the rest.
static bool http2_send(struct http2 *http2) {
	struct server *server = http2_server(http2);
	size_t waiting = write_queue_waiting(&http2->out);
	bool progress;
	enum write_queue_result result = write_queue_send(&http2->out, http2->socket, NULL, 0, &progress);
	size_t sent = waiting - write_queue_waiting(&http2->out);
	bool is_too_slow = rate_watch_count(&http2->watch, sent, &server->limits.rate, loop_now_ms(server->loop));
	http2_set_blocked(http2, result == WRITE_QUEUE_WAITS);
	http2->broken |= result == WRITE_QUEUE_BROKEN;
	http2->is_too_slow |= http2->blocked && is_too_slow;
	if (http2->blocked)
		http2_wait_for_room(http2, progress);
	return progress;
}

// Sends the queued bytes, and makes frames as long as they can be sent.
static void http2_flush(struct http2 *http2) {
	bool progress = false;
	for (int i = 0; i < WRITES_A_TURN && !http2->blocked && !http2->broken; i++) {
		if (http2->state == HTTP2_OPEN)
			http2->broken |= nghttp2_session_send(http2->session) != 0;
		if (write_queue_waiting(&http2->out) == 0)
			break;
		progress = http2_send(http2);
	}
	if (http2->blocked || http2->broken)
		return;
	if (http2->state == HTTP2_OPEN && nghttp2_session_want_write(http2->session)) {
		http2_wait_for_room(http2, progress);
		return;
	}
	timer_stop(&http2->writing);
	socket_want_write(http2->socket, !list_is_empty(&http2->writable));
}

// Gives the bytes to nghttp2 in pieces, until the connection's share of the turn is over: then is_paused is set, and
// nghttp2 has to be called again even if no bytes are left, which are returned.
static struct slice http2_decode(struct http2 *http2, struct slice bytes) {
	do {
		size_t size = bytes.len < DECODED_BYTES ? bytes.len : DECODED_BYTES;
		ssize_t taken = nghttp2_session_mem_recv(http2->session, (const uint8_t *)bytes.ptr, size);
		http2->broken |= taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC || taken == NGHTTP2_ERR_NOMEM;
		if ((taken < 0 || http2->is_flood) && !http2->given_up && !http2->broken)
			http2_calm_client(http2);
		bytes = slice_from_offset(bytes, taken < 0 ? bytes.len : (size_t)taken);
		http2->is_paused = taken >= 0 && !http2->given_up && http2_share_is_over(http2);
	} while (bytes.len > 0 && !http2->is_paused);
	return bytes;
}

// What was decoded is settled at the end of the turn, when streams that nghttp2 resets are closed. Nothing is read
// while bytes wait for the next turn.
static void http2_process(struct http2 *http2, struct slice bytes) {
	http2->has_read_head = http2->is_in_head;
	struct slice rest = http2_decode(http2, bytes);
	if (http2->is_paused) {
		http2->broken |= buffer_append(&http2->unread, rest) != 0;
		socket_want_read(http2->socket, false);
		server_call_back_next_turn(&http2->connection);
	}
	if (http2->has_read_head)
		memory_wipe((char *)(uintptr_t)bytes.ptr, bytes.len);
	server_call_back_later(&http2->connection);
}

static void http2_continue(struct http2 *http2) {
	struct slice rest = http2_decode(http2, slice_from_offset(buffer_slice(&http2->unread), http2->unread_start));
	http2->unread_start = http2->unread.len - rest.len;
	if (http2->is_paused) {
		server_call_back_next_turn(&http2->connection);
		return;
	}
	buffer_free(&http2->unread);
	http2->unread_start = 0;
	socket_want_read(http2->socket, true);
}

static void http2_discard(struct http2 *http2, ssize_t count) {
	if (count > 0)
		http2->lingered_bytes += (size_t)count;
	if (count == 0 || count == SOCKET_BROKEN || http2->lingered_bytes > LINGER_LIMIT_BYTES)
		http2_lose(http2, false);
}

static void http2_on_readable(void *owner) {
	struct http2 *http2 = owner;
	char *scratch = loop_scratch(http2_server(http2)->loop);
	if (http2->state == HTTP2_CLOSING) {
		socket_want_read(http2->socket, false);
		return;
	}
	ssize_t count = socket_read(http2->socket, scratch, LOOP_SCRATCH_BYTES);
	if (http2->state == HTTP2_LINGERING)
		http2_discard(http2, count);
	else if (count > 0)
		http2_process(http2, slice_of(scratch, (size_t)count));
	else if (count != SOCKET_AGAIN)
		http2_lose(http2, false);
}

static void http2_notify_writable(struct http2 *http2) {
	struct server *server = http2_server(http2);
	while (!list_is_empty(&http2->writable) && !http2->connection.closed) {
		struct http2_stream *stream = LIST_OWNER(http2->writable.next, struct http2_stream, room);
		list_remove(&stream->room);
		if (!stream->reported_full || stream->out.is_full || !stream->call.is_open)
			continue;
		stream->reported_full = false;
		server->events->on_writable(server->owner, &stream->call, stream->call.owner);
	}
}

static void http2_on_writable(void *owner) {
	struct http2 *http2 = owner;
	if (http2->blocked)
		http2_send(http2);
	if (http2->broken || http2->is_too_slow) {
		http2_lose(http2, !http2->broken);
	} else if (http2->state == HTTP2_CLOSING && !http2->blocked) {
		timer_stop(&http2->writing);
		socket_want_write(http2->socket, false);
		http2_linger(http2);
	} else if (http2->state == HTTP2_OPEN) {
		http2_notify_writable(http2);
		if (http2->connection.closed)
			return;
		http2_flush(http2);
		http2_settle(http2);
	}
}

static void http2_on_reading_late(void *owner) {
	struct http2 *http2 = owner;
	if (http2->state == HTTP2_LINGERING || http2->silence == HTTP2_PREFACE) {
		http2_lose(http2, false);
	} else if (http2->silence == HTTP2_IDLE) {
		nghttp2_session_terminate_session(http2->session, NGHTTP2_NO_ERROR);
		server_call_back_later(&http2->connection);
	} else {
		http2_calm_client(http2);
	}
}

// The client doesn't read: a reset gives the kernel's memory back too.
static void http2_on_writing_late(void *owner) {
	http2_lose(owner, true);
}

static const struct socket_events http2_socket_events = {.on_readable = http2_on_readable,
                                                         .on_writable = http2_on_writable};

// Requests that the client sends before it reads the notice are still served: the response to the PING marks that time.
static void http2_send_shutdown_notice(struct http2 *http2) {
	http2->notified = true;
	nghttp2_submit_shutdown_notice(http2->session);
	nghttp2_submit_ping(http2->session, NGHTTP2_FLAG_NONE, NULL);
	if (http2->silence == HTTP2_IDLE)
		timer_start(&http2->reading, http2_server(http2)->timeouts.header_ms);
}

static struct client_connection *http2_open(struct server *server, struct socket *socket) {
	struct http2 *http2 = memory_new(1, sizeof *http2);
	http2->socket = socket;
	server_connection_opened(&http2->connection, server, &http2_protocol);
	list_init(&http2->streams);
	list_init(&http2->whole);
	list_init(&http2->over);
	list_init(&http2->writable);
	write_queue_init(&http2->out, server->limits.memory);
	buffer_init(&http2->unread, LOOP_SCRATCH_BYTES);
	buffer_keep_secret(&http2->unread);
	buffer_set_meter(&http2->unread, server->limits.memory);
	timer_init(&http2->reading, server->loop, http2_on_reading_late, http2);
	timer_init(&http2->writing, server->loop, http2_on_writing_late, http2);
	socket_peer(socket, http2->peer, sizeof http2->peer);
	socket_set_owner(socket, &http2_socket_events, http2);
	http2->session = http2_session_new(http2);
	if (!http2->session) {
		http2_lose(http2, false);
		return &http2->connection;
	}
	if (server->draining)
		http2_send_shutdown_notice(http2);
	socket_want_read(socket, true);
	http2_limit_silence(http2);
	server_call_back_later(&http2->connection);
	return &http2->connection;
}

static void http2_receive(struct client_connection *connection, struct slice bytes) {
	if (!connection->closed)
		http2_process(http2_of(connection), bytes);
}

static void http2_turn_ended(struct client_connection *connection) {
	struct http2 *http2 = http2_of(connection);
	bool continues = http2->is_paused && !server_waits_for_turn(connection);
	if (http2->state == HTTP2_OPEN && continues)
		http2_continue(http2);
	if (http2->state == HTTP2_OPEN && !http2->blocked)
		http2_flush(http2);
	http2_settle(http2);
}

// If the server drains, the connection ends with its streams; an idle connection that makes place for another at once.
static void http2_drain(struct client_connection *connection) {
	struct http2 *http2 = http2_of(connection);
	if (http2->state != HTTP2_OPEN || http2->notified)
		return;
	if (http2_server(http2)->draining) {
		http2_send_shutdown_notice(http2);
	} else {
		http2->closes_now = true;
		nghttp2_session_terminate_session(http2->session, NGHTTP2_NO_ERROR);
	}
	server_connection_idle(connection, false);
	server_call_back_later(connection);
}

static void http2_cut(struct client_connection *connection) {
	struct http2 *http2 = http2_of(connection);
	http2_lose(http2, http2_has_calls(http2));
}

static void http2_free(struct client_connection *connection) {
	struct http2 *http2 = http2_of(connection);
	while (!list_is_empty(&http2->streams))
		http2_stream_free(LIST_OWNER(http2->streams.next, struct http2_stream, link));
	nghttp2_session_del(http2->session);
	write_queue_free(&http2->out);
	buffer_free(&http2->unread);
	free(http2);
}

const struct protocol http2_protocol = {
    .open = http2_open,
    .receive = http2_receive,
    .turn_ended = http2_turn_ended,
    .drain = http2_drain,
    .cut = http2_cut,
    .free = http2_free,
    .upload_goes_on = http2_upload_goes_on,
    .upload_refuse = http2_upload_refuse,
    .respond = http2_respond,
    .response_start = http2_response_start,
    .response_write = http2_response_write,
    .response_end = http2_response_end,
    .response_abort = http2_response_abort,
};

// SPDX-License-Identifier: Apache-2.0
// A client's connection before its protocol is known. Over TLS the handshake tells (ALPN; without it HTTP/1.1); in
// clear the first bytes do: HTTP/2 begins with a preface that is no request of HTTP/1.1.
//
// Invariant: what was read and not handed over is the first `seen` bytes of the preface.
#include "http/protocol_detect.h"

#include <stdlib.h>

#include "base/memory.h"

#define PREFACE SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

struct protocol_detect {
	struct client_connection connection;
	struct socket *socket;
	struct timer patience;
	size_t seen;
};

static const struct protocol protocol_detect_protocol;

static void give_up(void *owner) {
	struct protocol_detect *protocol_detect = owner;
	socket_close(protocol_detect->socket);
	timer_stop(&protocol_detect->patience);
	server_connection_closed(&protocol_detect->connection);
}

// The new connection is counted before this one is forgotten, so that draining doesn't end between them.
static void hand_over(struct protocol_detect *protocol_detect, const struct protocol *protocol, struct slice received) {
	timer_stop(&protocol_detect->patience);
	struct client_connection *connection = protocol->open(protocol_detect->connection.server, protocol_detect->socket);
	server_connection_closed(&protocol_detect->connection);
	if (received.len > 0)
		protocol->receive(connection, received);
}

static void take(struct protocol_detect *protocol_detect, struct slice bytes) {
	struct slice preface = PREFACE;
	if (slice_starts(bytes, preface)) {
		hand_over(protocol_detect, &http2_protocol, bytes);
	} else if (!slice_starts(preface, bytes)) {
		hand_over(protocol_detect, &http1_protocol, bytes);
	} else {
		if (protocol_detect->seen == 0)
			timer_start(&protocol_detect->patience, protocol_detect->connection.server->timeouts.header_ms);
		protocol_detect->seen = bytes.len;
	}
}

static void on_readable(void *owner) {
	struct protocol_detect *protocol_detect = owner;
	char *scratch = loop_scratch(protocol_detect->connection.server->loop);
	memcpy(scratch, PREFACE.ptr, protocol_detect->seen);
	ssize_t count = socket_read(protocol_detect->socket, scratch + protocol_detect->seen,
	                            (size_t)LOOP_SCRATCH_BYTES - protocol_detect->seen);
	if (count > 0)
		take(protocol_detect, slice_of(scratch, protocol_detect->seen + (size_t)count));
	else if (count != SOCKET_AGAIN)
		give_up(protocol_detect);
}

static void on_open(void *owner, bool well) {
	struct protocol_detect *protocol_detect = owner;
	if (!well) {
		give_up(protocol_detect);
		return;
	}
	bool is_http2 = slice_equal(socket_protocol(protocol_detect->socket), SLICE("h2"));
	hand_over(protocol_detect, is_http2 ? &http2_protocol : &http1_protocol, (struct slice){0});
}

static const struct socket_events protocol_detect_events = {.on_open = on_open, .on_readable = on_readable};

void protocol_detect_start(struct server *server, struct socket *socket, struct ssl_st *ssl) {
	struct protocol_detect *protocol_detect = memory_new(1, sizeof *protocol_detect);
	protocol_detect->socket = socket;
	server_connection_opened(&protocol_detect->connection, server, &protocol_detect_protocol);
	timer_init(&protocol_detect->patience, server->loop, give_up, protocol_detect);
	socket_set_owner(socket, &protocol_detect_events, protocol_detect);
	timer_start(&protocol_detect->patience, ssl ? server->timeouts.header_ms : server->timeouts.client_idle_ms);
	if (ssl)
		socket_start_tls(socket, ssl);
	else
		socket_want_read(socket, true);
}

static void protocol_detect_drain(struct client_connection *connection) {
	struct protocol_detect *protocol_detect = LIST_OWNER(connection, struct protocol_detect, connection);
	if (protocol_detect->seen == 0 && !socket_tls(protocol_detect->socket) &&
	    protocol_detect->connection.server->draining)
		timer_start(&protocol_detect->patience, SERVER_DRAIN_GRACE_MS);
}

static void protocol_detect_cut(struct client_connection *connection) {
	give_up(LIST_OWNER(connection, struct protocol_detect, connection));
}

static void protocol_detect_free(struct client_connection *connection) {
	free(LIST_OWNER(connection, struct protocol_detect, connection));
}

static const struct protocol protocol_detect_protocol = {
    .drain = protocol_detect_drain,
    .cut = protocol_detect_cut,
    .free = protocol_detect_free,
};

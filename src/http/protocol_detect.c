// SPDX-License-Identifier: Apache-2.0
// A client's connection before its protocol is known. With TLS, ALPN decides (without it, HTTP/1.1); without TLS the
// first bytes do: HTTP/2 begins with a preface that is no request of HTTP/1.1.
//
// Invariant: the bytes that were read and not handed over are the first `seen` bytes of the preface.
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

static void protocol_detect_give_up(void *owner) {
	struct protocol_detect *detect = owner;
	socket_close(detect->socket);
	timer_stop(&detect->patience);
	server_connection_closed(&detect->connection);
}

// The new connection is counted before this one is removed, so that draining doesn't end between the two.
static void protocol_detect_hand_over(struct protocol_detect *detect, const struct protocol *protocol,
                                      struct slice received) {
	timer_stop(&detect->patience);
	struct client_connection *connection = protocol->open(detect->connection.server, detect->socket);
	if (!connection->closed) {
		connection->place = detect->connection.place;
		detect->connection.place = NULL;
	}
	server_connection_closed(&detect->connection);
	if (received.len > 0)
		protocol->receive(connection, received);
}

static void protocol_detect_examine(struct protocol_detect *detect, struct slice bytes) {
	struct slice preface = PREFACE;
	if (slice_starts(bytes, preface)) {
		protocol_detect_hand_over(detect, &http2_protocol, bytes);
	} else if (!slice_starts(preface, bytes)) {
		protocol_detect_hand_over(detect, &http1_protocol, bytes);
	} else {
		if (detect->seen == 0)
			timer_start(&detect->patience, detect->connection.server->timeouts.header_ms);
		detect->seen = bytes.len;
	}
}

static void protocol_detect_on_readable(void *owner) {
	struct protocol_detect *detect = owner;
	char *scratch = loop_scratch(detect->connection.server->loop);
	memcpy(scratch, PREFACE.ptr, detect->seen);
	ssize_t count = socket_read(detect->socket, scratch + detect->seen, (size_t)LOOP_SCRATCH_BYTES - detect->seen);
	if (count > 0)
		protocol_detect_examine(detect, slice_of(scratch, detect->seen + (size_t)count));
	else if (count != SOCKET_AGAIN)
		protocol_detect_give_up(detect);
}

static void protocol_detect_on_open(void *owner, bool well) {
	struct protocol_detect *detect = owner;
	if (!well) {
		protocol_detect_give_up(detect);
		return;
	}
	bool is_http2 = slice_equal(socket_protocol(detect->socket), SLICE("h2"));
	protocol_detect_hand_over(detect, is_http2 ? &http2_protocol : &http1_protocol, (struct slice){0});
}

static const struct socket_events protocol_detect_events = {.on_open = protocol_detect_on_open,
                                                            .on_readable = protocol_detect_on_readable};

void protocol_detect_start(struct server *server, struct socket *socket, struct client_place *place,
                           struct ssl_st *ssl) {
	struct protocol_detect *detect = memory_new(1, sizeof *detect);
	detect->socket = socket;
	server_connection_opened(&detect->connection, server, &protocol_detect_protocol);
	detect->connection.place = place;
	timer_init(&detect->patience, server->loop, protocol_detect_give_up, detect);
	socket_set_owner(socket, &protocol_detect_events, detect);
	timer_start(&detect->patience, ssl ? server->timeouts.header_ms : server->timeouts.client_idle_ms);
	if (ssl)
		socket_start_tls(socket, ssl, &server->handshake_pace);
	else
		socket_want_read(socket, true);
}

static void protocol_detect_drain(struct client_connection *connection) {
	struct protocol_detect *detect = LIST_OWNER(connection, struct protocol_detect, connection);
	if (detect->seen == 0 && !socket_tls(detect->socket) && detect->connection.server->draining)
		timer_start(&detect->patience, SERVER_DRAIN_GRACE_MS);
}

static void protocol_detect_cut(struct client_connection *connection) {
	protocol_detect_give_up(LIST_OWNER(connection, struct protocol_detect, connection));
}

static void protocol_detect_free(struct client_connection *connection) {
	free(LIST_OWNER(connection, struct protocol_detect, connection));
}

static const struct protocol protocol_detect_protocol = {
    .drain = protocol_detect_drain,
    .cut = protocol_detect_cut,
    .free = protocol_detect_free,
};

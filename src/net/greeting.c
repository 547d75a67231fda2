// SPDX-License-Identifier: Apache-2.0
// A client's connection before its protocol is known. Over TLS the handshake tells (ALPN; without it HTTP/1.1); in
// clear the first bytes do: HTTP/2 begins with a preface that is no request of HTTP/1.1.
//
// Invariant: what was read and not handed over is the first `seen` bytes of the preface.
#include "net/greeting.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/memory.h"

#define PREFACE SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

struct greeting {
	struct connection connection;
	struct socket *socket;
	struct timer patience;
	size_t seen;
};

static const struct protocol greeting_protocol;

static void give_up(void *owner) {
	struct greeting *greeting = owner;
	socket_close(greeting->socket);
	timer_stop(&greeting->patience);
	serving_closed(&greeting->connection);
}

// The new connection is counted before this one is forgotten, so that draining doesn't end between them.
static void hand_over(struct greeting *greeting, const struct protocol *protocol, struct slice received) {
	timer_stop(&greeting->patience);
	struct connection *connection = protocol->open(greeting->connection.server, greeting->socket);
	serving_closed(&greeting->connection);
	if (received.len > 0)
		protocol->receive(connection, received);
}

static void take(struct greeting *greeting, struct slice bytes) {
	struct slice preface = PREFACE;
	if (slice_starts(bytes, preface)) {
		hand_over(greeting, &http2_protocol, bytes);
	} else if (!slice_starts(preface, bytes)) {
		hand_over(greeting, &http1_protocol, bytes);
	} else {
		if (greeting->seen == 0)
			timer_start(&greeting->patience, greeting->connection.server->timeouts.header_ms);
		greeting->seen = bytes.len;
	}
}

static void on_readable(void *owner) {
	struct greeting *greeting = owner;
	char *scratch = loop_scratch(greeting->connection.server->loop);
	memcpy(scratch, PREFACE.ptr, greeting->seen);
	ssize_t count =
	    socket_read(greeting->socket, scratch + greeting->seen, (size_t)LOOP_SCRATCH_BYTES - greeting->seen);
	if (count > 0)
		take(greeting, slice_of(scratch, greeting->seen + (size_t)count));
	else if (count != SOCKET_AGAIN)
		give_up(greeting);
}

static void on_open(void *owner, bool well) {
	struct greeting *greeting = owner;
	const unsigned char *name;
	unsigned size;
	if (!well) {
		give_up(greeting);
		return;
	}
	SSL_get0_alpn_selected(socket_tls(greeting->socket), &name, &size);
	bool is_http2 = slice_equal(slice_of(name, size), SLICE("h2"));
	hand_over(greeting, is_http2 ? &http2_protocol : &http1_protocol, (struct slice){0});
}

static const struct socket_events greeting_events = {.on_open = on_open, .on_readable = on_readable};

void greeting_start(struct server *server, struct socket *socket, struct ssl_st *ssl) {
	struct greeting *greeting = memory_new(1, sizeof *greeting);
	greeting->socket = socket;
	serving_opened(&greeting->connection, server, &greeting_protocol);
	timer_init(&greeting->patience, server->loop, give_up, greeting);
	socket_set_owner(socket, &greeting_events, greeting);
	timer_start(&greeting->patience, ssl ? server->timeouts.header_ms : server->timeouts.client_idle_ms);
	if (ssl)
		socket_start_tls(socket, ssl);
	else
		socket_want_read(socket, true);
}

static void greeting_drain(struct connection *connection) {
	struct greeting *greeting = LIST_OWNER(connection, struct greeting, connection);
	if (greeting->seen == 0 && !socket_tls(greeting->socket) && greeting->connection.server->draining)
		timer_start(&greeting->patience, SERVING_DRAIN_GRACE_MS);
}

static void greeting_cut(struct connection *connection) {
	give_up(LIST_OWNER(connection, struct greeting, connection));
}

static void greeting_free(struct connection *connection) {
	free(LIST_OWNER(connection, struct greeting, connection));
}

static const struct protocol greeting_protocol = {
    .drain = greeting_drain,
    .cut = greeting_cut,
    .free = greeting_free,
};

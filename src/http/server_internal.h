// SPDX-License-Identifier: Apache-2.0
// Inside of the server only: what a protocol (HTTP/1.1, HTTP/2) and the server know of each other. A protocol reads
// requests off a socket and writes their answers; the server counts, limits, drains and closes.
//
// Memory of a connection is freed at the end of a turn of the loop, never at once: whoever is further up the stack may
// still look at its `closed`.
#ifndef HTTP_SERVER_INTERNAL_H
#define HTTP_SERVER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/token_bucket.h"
#include "http/server.h"
#include "net/loop_uv.h"
#include "net/socket.h"

struct client_connection;
struct bound_listener;

struct protocol {
	// A connection over the socket, which it owns from now on; reading begins.
	struct client_connection *(*open)(struct server *server, struct socket *socket);
	// Bytes in the loop's scratch that were read off the socket before it was handed over.
	void (*receive)(struct client_connection *connection, struct slice bytes);
	// At the end of a turn in which server_call_back_later was asked for: flush, go on, tell what is to be told.
	void (*turn_ended)(struct client_connection *connection);
	// Close as soon as nothing is being received or answered.
	void (*drain)(struct client_connection *connection);
	// Close now; on_gone for calls that are not over.
	void (*cut)(struct client_connection *connection);
	void (*free)(struct client_connection *connection);

	// As the functions server_respond... of server.h.
	void (*response)(struct server_call *call, int status, struct headers headers, struct slice body);
	void (*response_start)(struct server_call *call, int status, struct headers headers, int64_t content_length);
	bool (*response_write)(struct server_call *call, struct slice bytes);
	void (*response_end)(struct server_call *call);
	void (*response_abort)(struct server_call *call, bool reset);
};

extern const struct protocol http1_protocol;
extern const struct protocol http2_protocol;

// The common part of a protocol's connection, its first member.
struct client_connection {
	const struct protocol *protocol;
	struct server *server;
	struct list link;     // in the server's connections, later in its closed ones
	struct list later;    // in the server's `later`
	struct list idle;     // in the server's `idle`
	struct list starving; // in the server's `starving`
	bool closed;
};

// The common part of a protocol's call.
struct server_call {
	struct client_connection *connection;
	struct server_request request;
	void *owner; // the embedder's
	bool is_open;
	bool has_started;
};

struct server {
	struct loop *loop;
	struct server_limits limits;
	struct server_timeouts timeouts;
	const struct server_events *events;
	void *owner;

	struct bound_listener **bound_listeners; // one a listener
	size_t bound_listener_count;
	struct token_bucket handshakes;
	struct timer handshake_pause; // while it runs, nobody is let in who wants a TLS handshake
	struct list connections;
	struct list idle; // those that may be closed for others, the longest idle first
	size_t connection_count;
	size_t call_count;
	struct list starving;     // those that go on when there is memory again
	struct timer memory_look; // runs while there are any

	struct list later;  // connections to call back at the end of the turn
	struct list closed; // connections to free then
	uv_check_t after_events;
	uv_prepare_t before_waiting;
	int open_handles;

	bool draining;
	bool closing;
	loop_callback on_drained;
	void *drained_owner;
	struct timer drained;

	struct buffer head; // where heads of answers are written; empty between uses
	struct buffer refusal;
	time_t date_s;
	char date[32];
};

// What an idle connection gets for a request that is on its way when the server drains.
enum { SERVER_DRAIN_GRACE_MS = 500 };

// Whether the connection is not to read on now, for want of memory: it is called back when there is some.
bool server_starves(struct client_connection *connection);

// Now, as the header `date` has it; lasts until the next call.
struct slice server_date(struct server *server);

// Asks for protocol->turn_ended at the end of this turn of the loop.
void server_call_back_later(struct client_connection *connection);

// For protocol->open: fills the common part in and counts the connection.
void server_connection_opened(struct client_connection *connection, struct server *server,
                              const struct protocol *protocol);
// Whether nothing has come since the last answer was sent: `drain` would close it at once.
void server_connection_idle(struct client_connection *connection, bool idle);
// The connection has let go of its socket and timers; it is freed when the turn ends.
void server_connection_closed(struct client_connection *connection);

// Hands a whole request to the embedder. call->request is filled in.
void server_deliver(struct server_call *call);
// The call is over. With `gone` the embedder is told; otherwise it has said so itself.
void server_call_ended(struct server_call *call, bool gone);

#endif

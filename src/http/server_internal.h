// SPDX-License-Identifier: Apache-2.0
// Internal to the server: the interface between it and a protocol (HTTP/1.1, HTTP/2). A protocol reads requests from a
// socket and writes their responses; the server counts, limits, drains and closes.
//
// A connection is freed at the end of a turn of the loop, never at once: callers further up the stack may still read
// its `closed`.
#ifndef HTTP_SERVER_INTERNAL_H
#define HTTP_SERVER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/time_format.h"
#include "base/token_bucket.h"
#include "http/server.h"
#include "http/upload.h"
#include "net/handshake_pace.h"
#include "net/loop_uv.h"
#include "net/socket.h"

struct client_connection;
struct bound_listener;

struct protocol {
	// A new connection on the socket, which it owns from now on; reading begins.
	struct client_connection *(*open)(struct server *server, struct socket *socket);
	// Bytes in the loop's scratch buffer that were read from the socket before it was handed over.
	void (*receive)(struct client_connection *connection, struct slice bytes);
	// At the end of a turn in which server_call_back_later was called: flush, continue, notify the embedder.
	void (*turn_ended)(struct client_connection *connection);
	// Close as soon as there is no request in progress.
	void (*drain)(struct client_connection *connection);
	// Close now; call on_gone for open calls.
	void (*cut)(struct client_connection *connection);
	void (*free)(struct client_connection *connection);
	// For a body that is being received, see upload.h.
	void (*upload_goes_on)(struct upload *upload);
	void (*upload_refuse)(struct upload *upload);

	// As the functions server_respond and server_response_... of server.h.
	void (*respond)(struct server_call *call, int status, struct headers headers, struct slice body);
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
	struct list link;           // in the server's connections, later in its closed ones
	struct list later;          // in the server's `later`
	struct list idle;           // in the server's `idle`
	struct list next_turn;      // in the server's `next_turn`
	uint64_t turn;              // in which it last began a request
	unsigned begun;             // requests of that turn
	struct client_place *place; // NULL: its client doesn't count
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
	struct timer handshake_pause;         // while it runs, listeners with TLS don't accept
	struct handshake_pace handshake_pace; // while it is behind, neither
	struct list connections;
	struct list idle; // connections that may be closed to make place, the longest idle first
	size_t connection_count;
	size_t call_count;
	struct list uploads;            // bodies that are being received, the youngest last
	struct list waiting_for_memory; // those of them that go on when there is memory again
	size_t still_comes_bytes;       // what may come for these meanwhile
	struct timer memory_check;      // runs while there are any

	struct list later;     // connections to call back at the end of the turn
	struct list next_turn; // and in the next one, since they have had their share of this one
	struct timer wakeup;   // runs while there are any, so that the loop doesn't wait
	uint64_t turn;
	unsigned further;   // requests of this turn beyond the first one of each connection
	struct list closed; // connections to free then
	uv_check_t after_events;
	uv_prepare_t before_waiting;
	int open_handles;

	bool draining;
	bool closing;
	loop_callback on_drained;
	void *drained_owner;
	struct timer drained;

	struct buffer head; // scratch: the head of a response
	struct buffer refusal;
	time_t date_s;
	char date[TIME_HTTP_BYTES];
};

// How long an idle connection stays open for a request that is on its way when the server drains.
enum { SERVER_DRAIN_GRACE_MS = 500 };

// The value of the header `date`; valid until the next call.
struct slice server_date(struct server *server);

// Calls protocol->turn_ended at the end of this turn of the loop.
void server_call_back_later(struct client_connection *connection);

// Calls protocol->turn_ended in the next turn, before the loop waits; others are served in between.
void server_call_back_next_turn(struct client_connection *connection);

// Whether the connection may begin another request in this turn. If not, it is called back in the next one.
bool server_may_begin_request(struct client_connection *connection);

// Whether the connection will be called back in the next turn.
static inline bool server_waits_for_turn(const struct client_connection *connection) {
	return !list_is_empty(&connection->next_turn);
}

// For protocol->open: fills in the common part and counts the connection.
void server_connection_opened(struct client_connection *connection, struct server *server,
                              const struct protocol *protocol);
// Sets whether the connection is idle: nothing was received since the last response was sent, and `drain` may close it.
void server_connection_idle(struct client_connection *connection, bool idle);
// The connection has closed its socket and stopped its timers; it is freed when the turn ends.
void server_connection_closed(struct client_connection *connection);

// Whether there is no memory for a new request.
bool server_lacks_memory(struct server *server);

// Passes a whole request to the embedder. call->request is filled in.
void server_deliver(struct server_call *call);
// The call is over. With `gone` the embedder is notified; otherwise it ended the call itself.
void server_call_ended(struct server_call *call, bool gone);

#endif

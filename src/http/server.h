// SPDX-License-Identifier: Apache-2.0
// An HTTP server: listeners, connections, limits, responses with back-pressure. Knows nothing of AWS: the embedder gets
// each complete request and responds now or later. HTTP/1.1 and HTTP/2, with or without TLS, have the same interface.
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/header.h"
#include "base/memory.h"
#include "base/slice.h"
#include "net/least_rate.h"
#include "net/loop.h"

struct client_places;
struct server;
struct tls_server;
struct server_call; // a request and its response

// A received request. Borrowed: valid until the call is over (the response ended or aborted, or the client gone).
struct server_request {
	struct slice method;
	struct slice target; // raw: path and query as sent
	struct slice path;   // of target, up to `?`
	struct slice query;  // after `?`
	struct headers headers;
	struct slice body; // complete, dechunked
	struct slice peer; // textual address of the client
};

struct server_limits {
	size_t header_bytes;
	size_t body_bytes;
	size_t connections;
	int descriptors_below; // clients are accepted while the lowest free descriptor is below; 0: no limit
	// Counts the heads (over HTTP/1.1 those beyond 2 KB) and bodies of requests, and responses that wait for their
	// clients. While it is full, the server refuses requests whose body has not begun, and heads beyond 2 KB that are
	// not whole (429), and pauses reading of the other bodies. NULL: no limit.
	struct memory_meter *memory;
	// At which clients must send bodies and read responses that wait for them. A slower body is refused (408), a slower
	// reader loses the stream (HTTP/2) or the connection. Zeroed: any rate.
	struct least_rate rate;
	// How many of the connections one client may have; a further one is closed at once. Borrowed. NULL: all.
	struct client_places *clients;
};

struct server_timeouts {
	uint64_t header_ms; // until the head is complete
	uint64_t body_ms;   // silence while the body is received
	uint64_t write_ms;  // while the client doesn't read
	uint64_t client_idle_ms;
};

struct server_events {
	// A complete request. Respond with server_respond or server_response_start..end, in this call or later.
	// *call_owner is the embedder's: it is passed to the later events.
	void (*on_request)(void *owner, struct server_call *call, const struct server_request *request, void **call_owner);
	// A response that was full has room again.
	void (*on_writable)(void *owner, struct server_call *call, void *call_owner);
	// The client left or its connection broke before the response was complete; the call is over, don't use it.
	void (*on_gone)(void *owner, struct server_call *call, void *call_owner);
	// The server itself refuses a request (400, 408, 413, 414, 417, 429, 431, 501, 505): write the body and headers of
	// the response; returns the number of headers. `headers` has room for 8; their slices must be valid until the call
	// returns. `reason` is a short sentence.
	size_t (*format_refusal)(void *owner, int status, const char *reason, struct header *headers, struct buffer *body);
};

// Starts nothing yet. `events` is borrowed and must outlive the server.
struct server *server_new(struct loop *loop, const struct server_limits *limits, const struct server_timeouts *timeouts,
                          const struct server_events *events, void *owner);

// Listens on "HOST:PORT", "[V6]:PORT" or "unix:/path". With `shared`, SO_REUSEPORT lets other workers listen too (the
// caller has checked with server_probe that the port is free). Port 0 picks a free port. Returns 0, or ERROR_INVALID,
// ERROR_IN_USE, ERROR_IO; *message is then a line with the cause (static or thread-local; valid until the next call).
int server_listen(struct server *server, const char *address, bool shared, const char **message);

// The same over TLS. `tls` is borrowed and outlives the server; NULL is without TLS. Handshakes take two fifths of
// the loop's time at most, and 500 a second are begun (100 at once); further clients wait in the kernel's queue.
int server_listen_tls(struct server *server, const char *address, bool shared, struct tls_server *tls,
                      const char **message);

// Checks that the address is free: binds without SO_REUSEPORT and closes again. Returns as server_listen does.
int server_probe(const char *address, const char **message);

// "HOST:PORT" of the nth listener, with the port that was picked; valid while the server listens.
const char *server_address(const struct server *server, size_t index);

// Whether the process was started with the nth listener's socket (bind_adopt), which others may listen on too.
bool server_is_adopted(const struct server *server, size_t index);

// Accepts the clients that the kernel has accepted already, then stops listening. Busy connections close after their
// response (connection: close); idle ones stay open for half a second, so that a request on its way is still served.
// Calls `on_drained(owner)` once all connections are closed. Further requests on open connections are still delivered.
void server_drain(struct server *server, loop_callback on_drained, void *owner);

// Open connections and open calls.
size_t server_connections(const struct server *server);
size_t server_calls(const struct server *server);

// Closes all connections, stops listening and frees the server; calls on_gone for open calls.
void server_close(struct server *server);

// Sends a complete response. Adds content-length and date; `headers` must not contain content-length. Copies its
// arguments. The call is over.
void server_respond(struct server_call *call, int status, struct headers headers, struct slice body);

// Begins a streamed response. On HTTP/1.1 it is chunked if `content_length` is negative.
void server_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length);
// Copies or sends the bytes. False if the client reads too slowly: stop until on_writable (further bytes are still
// accepted).
bool server_response_write(struct server_call *call, struct slice bytes);
// Ends a streamed response. The call is over.
void server_response_end(struct server_call *call);
// Breaks off the response so that the client notices. HTTP/1.1: closes the connection without the last chunk; with
// `reset`, by a TCP reset. HTTP/2: resets the stream; without `reset`, after what was written. The call is over.
void server_response_abort(struct server_call *call, bool reset);
// Whether server_response_start was called.
bool server_response_has_started(const struct server_call *call);

#endif

// SPDX-License-Identifier: Apache-2.0
// An HTTP server: listeners, connections, requests read whole within limits, responses with back-pressure. Knows
// nothing of AWS: the embedder gets each whole request and responds now or later. HTTP/1.1 and HTTP/2, with or without
// TLS, are behind the same calls.
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/header.h"
#include "base/memory_meter.h"
#include "base/slice.h"
#include "net/loop.h"

struct server;
struct tls_server;
struct server_call; // one request being answered

// A request as received. Borrowed: valid until the call is over (the response ended or aborted, or the client gone).
struct server_request {
	struct slice method;
	struct slice target; // raw: path and query as sent
	struct slice path;   // of target, up to `?`
	struct slice query;  // after `?`
	struct headers headers;
	struct slice body; // whole, dechunked
	struct slice peer; // textual address of the client
};

struct server_limits {
	size_t header_bytes;
	size_t body_bytes;
	size_t connections;
	// Is charged with the bodies of requests and with responses that wait for their clients. While it is full, requests
	// whose body isn't here yet are refused (429), and reading of bodies that have begun pauses. NULL for none.
	struct memory_meter *memory;
};

struct server_timeouts {
	uint64_t header_ms; // whole head
	uint64_t body_ms;   // silence while the body is received
	uint64_t write_ms;  // while the client doesn't read
	uint64_t client_idle_ms;
};

struct server_events {
	// A whole request. Respond with server_respond or server_response_start..end, in this call or later.
	// *call_owner is the embedder's: it is passed to the later events.
	void (*on_request)(void *owner, struct server_call *call, const struct server_request *request, void **call_owner);
	// A response that was full has room again.
	void (*on_writable)(void *owner, struct server_call *call, void *call_owner);
	// The client left or its connection broke before the response was complete; the call is over, don't use it.
	void (*on_gone)(void *owner, struct server_call *call, void *call_owner);
	// The server itself refuses a request (400, 408, 413, 414, 417, 429, 431, 501, 505): write the body and headers of
	// the response; returns the number of headers. `headers` has room for 8; their slices must be valid until the call
	// returns. `reason` is one short sentence.
	size_t (*format_refusal)(void *owner, int status, const char *reason, struct header *headers, struct buffer *body);
};

// Starts nothing yet. `events` is borrowed and must outlive the server.
struct server *server_new(struct loop *loop, const struct server_limits *limits, const struct server_timeouts *timeouts,
                          const struct server_events *events, void *owner);

// Listens on "HOST:PORT", "[V6]:PORT" or "unix:/path". With `shared`, SO_REUSEPORT lets other workers listen too (the
// caller has checked with server_probe that the port is free). Port 0 picks one. Returns 0, or ERROR_INVALID,
// ERROR_IN_USE, ERROR_IO; *message is then one line that says why (static or thread-local; valid until the next call).
int server_listen(struct server *server, const char *address, bool shared, const char **message);

// The same over TLS. `tls` is borrowed and outlives the server; NULL is without TLS. At most 500 handshakes a second
// are begun (100 at once); further clients wait in the kernel's queue.
int server_listen_tls(struct server *server, const char *address, bool shared, struct tls_server *tls,
                      const char **message);

// Checks that the address is free: binds without SO_REUSEPORT and closes again. Returns as server_listen does.
int server_probe(const char *address, const char **message);

// "HOST:PORT" of the nth listener, with the port that was picked; valid while the server listens.
const char *server_address(const struct server *server, size_t index);

// Whether the process was started with the nth listener's socket (bind_adopt), which others may listen on too.
bool server_is_adopted(const struct server *server, size_t index);

// Stops listening, once those clients are in whom the kernel has let in already. Busy connections are asked to close
// after their answer (connection: close); idle ones get half a second, in which a request that is on its way is served.
// Calls `on_drained(owner)` once all are gone. Further requests on open connections are still delivered.
void server_drain(struct server *server, loop_callback on_drained, void *owner);

// Open connections and open calls.
size_t server_connections(const struct server *server);
size_t server_calls(const struct server *server);

// Closes every connection, stops listening and frees; calls on_gone for open calls.
void server_close(struct server *server);

// Sends a whole response. content-length and date are added; 'content-length' must not be in `headers`. Everything is
// copied. The call is over.
void server_respond(struct server_call *call, int status, struct headers headers, struct slice body);

// Begins a streamed response. On HTTP/1.1 it is chunked if `content_length` is negative.
void server_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length);
// Copies or sends the bytes. False when the client reads too slowly: stop until on_writable (further bytes are accepted
// all the same).
bool server_response_write(struct server_call *call, struct slice bytes);
// Ends a streamed response. The call is over.
void server_response_end(struct server_call *call);
// Breaks the response off so that the client notices. HTTP/1.1: closes the connection without the last chunk; with
// `reset`, by a TCP reset. HTTP/2: resets the stream; without `reset`, after what was written. The call is over.
void server_response_abort(struct server_call *call, bool reset);
// Whether server_response_start was called.
bool server_response_has_started(const struct server_call *call);

#endif

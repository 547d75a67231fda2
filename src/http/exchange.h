// SPDX-License-Identifier: Apache-2.0
// One HTTP exchange with an upstream: sends a request and reads the response, over pooled connections. Knows nothing of
// AWS, models or retries. Every way in which an upstream can fail has one named failure.
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/header.h"
#include "base/slice.h"
#include "net/loop.h"

struct upstreams; // a worker's connections to all endpoints
struct upstream;  // one endpoint (scheme, host, port): its idle connections, its TLS context
struct exchange;

struct upstream_settings {
	uint64_t connect_ms;   // name resolution, TCP and TLS together
	uint64_t pool_idle_ms; // after which an idle connection is closed
	size_t header_bytes;   // largest head of a response
	const char *ca_file;   // NULL: the system's trust store
	const char *proxy;     // of TLS connections, see connect.h; NULL: none
};

#define EXCHANGE_FAILURE_LIST(X)                                                                                       \
	X(EXCHANGE_RESOLVE, "ResolveFailed", "the host name was not resolved")                                             \
	X(EXCHANGE_REFUSED, "ConnectionRefused", "the connection was refused")                                             \
	X(EXCHANGE_CONNECT, "ConnectFailed", "the connection could not be made")                                           \
	X(EXCHANGE_CONNECT_TIMEOUT, "ConnectTimeout", "the connection took too long")                                      \
	X(EXCHANGE_TLS, "TlsFailed", "TLS failed, in its handshake or later")                                              \
	X(EXCHANGE_CERTIFICATE, "CertificateRefused", "the server's certificate was not accepted")                         \
	X(EXCHANGE_PROXY, "ProxyFailed", "the proxy made no tunnel")                                                       \
	X(EXCHANGE_RESET, "ConnectionReset", "the connection was reset")                                                   \
	X(EXCHANGE_CLOSED, "ConnectionClosed", "the connection closed before the answer began")                            \
	X(EXCHANGE_TRUNCATED, "AnswerTruncated", "the connection closed within the answer")                                \
	X(EXCHANGE_MALFORMED, "MalformedAnswer", "the answer is no valid HTTP")                                            \
	X(EXCHANGE_HEAD_TOO_LARGE, "HeadTooLarge", "the head of the answer is too large")                                  \
	X(EXCHANGE_EXHAUSTED, "GatewayExhausted", "this process lacks descriptors, memory, threads or ports")

enum exchange_failure {
#define X(constant, name, text) constant,
	EXCHANGE_FAILURE_LIST(X)
#undef X
};

struct exchange_request {
	struct slice method;
	struct slice target;    // path and query, sent as they are
	struct headers headers; // all of them, including host; content-length is added
	struct slice body;      // borrowed until the exchange has ended; headers and target are copied
};

// Called in this order: head, pieces of the body, then exactly one of end and failed; nothing after that or after a
// cancel. None is called from within exchange_start.
struct exchange_events {
	void (*on_head)(void *owner, int status, struct headers headers); // 1xx are dropped; borrowed for the call
	void (*on_body)(void *owner, struct slice bytes);                 // dechunked; borrowed for the call
	void (*on_end)(void *owner);
	void (*on_failed)(void *owner, enum exchange_failure failure);
};

struct upstreams *upstreams_new(struct loop *loop, const struct upstream_settings *settings);
// Exchanges must have ended; idle connections are closed. Not from within an event.
void upstreams_free(struct upstreams *upstreams);
// The endpoint's upstream, created on first use; lives as long as `upstreams`.
struct upstream *upstreams_get(struct upstreams *upstreams, bool tls, struct slice host, uint16_t port);

// Starts on an idle connection or a new one. A reused connection that fails promptly (within a second) and before any
// byte of the response is replaced once by a new one. `events` outlives the exchange. Never NULL.
struct exchange *exchange_start(struct upstream *upstream, const struct exchange_request *request,
                                const struct exchange_events *events, void *owner);

// Ends it now without another event; its connection is closed unless the response was complete.
void exchange_cancel(struct exchange *exchange);

// Stops and resumes reading, for back-pressure. Bytes that were read already (64 KB at most) are still delivered.
void exchange_pause(struct exchange *exchange);
void exchange_resume(struct exchange *exchange);

// Idle and busy connections of all endpoints, for tests and statistics.
size_t upstreams_idle(const struct upstreams *upstreams);
size_t upstreams_busy(const struct upstreams *upstreams);

#endif

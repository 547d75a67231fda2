// SPDX-License-Identifier: Apache-2.0
// TCP connections to upstreams, made by libcurl: it resolves names, chooses among addresses and connects through
// proxies. The connected descriptor is the caller's; the rest of curl's state is freed.
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"

struct connector;  // a loop's multi handle
struct connecting; // one connection being made

enum connect_failure {
	CONNECT_FAILED, // any other cause
	CONNECT_NOT_RESOLVED,
	CONNECT_REFUSED,
	CONNECT_TIMED_OUT,
	CONNECT_NO_TUNNEL, // through the proxy
	CONNECT_EXHAUSTED, // this process lacks something, see lack.h; a warning has been logged
};

// Passes the descriptor to the callee; or -1, with the cause in `failure`. Never called from within connector_start.
typedef void (*connect_callback)(void *owner, int descriptor, enum connect_failure failure);

// `proxy` is the value of HTTPS_PROXY (copied; NULL: none). curl reads NO_PROXY itself. Aborts if curl can't start.
struct connector *connector_new(struct loop *loop, const char *proxy);

// Every attempt must have ended or been cancelled. Not from within a callback.
void connector_free(struct connector *connector);

// Starts to connect; through the proxy only when `secure` (TLS will follow). curl divides `timeout_ms` among the host's
// addresses; the caller must limit the whole time itself. NULL when the host is invalid or memory is out, with
// *failure.
struct connecting *connector_start(struct connector *connector, bool secure, const char *host, uint16_t port,
                                   uint64_t timeout_ms, connect_callback callback, void *owner,
                                   enum connect_failure *failure);

// Cancels and frees without calling back.
void connecting_cancel(struct connecting *connecting);

// A line without secrets that says why the proxy (NULL: none) can't be used, or NULL. For a check at start: with such a
// proxy each TLS connection fails with CONNECT_NO_TUNNEL.
const char *connect_proxy_problem(const char *proxy);

#endif

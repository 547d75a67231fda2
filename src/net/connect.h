// SPDX-License-Identifier: Apache-2.0
// TCP connections to upstreams, made by libcurl: it resolves names, chooses among addresses and connects through
// proxies. The connected descriptor is the caller's; the rest of curl's state is freed.
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "http/exchange.h"
#include "net/loop.h"

struct connector;  // a loop's multi handle
struct connecting; // one connection being made

// Passes the descriptor to the callee; or -1, and `failure` says why. Never called from within connector_start.
typedef void (*connect_callback)(void *owner, int descriptor, enum exchange_failure failure);

// Reads HTTPS_PROXY (or ALL_PROXY, also in lower case) once; NO_PROXY is obeyed. Aborts when curl can't start.
struct connector *connector_new(struct loop *loop);

// Every attempt must have ended or been cancelled. Not from within a callback.
void connector_free(struct connector *connector);

// Starts to connect; through the proxy only when `secure` (TLS will follow). curl divides `timeout_ms` among the host's
// addresses; the caller must limit the whole time itself. NULL when the host is invalid or memory is out.
struct connecting *connector_start(struct connector *connector, bool secure, const char *host, uint16_t port,
                                   uint64_t timeout_ms, connect_callback callback, void *owner);

// Cancels and frees without calling back.
void connecting_cancel(struct connecting *connecting);

// Why the proxy of the environment can't be used, as one line without secrets, or NULL. For a check at start: with such
// a proxy every TLS connection fails with EXCHANGE_PROXY.
const char *connect_proxy_problem(void);

#endif

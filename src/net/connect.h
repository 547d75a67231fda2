// SPDX-License-Identifier: Apache-2.0
// TCP connections to upstreams, made by libcurl: it resolves names, chooses among addresses and goes through proxies;
// the connected descriptor is ours, and nothing else of curl's stays.
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "http/exchange.h"
#include "net/loop.h"

struct connector;  // a loop's multi handle
struct connecting; // one connection being made

// The descriptor is now the callee's; or it is -1 and `failure` says why. Never called from within connector_start.
typedef void (*connect_callback)(void *owner, int descriptor, enum exchange_failure failure);

// `proxy` (copied; NULL: none) is what HTTPS_PROXY says; NO_PROXY is obeyed, which curl reads itself. Aborts when curl
// can't start.
struct connector *connector_new(struct loop *loop, const char *proxy);

// Everything has been connected or cancelled. Not from within a callback.
void connector_free(struct connector *connector);

// Starts to connect; through the proxy only when `secure` (TLS will follow). `timeout_ms` shares the time out among
// the host's addresses; the whole is for the caller to bound. NULL when the host is no host or memory is out.
struct connecting *connector_start(struct connector *connector, bool secure, const char *host, uint16_t port,
                                   uint64_t timeout_ms, connect_callback callback, void *owner);

// Gives up without a callback.
void connecting_cancel(struct connecting *connecting);

// Why that proxy (NULL: none) can't be used, as one line without secrets, or NULL. For a check at start: with such a
// proxy each TLS connection fails with EXCHANGE_PROXY.
const char *connect_proxy_problem(const char *proxy);

#endif

// SPDX-License-Identifier: Apache-2.0
// Internal to the exchange: makes a new connection to an endpoint within connect_ms: name resolution, TCP, proxy, TLS.
#ifndef HTTP_CONNECT_ATTEMPT_H
#define HTTP_CONNECT_ATTEMPT_H

#include "http/exchange.h"
#include "net/socket.h"

struct connect_attempt;

// Passes the open socket to the callee, which sets the socket's owner; or NULL, and `failure` says why. The attempt has
// been freed.
typedef void (*connect_attempt_callback)(void *owner, struct socket *socket, enum exchange_failure failure);

// Starts an attempt. The callback is called once, never from within this call.
struct connect_attempt *connect_attempt_start(struct upstream *upstream, connect_attempt_callback callback,
                                              void *owner);

// Frees the attempt without calling back.
void connect_attempt_cancel(struct connect_attempt *attempt);

#endif

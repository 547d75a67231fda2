// SPDX-License-Identifier: Apache-2.0
// Inside of the exchange: making a fresh connection to an endpoint, within connect_ms: resolution, TCP, proxy, TLS.
#ifndef HTTP_CONNECT_ATTEMPT_H
#define HTTP_CONNECT_ATTEMPT_H

#include "http/exchange.h"
#include "net/socket.h"

struct connect_attempt;

// The open socket is now the callee's, who sets its owner; or it is NULL and `failure` says why. The opening is over.
typedef void (*connect_attempt_callback)(void *owner, struct socket *socket, enum exchange_failure failure);

// The callback is called once, not from within this call.
struct connect_attempt *connect_attempt_start(struct upstream *upstream, connect_attempt_callback callback,
                                              void *owner);

// Gives up without a callback.
void connect_attempt_cancel(struct connect_attempt *attempt);

#endif

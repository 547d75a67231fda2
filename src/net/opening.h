// SPDX-License-Identifier: Apache-2.0
// Inside of the exchange: making a fresh connection to an endpoint, within connect_ms: resolution, TCP, proxy, TLS.
#ifndef NET_OPENING_H
#define NET_OPENING_H

#include "net/exchange.h"
#include "net/socket.h"

struct opening;

// The open socket is now the callee's, who sets its owner; or it is NULL and `failure` says why. The opening is over.
typedef void (*opening_callback)(void *owner, struct socket *socket, enum exchange_failure failure);

// The callback is called once, not from within this call.
struct opening *opening_start(struct upstream *upstream, opening_callback callback, void *owner);

// Gives up without a callback.
void opening_cancel(struct opening *opening);

#endif

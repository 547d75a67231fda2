// SPDX-License-Identifier: Apache-2.0
// One routed request of a data listener: passes the response from the engine's sink to the client's connection, with
// back-pressure. Ends exactly once: by the engine's on_done, or abandoned because the client has disconnected.
#ifndef GATEWAY_TRANSACTION_H
#define GATEWAY_TRANSACTION_H

#include "aws/operation.h"
#include "base/list.h"
#include "http/server.h"

struct data_listener;
struct transaction;

// Passes the request to the engine. `model` is copied; the request stays borrowed until the call is over.
struct transaction *transaction_begin(struct data_listener *listener, struct server_call *call,
                                      const struct server_request *request, enum operation operation,
                                      struct slice model);

// The client reads again: lets the engine send on.
void transaction_resume(struct transaction *transaction);

// Ends the transaction of that link in the listener's list, because the gateway stops.
void transaction_stop(struct list *link);

// The client has disconnected: cancels the request and frees the transaction.
void transaction_abandon(struct transaction *transaction);

#endif

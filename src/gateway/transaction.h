// SPDX-License-Identifier: Apache-2.0
// One routed request at the door: from the engine's sink to the client's connection, with back-pressure both ways. It
// ends exactly once: answered by the engine's on_done, or abandoned because the client has gone.
#ifndef GATEWAY_TRANSACTION_H
#define GATEWAY_TRANSACTION_H

#include "aws/operation.h"
#include "base/list.h"
#include "http/server.h"

struct data_listener;
struct transaction;

// Hands the request to the engine. `model` is copied; the request stays borrowed until the call is over.
struct transaction *transaction_begin(struct data_listener *data_listener, struct server_call *call,
                                      const struct server_request *request, enum operation operation,
                                      struct slice model);

// The client reads again.
void transaction_resume(struct transaction *transaction);

// Ends the reply of that link in the door's list, because the gateway ends.
void transaction_stop(struct list *link);

// The client has gone: cancels and frees.
void transaction_abandon(struct transaction *transaction);

#endif

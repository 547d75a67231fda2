// SPDX-License-Identifier: Apache-2.0
// One routed request at the door: from the engine's sink to the client's connection, with back-pressure both ways. It
// ends exactly once: answered by the engine's on_done, or abandoned because the client has gone.
#ifndef GATEWAY_REPLY_H
#define GATEWAY_REPLY_H

#include "aws/operation.h"
#include "base/list.h"
#include "net/server.h"

struct door;
struct reply;

// Hands the request to the engine. `model` is copied; the request stays borrowed until the call is over.
struct reply *reply_begin(struct door *door, struct server_call *call, const struct server_request *request,
                          enum operation operation, struct slice model);

// The client reads again.
void reply_resume(struct reply *reply);

// Ends the reply of that link in the door's list, because the gateway ends.
void reply_stop(struct list *link);

// The client has gone: cancels and frees.
void reply_abandon(struct reply *reply);

#endif

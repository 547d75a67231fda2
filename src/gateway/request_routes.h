// SPDX-License-Identifier: Apache-2.0
// The gateway's surface, purely: from a request as it came to what is wanted, or to the refusal that it gets.
#ifndef GATEWAY_REQUEST_ROUTES_H
#define GATEWAY_REQUEST_ROUTES_H

#include "aws/operation.h"
#include "base/buffer.h"
#include "base/header.h"
#include "http/server.h"

enum request_routes_kind {
	ROUTES_CALL,    // `operation`, on the model in `model_id` where it is on one
	ROUTES_HEALTH,  // GET or HEAD /health
	ROUTES_REFUSED, // `status`, `exception`, `message`
};

struct request_route {
	enum request_routes_kind kind;
	enum operation operation; // OPERATION_UNKNOWN where the path names none
	int status;
	const char *exception;
	const char *message;
};

// Reads a request. `instance` is this gateway's own id in x-signalbox-hop. The decoded model id is put into `model_id`.
void request_routes_read(const struct server_request *request, struct slice instance, struct buffer *model_id,
                         struct request_route *request_route);

// Whether a browser sent this on behalf of another site: an Origin that isn't this very listener on this machine.
bool request_routes_is_foreign(struct headers headers);

// Whether a client's header stays out of what a request may carry up or a policy may see: credentials, and the hop
// header, which the gateway writes itself.
bool request_routes_withholds(struct slice name);

// Whether the method only looks: GET, and HEAD, which is the same without the answer's body.
bool request_routes_is_reading(struct slice method);

// The answer to a request that the server refuses before it is whole: the exception's name by status.
const char *request_routes_refusal_name(int status);

#define ROUTES_HOP_HEADER SLICE("x-signalbox-hop")

#endif

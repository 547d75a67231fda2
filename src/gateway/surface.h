// SPDX-License-Identifier: Apache-2.0
// The gateway's surface, purely: from a request as it came to what is wanted, or to the refusal that it gets.
#ifndef GATEWAY_SURFACE_H
#define GATEWAY_SURFACE_H

#include "aws/operation.h"
#include "base/buffer.h"
#include "base/header.h"
#include "net/server.h"

enum surface_kind {
	SURFACE_CALL,    // `operation`, on the model in `model_id` where it is on one
	SURFACE_HEALTH,  // GET or HEAD /health
	SURFACE_REFUSED, // `status`, `exception`, `message`
};

struct surface {
	enum surface_kind kind;
	enum operation operation; // OPERATION_UNKNOWN where the path names none
	int status;
	const char *exception;
	const char *message;
};

// Reads a request. `instance` is this gateway's own id in x-signalbox-hop. The decoded model id is put into `model_id`.
void surface_read(const struct server_request *request, struct slice instance, struct buffer *model_id,
                  struct surface *surface);

// Whether a browser sent this on behalf of another site: an Origin that isn't this very listener on this machine.
bool surface_is_foreign(struct headers headers);

// Whether a client's header stays out of what a request may carry up or a policy may see: credentials, and the hop
// header, which the gateway writes itself.
bool surface_withholds(struct slice name);

// Whether the method only looks: GET, and HEAD, which is the same without the answer's body.
bool surface_is_reading(struct slice method);

// The answer to a request that the server refuses before it is whole: the exception's name by status.
const char *surface_refusal_name(int status);

#define SURFACE_HOP_HEADER SLICE("x-signalbox-hop")

#endif

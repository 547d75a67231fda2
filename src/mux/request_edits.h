// SPDX-License-Identifier: Apache-2.0
// What one attempt sends other than the client did, made as its step orders: the tier and headers that routing wants
// for it, and the edits of the policy's `prepare`. An edit that can't be made is told (event `policy-error`, a line in
// the log) and left out; the request goes on without it.
#ifndef MUX_REQUEST_EDITS_H
#define MUX_REQUEST_EDITS_H

#include <stdbool.h>

#include "aws/sigv4.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/header.h"
#include "mux/mux.h"
#include "mux/worker.h"
#include "route/request.h"

struct request_edits {
	bool has_body;
	struct buffer body;                 // in place of the client's; charged to the engine's memory
	char payload_hash[SIGV4_HEX_BYTES]; // of that body; empty until a signature needs it
	struct headers headers;             // in place of the client's of these names; without a value: left out
};

// Everything is borrowed for the call.
struct request_edits_order {
	struct mux_worker *worker;
	const struct mux_call *call;
	struct route_request *routing; // is told of a tier that can't be written; NULL where there is none to write
	const struct step *step;       // a STEP_SEND
	struct arena *arena;
};

// Makes the edits. *edits lives in the arena; NULL where the request goes up as it is. 0, or ERROR_MEMORY when the
// arena is full.
int request_edits_make(const struct request_edits_order *order, struct request_edits **edits);

// Frees what isn't the arena's; the body is read no more. Twice is fine.
void request_edits_free(struct request_edits *edits);

#endif

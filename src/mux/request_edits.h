// SPDX-License-Identifier: Apache-2.0
// The edits of one attempt's request, as its step states them: the tier and headers of the selection, and the edits of
// the policy's `prepare`. A guardrail or a token limit that can't be written into the body is reported (event
// `policy-error`), and the request is refused; so is one whose body others may read differently or that keeps a
// guardrail from evaluating all of it, and one without a tier that the policy requires. Any other tier that can't be
// written is omitted, with a line in the log.
#ifndef MUX_REQUEST_EDITS_H
#define MUX_REQUEST_EDITS_H

#include <stdbool.h>

#include "aws/json_edit.h"
#include "aws/sigv4.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/header.h"
#include "mux/mux.h"
#include "mux/request_body.h"
#include "mux/worker.h"
#include "route/request.h"

struct request_edits {
	bool has_body;
	struct buffer body;                 // replaces the client's; charged to the engine's memory meter
	bool is_whole;                      // false while a large body is still to be written
	struct json_patches patches;        // of that body, until it is whole
	struct json_patch_cursor cursor;    // likewise
	char payload_hash[SIGV4_HEX_BYTES]; // of that body; empty until a signature needs it
	struct headers headers;             // replace the client's of these names; a NULL value removes the header
};

// Everything is borrowed for the call.
struct request_edits_order {
	struct mux_worker *worker;
	const struct mux_call *call;
	struct request_body *body;     // of the call
	struct route_request *routing; // is notified of an omitted tier; NULL for a call without a model
	const struct step *step;       // a STEP_SEND
	struct arena *arena;
	struct slice *refusal; // set if the request is refused: a sentence for the client, in the arena
};

// Makes the edits. *edits lives in the arena and is to be released with request_edits_free; NULL if the client's
// request is sent unchanged. A large body is only planned: request_edits_write writes it. Returns 0; ERROR_INVALID if
// the request is refused; or ERROR_MEMORY or ERROR_LIMIT if memory is short.
int request_edits_make(const struct request_edits_order *order, struct request_edits **edits);

// Writes a large body on by about `bytes`: edits->is_whole says whether all of it is there. 0, or ERROR_LIMIT if memory
// is short. `before` is the client's body.
int request_edits_write(struct request_edits *edits, struct slice before, size_t bytes);

// Frees the body, which must not be in use any more. May be called again.
void request_edits_free(struct request_edits *edits);

#endif

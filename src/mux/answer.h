// SPDX-License-Identifier: Apache-2.0
// What a client is told when a request ends without an answer: the table of the design's section 5, as a pure function
// of how routing ended and what the upstreams had said.
#ifndef MUX_ANSWER_H
#define MUX_ANSWER_H

#include "base/arena.h"
#include "mux/mux.h"
#include "route/request.h"

// The last error that an upstream answered, kept for the client. `status` is 0 where none did.
struct kept_error {
	int status;
	struct slice name;
	int64_t retry_after_ms; // the upstream's own; -1
	enum error_type type;
	struct headers headers; // to be passed on
	struct slice body;
};

// Fills `out` for a STEP_FAIL other than ROUTE_CANCELLED. `last` is the last failure (NULL where no attempt failed).
// Texts come from `arena`, or are borrowed from `kept`.
void response_failure(const struct step *step, const struct kept_error *kept, const struct failure *last,
                      const struct pool *pool, struct slice asked, struct arena *arena, struct mux_error *out);

#endif

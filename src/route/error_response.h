// SPDX-License-Identifier: Apache-2.0
// What a client is told of a request that has failed, as one table: a pure function of how routing ended and what its
// attempts said. Every driver tells this, and `finish` hears it.
#ifndef ROUTE_ERROR_RESPONSE_H
#define ROUTE_ERROR_RESPONSE_H

#include "base/arena.h"
#include "route/decide.h"
#include "route/request.h"

// The failures of a request's attempts that may be told. All zero: none has failed. Texts are borrowed.
struct attempt_failures {
	bool has_failed;
	struct failure last;
	struct failure upstream; // the last one that an upstream answered with; its status is 0 where none did
	uint32_t upstream_attempt;
};

// Notes the failure in which the attempt ended.
void attempt_failures_note(struct attempt_failures *failures, uint32_t attempt, const struct failure *failure);

struct error_response {
	enum outcome outcome; // of the request
	enum error_type type;
	int status;
	struct slice exception; // "ThrottlingException"
	struct slice message;   // empty where it is an upstream's
	struct slice code;      // "NO_MODELS_AVAILABLE", "RETRIES_EXHAUSTED", ...; empty after a verdict to fail
	int64_t retry_after_ms; // -1: none is to be told
	bool from_upstream;     // the driver passes on what the upstream of `attempt` said
	uint32_t attempt;
};

// RATE_LIMIT where the last failure was a throttle, else FAIL_FAST.
enum outcome attempt_failures_outcome(const struct attempt_failures *failures);

// Fills `out` for a STEP_FAIL other than ROUTE_CANCELLED, of which no client hears. `asked` is the model that the
// client asked for. Texts live for ever, in `arena`, or as long as those of `failures`. Where the arena is full, that
// is what is told.
void error_response_make(const struct step *step, const struct attempt_failures *failures, const struct pool *pool,
                         struct slice asked, struct arena *arena, struct error_response *out);

#endif

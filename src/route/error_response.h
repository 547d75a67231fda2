// SPDX-License-Identifier: Apache-2.0
// The response to a request that has failed: a pure function of how routing ended and how its attempts failed. Every
// driver sends this response, and `finish` gets the same.
#ifndef ROUTE_ERROR_RESPONSE_H
#define ROUTE_ERROR_RESPONSE_H

#include "base/arena.h"
#include "route/decide.h"
#include "route/request.h"

// The failures of a request's attempts that matter to its response. Zeroed: none has failed. Slices are borrowed.
struct attempt_failures {
	bool has_failed;
	struct failure last;
	struct failure upstream; // the last one with a response from the upstream; status 0: none
	uint32_t upstream_attempt;
};

// Records how the attempt failed.
void attempt_failures_note(struct attempt_failures *failures, uint32_t attempt, const struct failure *failure);

struct error_response {
	enum outcome outcome; // of the request
	enum error_type type;
	int status;
	struct slice exception; // "ThrottlingException"
	struct slice message;   // empty if it is an upstream's
	struct slice code;      // "NO_MODELS_AVAILABLE", "RETRIES_EXHAUSTED", ...; empty after a verdict to fail
	int64_t retry_after_ms; // -1: none
	bool from_upstream;     // the driver forwards the response of the upstream of `attempt`
	uint32_t attempt;
};

// OUTCOME_RATE_LIMIT if the last failure was a throttle, else OUTCOME_FAIL_FAST.
enum outcome attempt_failures_outcome(const struct attempt_failures *failures);

// Fills `out` for a STEP_FAIL; not for ROUTE_CANCELLED, which gets no response. `asked` is the model that the client
// asks for. The slices of `out` are static, in `arena`, or those of `failures`. If the arena is exhausted, the response
// says so.
void error_response_make(const struct step *step, const struct attempt_failures *failures, const struct pool *pool,
                         struct slice asked, struct arena *arena, struct error_response *out);

#endif

// SPDX-License-Identifier: Apache-2.0
// Everything that can be known of a policy without traffic: each of its hooks is run in a table of situations, by the
// real request machine on a stage. Deterministic but for processor times and what the policy itself leaves to chance.
#ifndef POLICY_REHEARSAL_H
#define POLICY_REHEARSAL_H

#include <stddef.h>

#include "policy/policy.h"
#include "policy/scene.h"

// A way for an attempt to fail, by the name that it is shown with.
struct rehearsal_failure {
	const char *name;
	struct failure failure;
};

struct rehearsal_plan {
	struct sources *sources; // closed
	struct policy_limits limits;
	const struct rehearsal_failure *failures;
	size_t failure_count;
	size_t body_bytes; // of the largest request that the gateway lets in
};

struct rehearsal {
	struct scene *scenes; // in the order of situations
	size_t count;
	size_t mistakes; // scenes in which a call went wrong
};

// The names of the hooks in the order of a request's life, ended by NULL.
extern const char *const rehearsal_hooks[];

// Fills `rehearsal`, to be released with rehearsal_free whatever the result. 0, or a status with problems added when
// the policy doesn't load again.
int rehearse(const struct rehearsal_plan *plan, struct problems *problems, struct rehearsal *rehearsal);
void rehearsal_free(struct rehearsal *rehearsal);

#endif

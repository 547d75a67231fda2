// SPDX-License-Identifier: Apache-2.0
// Everything that can be known of a policy without traffic: each of its hooks is run in a table of situations, by the
// real request machine on a stage. Deterministic but for processor times and what the policy itself leaves to chance.
#ifndef LAB_DRY_RUN_H
#define LAB_DRY_RUN_H

#include <stddef.h>

#include "base/problem.h"
#include "lab/observation.h"
#include "policy/policy.h"

// A way for an attempt to fail, by the name that it is shown with.
struct dry_run_failure {
	const char *name;
	struct failure failure;
};

struct dry_run_plan {
	struct sources *sources; // closed
	struct policy_limits limits;
	const struct dry_run_failure *failures;
	size_t failure_count;
	size_t body_bytes; // of the largest request that the gateway lets in
	const struct body_reader *bodies;
};

struct dry_run {
	struct observation *observations; // in the order of situations
	size_t count;
	size_t mistakes; // scenes in which a call went wrong
};

// Fills `rehearsal`, to be released with dry_run_free whatever the result. 0, or a status with problems added when
// the policy doesn't load again.
int dry_run_perform(const struct dry_run_plan *plan, struct problems *problems, struct dry_run *dry_run);
void dry_run_free(struct dry_run *dry_run);

#endif

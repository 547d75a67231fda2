// SPDX-License-Identifier: Apache-2.0
// Runs each hook of a policy in a table of cases, by the real request machine without traffic. The result is
// deterministic but for processor times, memory peaks (Lua seeds its hashes at random) and the policy's own random
// numbers.
#ifndef LAB_DRY_RUN_H
#define LAB_DRY_RUN_H

#include <stddef.h>

#include "base/problem.h"
#include "lab/observation.h"
#include "policy/policy.h"

// A failure of an attempt, and the name of its case.
struct dry_run_failure {
	const char *name;
	struct failure failure;
};

struct dry_run_plan {
	struct sources *sources; // closed
	struct policy_limits limits;
	const struct dry_run_failure *failures;
	size_t failure_count;
	size_t body_bytes; // of the largest request that the gateway accepts
	const struct body_reader *bodies;
};

struct dry_run {
	struct observation *observations; // in the order of cases
	size_t count;
	size_t mistakes; // observations with a mistake
};

// Fills `dry_run`, to be freed with dry_run_free whatever the result. 0, or a status with problems added when the
// policy doesn't load again.
int dry_run_perform(const struct dry_run_plan *plan, struct problems *problems, struct dry_run *dry_run);
void dry_run_free(struct dry_run *dry_run);

#endif

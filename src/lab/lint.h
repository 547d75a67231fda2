// SPDX-License-Identifier: Apache-2.0
// What is allowed and yet hardly meant: keys that contradict one another, models that never get a request, hooks that
// come close to their budgets. Told as problems, which refuse nothing.
#ifndef LAB_LINT_H
#define LAB_LINT_H

#include "base/error.h"
#include "base/problem.h"
#include "lab/dry_run.h"
#include "policy/policy.h"

// Doubts about what the policy states; `file` is its name for messages.
void lint_pool(const struct pool *pool, const char *file, struct problems *lints);

// Doubts about what its hooks did in a rehearsal.
void lint_dry_run(const struct dry_run *dry_run, const struct pool *pool, const struct policy_limits *limits,
                  const char *file, struct problems *lints);

#endif

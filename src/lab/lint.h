// SPDX-License-Identifier: Apache-2.0
// Warnings of what is valid and hardly intended: keys that contradict one another, models that never get a request,
// hooks that come close to their budgets.
#ifndef LAB_LINT_H
#define LAB_LINT_H

#include "base/error.h"
#include "base/problem.h"
#include "lab/dry_run.h"
#include "policy/policy.h"

// Adds warnings of what the policy states. `file` names the policy in them.
void lint_pool(const struct pool *pool, const char *file, struct problems *warnings);

// Adds warnings of what its hooks did in a dry run.
void lint_dry_run(const struct dry_run *dry_run, const struct pool *pool, const struct policy_limits *limits,
                  const char *file, struct problems *warnings);

#endif

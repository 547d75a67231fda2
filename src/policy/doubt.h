// SPDX-License-Identifier: Apache-2.0
// What is allowed and yet hardly meant: keys that contradict one another, models that never get a request, hooks that
// come close to their budgets. Told as problems, which refuse nothing.
#ifndef POLICY_DOUBT_H
#define POLICY_DOUBT_H

#include "base/error.h"
#include "policy/policy.h"
#include "policy/rehearsal.h"

// Doubts about what the policy states; `file` is its name for messages.
void doubt_pool(const struct pool *pool, const char *file, struct problems *doubts);

// Doubts about what its hooks did in a rehearsal.
void doubt_rehearsal(const struct rehearsal *rehearsal, const struct pool *pool, const struct policy_limits *limits,
                     const char *file, struct problems *doubts);

#endif

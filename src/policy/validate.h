// SPDX-License-Identifier: Apache-2.0
// Turns a policy's document into a pool, or into a list of all mistakes in it.
#ifndef POLICY_VALIDATE_H
#define POLICY_VALIDATE_H

#include "base/document.h"
#include "base/error.h"
#include "base/problem.h"
#include "route/model.h"
#include "route/state.h"

// Fills `pool` and retains its models' states in `registry`. 0, or ERROR_INVALID with every mistake in `problems` and
// an empty pool.
int validate_policy(const struct document *document, const char *file, struct registry *registry,
                    struct problems *problems, struct pool *pool);

#endif

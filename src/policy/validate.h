// SPDX-License-Identifier: Apache-2.0
// A policy's document to a pool, or to everything that is wrong with it.
#ifndef POLICY_VALIDATE_H
#define POLICY_VALIDATE_H

#include "base/document.h"
#include "base/error.h"
#include "base/problem.h"
#include "route/model.h"
#include "route/state.h"

// Fills `pool`, whose models' states are retained from `registry`. 0, or ERROR_INVALID with every mistake in
// `problems` and an empty pool.
int validate_policy(const struct document *document, const char *file, struct registry *registry,
                    struct problems *problems, struct pool *pool);

#endif

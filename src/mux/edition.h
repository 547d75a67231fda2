// SPDX-License-Identifier: Apache-2.0
// Puts policy versions in place: builds one as a whole, off the workers' loops, and publishes it by one swap, or not at
// all. One thread at a time: the caller's at the start, then the reloader's.
#ifndef MUX_EDITION_H
#define MUX_EDITION_H

#include "base/error.h"
#include "base/problem.h"
#include "mux/mux.h"

struct mux_version;

// The first version. 0, or a status with every mistake in `problems`.
int edition_first(struct mux *mux, struct problems *problems);

// Carries an order out and logs what came of it. `result` is filled; its problems are to be freed by the caller.
void edition_renew(struct mux *mux, const struct mux_reload_order *order, struct mux_reloaded *result);

// Frees a version that nobody pins any more.
void edition_bury(struct mux_version *version);

// Releases everything; no request is left, no reload runs.
void edition_end(struct mux *mux);

#endif

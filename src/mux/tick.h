// SPDX-License-Identifier: Apache-2.0
// The policy's `tick`, once a second on each worker. A worker learns of a new version when it gets its next request, or
// at the next tick: a policy that no request asks needs none, and one without the hook costs no timer.
#ifndef MUX_TICK_H
#define MUX_TICK_H

#include "mux/version.h"
#include "mux/worker.h"

// Prepares the worker's timer; tick_note starts it.
void tick_init(struct mux_worker *worker);

// Tells of the version that a request has begun under, or that runs at the worker's start.
void tick_note(struct mux_worker *worker, const struct mux_version *version);

#endif

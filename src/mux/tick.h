// SPDX-License-Identifier: Apache-2.0
// The policy's `tick`, once a second on each worker, while the running version has that hook: one without it costs no
// timer.
#ifndef MUX_TICK_H
#define MUX_TICK_H

#include "mux/worker.h"

// Prepares the worker's timer, and starts it where the running version has a `tick`.
void tick_init(struct mux_worker *worker);

// Tells every worker that another version runs. Under mux->lock.
void tick_announce(struct mux *mux);

#endif

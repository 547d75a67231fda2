// SPDX-License-Identifier: Apache-2.0
// Calls the policy's `tick` once a second on each worker. The timer runs only while the running version has that hook.
#ifndef MUX_TICK_H
#define MUX_TICK_H

#include "mux/worker.h"

// Initializes the worker's timer, and starts it if the running version has a `tick`. On the worker's thread.
void tick_init(struct mux_worker *worker);

// Notifies all workers that another version runs. With mux->lock held, from any thread.
void tick_announce(struct mux *mux);

#endif

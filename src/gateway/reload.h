// SPDX-License-Identifier: Apache-2.0
// When the policy is loaded again without an admin request: at SIGHUP, and when its files change, which is checked once
// a second. Lives on one worker's loop. What is loaded, and whether it is accepted, is the engine's business.
#ifndef GATEWAY_RELOAD_H
#define GATEWAY_RELOAD_H

#include <stdbool.h>

#include "mux/mux.h"
#include "net/loop.h"

struct reload {
	struct loop *loop;
	struct mux *mux;
	bool is_running;   // an order of ours is in flight
	bool is_asked;     // by SIGHUP, after that order was given
	struct timer next; // gives the next order
	void (*also)(void *also_owner);
	void *also_owner;
};

// Starts to check the policy's files. `also(also_owner)` is called at SIGHUP on the thread of reloads. Call
// mux_end_reloads before reload_close.
void reload_init(struct reload *reload, struct loop *loop, struct mux *mux, void (*also)(void *also_owner),
                 void *also_owner);
void reload_close(struct reload *reload);

// At SIGHUP: loads the policy again, whether or not its files have changed, and what `also` loads.
void reload_now(struct reload *reload);

#endif

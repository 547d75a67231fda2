// SPDX-License-Identifier: Apache-2.0
// When the policy is loaded again without a request for it: SIGHUP, and a change of its files, which are looked at once
// a second. Lives on one worker's loop. What is loaded, and whether it is, is the engine's business.
#ifndef GATEWAY_RELOAD_H
#define GATEWAY_RELOAD_H

#include <stdbool.h>

#include "mux/mux.h"
#include "net/loop.h"

struct reload {
	struct loop *loop;
	struct mux *mux;
	bool is_running;   // one of our orders is under way
	bool is_asked;     // by SIGHUP, since
	struct timer next; // order
};

// Begins to look at the policy's files. mux_end_reloads comes before reload_close.
void reload_init(struct reload *reload, struct loop *loop, struct mux *mux);
void reload_close(struct reload *reload);

// The operator asks for it.
void reload_now(struct reload *reload);

#endif

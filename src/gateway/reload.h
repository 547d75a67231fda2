// SPDX-License-Identifier: Apache-2.0
// When the policy is loaded again without a request for it: SIGHUP, and a change of its files. Lives on one worker's
// loop. What is loaded, and whether it is, is the engine's business.
#ifndef GATEWAY_RELOAD_H
#define GATEWAY_RELOAD_H

#include <stdbool.h>

#include "mux/mux.h"
#include "net/loop.h"
#include "net/watch.h"

struct reload {
	struct loop *loop;
	struct mux *mux;
	struct watch *watch;
	char **files;     // that are watched
	bool is_running;  // one of our orders is under way
	bool is_asked;    // by SIGHUP, since
	bool has_changed; // one of the files, since
	bool is_limited;  // it has been told that not all can be watched
	struct timer again;
};

// Begins to watch the policy's files, and looks at them once. mux_end_reloads comes before reload_close.
void reload_init(struct reload *reload, struct loop *loop, struct mux *mux);
// Twice is fine.
void reload_close(struct reload *reload);

// The operator asks for it.
void reload_now(struct reload *reload);

// After an order of somebody else's: other files may matter now.
void reload_follow(struct reload *reload);

#endif

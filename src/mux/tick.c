// SPDX-License-Identifier: Apache-2.0
#include "mux/tick.h"

enum { TICK_MS = 1000 };

static void on_tick(void *owner) {
	struct mux_worker *worker = owner;
	struct mux_version *version = mux_version_retain(worker->mux);
	worker->ticking_version = version->number;
	if (policy_has_tick(version->policy)) {
		policy_tick(version->policy, worker->index, loop_now_ms(worker->loop));
		timer_start(&worker->tick_timer, TICK_MS);
	}
	version_release(version);
}

void tick_init(struct mux_worker *worker) {
	timer_init(&worker->tick_timer, worker->loop, on_tick, worker);
}

// Versions are numbered in the order in which they run, and requests may come under an older one than the last.
void tick_note(struct mux_worker *worker, const struct mux_version *version) {
	if (version->number <= worker->ticking_version)
		return;
	worker->ticking_version = version->number;
	if (policy_has_tick(version->policy) && !timer_is_running(&worker->tick_timer))
		timer_start(&worker->tick_timer, TICK_MS);
}

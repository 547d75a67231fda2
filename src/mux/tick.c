// SPDX-License-Identifier: Apache-2.0
#include "mux/tick.h"

enum { TICK_MS = 1000 };

static void tick_on_timer(void *owner) {
	struct mux_worker *worker = owner;
	struct mux_version *version = mux_version_retain(worker->mux);
	if (policy_has_tick(version->policy)) {
		policy_tick(version->policy, worker->index, loop_now_ms(worker->loop));
		timer_start(&worker->tick_timer, TICK_MS);
	}
	version_release(version);
}

// On the worker's loop. Under a version without `tick` the timer is not restarted.
static void tick_start_if_needed(void *owner) {
	struct mux_worker *worker = owner;
	struct mux_version *version = mux_version_retain(worker->mux);
	if (policy_has_tick(version->policy) && !timer_is_running(&worker->tick_timer))
		timer_start(&worker->tick_timer, TICK_MS);
	version_release(version);
}

void tick_init(struct mux_worker *worker) {
	timer_init(&worker->tick_timer, worker->loop, tick_on_timer, worker);
	tick_start_if_needed(worker);
}

void tick_announce(struct mux *mux) {
	for (struct list *link = mux->worker_list.next; link != &mux->worker_list; link = link->next) {
		struct mux_worker *worker = LIST_OWNER(link, struct mux_worker, link);
		loop_post(worker->loop, tick_start_if_needed, worker);
	}
}

// SPDX-License-Identifier: Apache-2.0
#include "mux/tick.h"

enum { TICK_MS = 1000 };

static void on_tick(void *owner) {
	struct mux_worker *worker = owner;
	struct mux_version *version = mux_version_retain(worker->mux);
	if (policy_has_tick(version->policy)) {
		policy_tick(version->policy, worker->index, loop_now_ms(worker->loop));
		timer_start(&worker->tick_timer, TICK_MS);
	}
	version_release(version);
}

// On the worker's loop.
static void follow_version(void *owner) {
	struct mux_worker *worker = owner;
	struct mux_version *version = mux_version_retain(worker->mux);
	if (policy_has_tick(version->policy) && !timer_is_running(&worker->tick_timer))
		timer_start(&worker->tick_timer, TICK_MS);
	version_release(version);
}

void tick_init(struct mux_worker *worker) {
	timer_init(&worker->tick_timer, worker->loop, on_tick, worker);
	follow_version(worker);
}

void tick_announce(struct mux *mux) {
	for (struct list *link = mux->worker_list.next; link != &mux->worker_list; link = link->next) {
		struct mux_worker *worker = LIST_OWNER(link, struct mux_worker, link);
		loop_post(worker->loop, follow_version, worker);
	}
}

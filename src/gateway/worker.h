// SPDX-License-Identifier: Apache-2.0
// One thread's part of the gateway: its loop, its door, its part of the engine, and how it comes to its end. Belongs to
// its loop's thread once that runs.
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/memory_meter.h"
#include "gateway/data_listener.h"
#include "gateway/settings.h"
#include "mux/mux.h"
#include "net/loop.h"

// What the workers share; outlives them.
struct worker_plan {
	const struct settings *settings;
	struct mux *mux;
	size_t count;
	const char *instance;
	struct memory_meter *memory;
	const atomic_bool *is_draining;
	loop_callback on_finished; // a worker has nothing left to do; on its thread, once
	void *owner;
};

enum worker_phase {
	WORKER_SERVING,
	WORKER_DRAINING, // nobody new is let in
	WORKER_STOPPING, // every request has been ended; clients read the last bytes
	WORKER_CLOSED,
};

struct worker {
	const struct worker_plan *plan;
	struct loop *loop;
	struct mux_worker *mux_worker;
	struct data_listener data_listener;
	pthread_t thread;
	bool has_thread;
	enum worker_phase phase;
	struct timer phase_timer;  // ends the phase
	struct timer settle_timer; // looks again whether the engine's requests have ended
};

// 0, or ERROR_IO when the system gives no loop.
int worker_init(struct worker *worker, const struct worker_plan *plan, size_t index);

// Comes to an end as timeouts.drain_ms says; called again, it goes on to the next phase at once. A loop_callback.
void worker_drain(void *worker);

// Its thread has ended, or never began. One that was not initialised is fine.
void worker_free(struct worker *worker);

#endif

// SPDX-License-Identifier: Apache-2.0
// One thread's part of the gateway: its loop, its data listener, its part of the engine, and its drain. Belongs to its
// loop's thread once that runs.
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"
#include "gateway/data_listener.h"
#include "gateway/settings.h"
#include "mux/mux.h"
#include "net/loop.h"

// What the workers share; outlives them.
struct worker_plan {
	const struct settings *settings;
	struct mux *mux;
	size_t count;
	size_t connections;    // of clients, over all workers
	int descriptors_below; // see server_limits
	const char *instance;
	struct memory_meter *memory;
	struct client_places *clients;
	const atomic_bool *is_draining;
	loop_callback on_finished; // called once a worker has nothing left to do, on its thread
	void *owner;
};

enum worker_phase {
	WORKER_SERVING,
	WORKER_DRAINING, // no new connections
	WORKER_STOPPING, // every request has been ended; clients may read the last bytes
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
	struct timer settle_timer; // checks again whether the engine's requests have ended
};

// 0, or ERROR_IO if no event loop could be created.
int worker_init(struct worker *worker, const struct worker_plan *plan, size_t index);

// Begins the drain, which lasts up to timeouts.drain_ms; a further call starts the next phase at once. A loop_callback.
void worker_drain(void *worker);

// Called when its thread has ended or never began. A zeroed worker is allowed.
void worker_free(struct worker *worker);

#endif

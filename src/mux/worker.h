// SPDX-License-Identifier: Apache-2.0
// What each worker owns on its thread (connections, signer, random source, requests), and the mux that workers share.
#ifndef MUX_WORKER_H
#define MUX_WORKER_H

#include <pthread.h>

#include "aws/sigv4.h"
#include "base/buffer.h"
#include "base/problem.h"
#include "base/random.h"
#include "http/exchange.h"
#include "mux/history.h"
#include "mux/mux.h"
#include "mux/slice_queue.h"
#include "mux/version.h"
#include "route/wait_queue.h"

struct mux {
	struct mux_settings settings;
	struct registry *registry;
	struct retry_budget *retry_budget;
	struct shared_store *shared; // signalbox.shared
	pthread_mutex_t lock;        // guards the five below
	struct list worker_list;
	struct mux_version *version; // the running one
	struct history history;
	struct sources *last_read; // the last texts read from disk, valid or not; retained
	struct problems rejected;  // of the policy on disk; empty if it runs, or after an earlier version was restored
	// Replaced versions whose VMs are open and that requests may still pin, oldest first. Used only by the thread that
	// publishes versions: at start the caller of mux_new, then the reloader's.
	struct list old;
	struct trust *trust; // held for the endpoints with TLS; NULL until there is one. Used by the same threads
	struct reloader *reloader;
};

struct mux_worker {
	struct mux *mux;
	struct list link; // of mux->worker_list
	size_t index;
	struct loop *loop;
	struct upstreams *upstreams;
	struct sigv4_signer *signer;
	// Scratch buffer for signing, wiped after use. Allocated once: growing it would leave copies of secrets behind.
	struct buffer authorization;
	struct random_source random;
	size_t request_count;
	uint64_t arrivals; // number of requests so far
	struct slice_queue slices;
	struct wait_queue wait_queue;
	struct timer wait_queue_timer; // fires at wait_queue_next_ms
	uint64_t next_omission_log_ms; // when the next omitted edit may be logged
	uint64_t next_refusal_log_ms;  // and the next refused request
	struct timer tick_timer;       // runs while the running version has a `tick`
};

// Queues the request for a model, in order of arrival. Its turn comes at `wake_ms` at the latest.
void mux_worker_await(struct mux_worker *worker, struct waiter *waiter, uint64_t wake_ms);

// The running version, retained for the caller.
struct mux_version *mux_version_retain(struct mux *mux);

#endif

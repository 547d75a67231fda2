// SPDX-License-Identifier: Apache-2.0
// What a worker's thread owns: connections, signer, random source, requests. And the mux that workers share.
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
#include "mux/version.h"
#include "route/wait_queue.h"

struct mux {
	struct mux_settings settings;
	struct registry *registry;
	struct retry_budget *retry_budget;
	struct shared_store *shared; // what policies remember together
	pthread_mutex_t lock;        // guards the five below
	struct list worker_list;
	struct mux_version *version; // the running one
	struct history history;
	struct sources *last_read; // what was found on disk, good or bad, when it was read last; retained
	struct problems rejected;  // why the policy on disk doesn't run; empty when it does, or an earlier one was restored
	// Of whoever puts versions in place.
	struct list old; // versions that requests may still pin and whose VMs are open, oldest first
	struct reloader *reloader;
};

struct mux_worker {
	struct mux *mux;
	struct list link; // of mux->worker_list
	size_t index;
	struct loop *loop;
	struct upstreams *upstreams;
	struct sigv4_signer *signer;
	struct buffer authorization; // scratch of signing: allocated once, so that growing leaves no copy behind; wiped
	struct random_source random;
	size_t request_count;
	uint64_t arrivals; // requests so far
	struct wait_queue wait_queue;
	struct timer wait_queue_timer; // the next time of `wait_queue`
	uint64_t next_refusal_log_ms;  // of an edit that can't be made
	struct timer tick_timer;       // runs while the running version has a `tick`
};

// The request waits for a model, behind those that came before it, and asks at `ask_ms` at the latest.
void mux_worker_await(struct mux_worker *worker, struct waiter *waiter, uint64_t ask_ms);

// The running version, retained for the caller.
struct mux_version *mux_version_retain(struct mux *mux);

#endif

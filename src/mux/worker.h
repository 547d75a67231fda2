// SPDX-License-Identifier: Apache-2.0
// What a worker's thread owns: connections, signer, random source, requests. And the mux that workers share.
#ifndef MUX_WORKER_H
#define MUX_WORKER_H

#include <pthread.h>

#include "aws/sigv4.h"
#include "base/buffer.h"
#include "base/random.h"
#include "mux/mux.h"
#include "mux/version.h"
#include "net/exchange.h"

struct mux {
	size_t workers;
	size_t response_bytes, header_bytes, frame_bytes, hold_bytes;
	uint64_t connect_ms, pool_idle_ms;
	route_event_callback on_event;
	void *event_owner;
	struct registry *registry;
	pthread_mutex_t lock;        // guards `version`
	struct mux_version *version; // the running one
};

struct mux_worker {
	struct mux *mux;
	size_t index;
	struct loop *loop;
	struct upstreams *upstreams;
	struct sigv4_signer *signer;
	struct buffer authorization; // scratch of signing: allocated once, so that growing leaves no copy behind; wiped
	struct random_source random;
	size_t request_count;
};

// The running version, retained for the caller.
struct mux_version *mux_version_retain(struct mux *mux);

#endif

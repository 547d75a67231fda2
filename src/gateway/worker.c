// SPDX-License-Identifier: Apache-2.0
#include "gateway/worker.h"

#include "base/error.h"

enum {
	SETTLE_MS = 10,  // between checks of the engine's requests
	FLUSH_MS = 1000, // for clients to read the end of their responses
	HURRY_MS = 100,  // the same after a second signal
};

// Cancelled requests may need turns of the loop to end.
static void settle_requests(void *owner) {
	struct worker *worker = owner;
	if (mux_worker_requests(worker->mux_worker) > 0)
		timer_start(&worker->settle_timer, SETTLE_MS);
	else
		worker->plan->on_finished(worker->plan->owner);
}

static void close_listener(struct worker *worker) {
	if (worker->phase == WORKER_CLOSED)
		return;
	worker->phase = WORKER_CLOSED;
	timer_stop(&worker->phase_timer);
	data_listener_close(&worker->data_listener);
	settle_requests(worker);
}

static void stop_requests(struct worker *worker, uint64_t flush_ms) {
	worker->phase = WORKER_STOPPING;
	timer_start(&worker->phase_timer, flush_ms);
	data_listener_stop(&worker->data_listener);
}

static void on_phase_over(void *owner) {
	struct worker *worker = owner;
	if (worker->phase == WORKER_DRAINING)
		stop_requests(worker, FLUSH_MS);
	else
		close_listener(worker);
}

static void on_last_closed(void *owner) {
	close_listener(owner);
}

// Posted, since the server that calls back must not be closed from its own callback.
static void on_drained(void *owner) {
	struct worker *worker = owner;
	loop_post(worker->loop, on_last_closed, worker);
}

void worker_drain(void *owner) {
	struct worker *worker = owner;
	switch (worker->phase) {
	case WORKER_SERVING:
		worker->phase = WORKER_DRAINING;
		timer_start(&worker->phase_timer, worker->plan->settings->timeouts.drain_ms);
		data_listener_drain(&worker->data_listener, on_drained, worker);
		break;
	case WORKER_DRAINING:
		stop_requests(worker, HURRY_MS);
		break;
	case WORKER_STOPPING:
		close_listener(worker);
		break;
	case WORKER_CLOSED:
		break;
	}
}

int worker_init(struct worker *worker, const struct worker_plan *plan, size_t index) {
	const struct settings *settings = plan->settings;
	struct data_listener_settings listener = {
	    .instance = plan->instance,
	    .hosts = settings_request_hosts(settings),
	    .logs_access = settings->log.access,
	    .memory = plan->memory,
	    .is_draining = plan->is_draining,
	    .limits =
	        {
	            .header_bytes = settings->engine.limits.header_bytes,
	            .body_bytes = settings->engine.limits.body_bytes,
	            .memory = plan->memory,
	            .clients = plan->clients,
	            .rate = {(uint32_t)settings->timeouts.min_rate, LEAST_RATE_PERIOD_MS},
	            .connections = (plan->connections + plan->count - 1) / plan->count,
	            .descriptors_below = plan->descriptors_below,
	        },
	    .timeouts = settings_server_timeouts(settings),
	};
	worker->plan = plan;
	worker->loop = loop_new();
	if (!worker->loop)
		return ERROR_IO;
	timer_init(&worker->phase_timer, worker->loop, on_phase_over, worker);
	timer_init(&worker->settle_timer, worker->loop, settle_requests, worker);
	worker->mux_worker = mux_worker_new(plan->mux, index, worker->loop);
	data_listener_init(&worker->data_listener, worker->loop, plan->mux, worker->mux_worker, &listener);
	return 0;
}

void worker_free(struct worker *worker) {
	if (!worker->loop)
		return;
	timer_stop(&worker->phase_timer);
	timer_stop(&worker->settle_timer);
	data_listener_free(&worker->data_listener);
	mux_worker_free(worker->mux_worker);
	loop_close(worker->loop);
}

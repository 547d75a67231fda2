// SPDX-License-Identifier: Apache-2.0
#include "mux/mux.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "mux/version.h"
#include "mux/worker.h"

enum { AUTHORIZATION_BYTES = 16384 }; // a bearer token of several KB fits

int mux_new(const struct mux_settings *settings, struct problems *problems, struct mux **mux) {
	struct mux *made = memory_new(1, sizeof *made);
	made->workers = settings->workers;
	made->response_bytes = settings->response_bytes;
	made->header_bytes = settings->header_bytes;
	made->frame_bytes = settings->frame_bytes;
	made->hold_bytes = settings->hold_bytes;
	made->memory = settings->memory;
	made->connect_ms = settings->connect_ms;
	made->pool_idle_ms = settings->pool_idle_ms;
	made->on_event = settings->on_event;
	made->event_owner = settings->event_owner;
	made->registry = registry_new();
	pthread_mutex_init(&made->lock, NULL);

	struct policy *policy = NULL;
	int rc =
	    policy_load(settings->policy, &settings->policy_limits, settings->workers, made->registry, problems, &policy);
	if (rc == 0)
		rc = version_new(policy, settings, problems, &made->version);
	if (rc) {
		mux_free(made);
		made = NULL;
	}
	*mux = made;
	return rc;
}

void mux_free(struct mux *mux) {
	if (!mux)
		return;
	if (mux->version)
		version_release(mux->version);
	registry_free(mux->registry);
	pthread_mutex_destroy(&mux->lock);
	free(mux);
}

struct mux_version *mux_version_retain(struct mux *mux) {
	pthread_mutex_lock(&mux->lock);
	struct mux_version *version = mux->version;
	version_retain(version);
	pthread_mutex_unlock(&mux->lock);
	return version;
}

struct policy *mux_policy(struct mux *mux) {
	pthread_mutex_lock(&mux->lock);
	struct policy *policy = mux->version->policy;
	policy_retain(policy);
	pthread_mutex_unlock(&mux->lock);
	return policy;
}

static void on_waiting_due(void *owner) {
	struct mux_worker *worker = owner;
	uint64_t now_ms = loop_now_ms(worker->loop);
	waiting_ask(&worker->waiting, now_ms);
	uint64_t next_ms = waiting_next_ms(&worker->waiting);
	if (next_ms == UINT64_MAX)
		timer_stop(&worker->waiting_timer);
	else
		timer_start(&worker->waiting_timer, next_ms > now_ms ? next_ms - now_ms : 0);
}

void mux_worker_await(struct mux_worker *worker, struct waiter *waiter, uint64_t ask_ms) {
	uint64_t now_ms = loop_now_ms(worker->loop);
	waiting_join(&worker->waiting, waiter, ask_ms);
	if (!timer_is_running(&worker->waiting_timer) || worker->waiting_timer.due_ms > ask_ms)
		timer_start(&worker->waiting_timer, ask_ms > now_ms ? ask_ms - now_ms : 0);
}

struct mux_worker *mux_worker_new(struct mux *mux, size_t index, struct loop *loop) {
	assert(index < mux->workers);
	struct mux_worker *worker = memory_new(1, sizeof *worker);
	worker->mux = mux;
	worker->index = index;
	worker->loop = loop;
	worker->upstreams = upstreams_new(loop, &(struct upstream_settings){
	                                            .connect_ms = mux->connect_ms,
	                                            .pool_idle_ms = mux->pool_idle_ms,
	                                            .header_bytes = mux->header_bytes,
	                                        });
	worker->signer = sigv4_signer_new();
	buffer_init(&worker->authorization, AUTHORIZATION_BYTES);
	if (buffer_reserve(&worker->authorization, AUTHORIZATION_BYTES))
		abort();
	random_init_from_system(&worker->random);
	waiting_init(&worker->waiting);
	timer_init(&worker->waiting_timer, loop, on_waiting_due, worker);
	struct policy *policy = mux_policy(mux);
	policy_on_event(policy, index, mux->on_event, mux->event_owner);
	policy_release(policy);
	return worker;
}

void mux_worker_free(struct mux_worker *worker) {
	assert(worker->request_count == 0 && waiting_is_empty(&worker->waiting));
	timer_stop(&worker->waiting_timer);
	upstreams_free(worker->upstreams);
	sigv4_signer_free(worker->signer);
	buffer_free_secret(&worker->authorization);
	free(worker);
}

size_t mux_worker_requests(const struct mux_worker *worker) {
	return worker->request_count;
}

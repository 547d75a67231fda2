// SPDX-License-Identifier: Apache-2.0
#include "mux/mux.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/problem.h"
#include "mux/reload.h"
#include "mux/tick.h"
#include "mux/version.h"
#include "mux/worker.h"
#include "net/trust.h"
#include "policy/shared.h"
#include "route/retry_budget.h"
#include "sandbox/sources.h"

enum { AUTHORIZATION_BYTES = 16384 }; // fits a bearer token of several KB

int mux_new(const struct mux_settings *settings, struct problems *problems, struct mux **mux) {
	struct mux *made = memory_new(1, sizeof *made);
	made->settings = *settings;
	made->registry = registry_new();
	made->retry_budget = retry_budget_new();
	made->shared = shared_new();
	made->reloader = reloader_new(made);
	pthread_mutex_init(&made->lock, NULL);
	list_init(&made->old);
	list_init(&made->worker_list);
	int rc = version_first(made, problems);
	if (rc) {
		mux_free(made);
		made = NULL;
	}
	*mux = made;
	return rc;
}

void mux_end_reloads(struct mux *mux) {
	if (mux)
		reloader_stop(mux->reloader);
}

void mux_free(struct mux *mux) {
	if (!mux)
		return;
	reloader_stop(mux->reloader);
	versions_free(mux);
	reloader_free(mux->reloader);
	registry_free(mux->registry);
	retry_budget_free(mux->retry_budget);
	shared_free(mux->shared);
	if (mux->trust)
		trust_release(mux->trust);
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

void mux_view_policy(struct mux *mux, mux_policy_viewer viewer, void *owner) {
	pthread_mutex_lock(&mux->lock);
	viewer(owner, &(struct mux_policy_view){mux->version->policy, &mux->history, &mux->rejected});
	pthread_mutex_unlock(&mux->lock);
}

static void worker_on_wait_queue_due(void *owner) {
	struct mux_worker *worker = owner;
	uint64_t now_ms = loop_now_ms(worker->loop);
	wait_queue_wake(&worker->wait_queue, now_ms);
	uint64_t next_ms = wait_queue_next_ms(&worker->wait_queue);
	if (next_ms == UINT64_MAX)
		timer_stop(&worker->wait_queue_timer);
	else
		timer_start(&worker->wait_queue_timer, next_ms > now_ms ? next_ms - now_ms : 0);
}

void mux_worker_await(struct mux_worker *worker, struct waiter *waiter, uint64_t wake_ms) {
	uint64_t now_ms = loop_now_ms(worker->loop);
	wait_queue_join(&worker->wait_queue, waiter, wake_ms);
	if (!timer_is_running(&worker->wait_queue_timer) || worker->wait_queue_timer.due_ms > wake_ms)
		timer_start(&worker->wait_queue_timer, wake_ms > now_ms ? wake_ms - now_ms : 0);
}

struct mux_worker *mux_worker_new(struct mux *mux, size_t index, struct loop *loop) {
	assert(index < mux->settings.workers);
	struct mux_worker *worker = memory_new(1, sizeof *worker);
	worker->mux = mux;
	worker->index = index;
	worker->loop = loop;
	const struct engine_options *options = mux->settings.options;
	worker->upstreams = upstreams_new(loop, &(struct upstream_settings){
	                                            .connect_ms = options->timeouts.connect_ms,
	                                            .pool_idle_ms = options->timeouts.pool_idle_ms,
	                                            .header_bytes = options->limits.header_bytes,
	                                            .proxy = options->proxy,
	                                        });
	worker->signer = sigv4_signer_new();
	buffer_init(&worker->authorization, AUTHORIZATION_BYTES);
	if (buffer_reserve(&worker->authorization, AUTHORIZATION_BYTES))
		abort();
	random_init_from_system(&worker->random);
	slice_queue_init(&worker->slices, loop);
	wait_queue_init(&worker->wait_queue);
	timer_init(&worker->wait_queue_timer, loop, worker_on_wait_queue_due, worker);
	// Before tick_init, so that a version that is published in between is announced to this worker.
	pthread_mutex_lock(&mux->lock);
	list_append(&mux->worker_list, &worker->link);
	pthread_mutex_unlock(&mux->lock);
	tick_init(worker);
	return worker;
}

void mux_worker_free(struct mux_worker *worker) {
	assert(worker->request_count == 0 && wait_queue_is_empty(&worker->wait_queue));
	pthread_mutex_lock(&worker->mux->lock);
	list_remove(&worker->link);
	pthread_mutex_unlock(&worker->mux->lock);
	timer_stop(&worker->wait_queue_timer);
	timer_stop(&worker->tick_timer);
	upstreams_free(worker->upstreams);
	sigv4_signer_free(worker->signer);
	buffer_free_secret(&worker->authorization);
	free(worker);
}

size_t mux_worker_requests(const struct mux_worker *worker) {
	return worker->request_count;
}

// SPDX-License-Identifier: Apache-2.0
#include "mux/mux.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "mux/edition.h"
#include "mux/reload.h"
#include "mux/tick.h"
#include "mux/version.h"
#include "mux/worker.h"
#include "policy/shared.h"
#include "route/retry_budget.h"
#include "sandbox/sources.h"

enum { AUTHORIZATION_BYTES = 16384 }; // a bearer token of several KB fits

int mux_new(const struct mux_settings *settings, struct problems *problems, struct mux **mux) {
	struct mux *made = memory_new(1, sizeof *made);
	made->settings = *settings;
	made->registry = registry_new();
	made->retry_budget = retry_budget_new();
	made->shared = shared_new();
	made->reloader = reloader_new(made);
	pthread_mutex_init(&made->lock, NULL);
	list_init(&made->old);
	int rc = edition_first(made, problems);
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
	edition_end(mux);
	reloader_free(mux->reloader);
	registry_free(mux->registry);
	retry_budget_free(mux->retry_budget);
	shared_free(mux->shared);
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

static size_t add_files(const struct sources *sources, char **files, size_t count) {
	for (size_t i = 0; i < sources->count; i++) {
		struct source_view source = sources_at(sources, i);
		if (source.is_file)
			files[count++] = memory_string(slice_from(source.path));
	}
	return count;
}

char **mux_policy_files(struct mux *mux) {
	pthread_mutex_lock(&mux->lock);
	const struct sources *running = policy_sources(mux->version->policy);
	const struct sources *last_read = mux->last_read;
	char **files = memory_new(running->count + last_read->count + 1, sizeof *files);
	size_t count = add_files(running, files, 0);
	if (last_read != running)
		add_files(last_read, files, count);
	pthread_mutex_unlock(&mux->lock);
	return files;
}

void mux_free_files(char **files) {
	for (char **file = files; *file; file++)
		free(*file);
	free(files);
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
	waiting_init(&worker->waiting);
	timer_init(&worker->waiting_timer, loop, on_waiting_due, worker);
	struct mux_version *version = mux_version_retain(mux);
	tick_init(worker);
	tick_note(worker, version);
	version_release(version);
	return worker;
}

void mux_worker_free(struct mux_worker *worker) {
	assert(worker->request_count == 0 && waiting_is_empty(&worker->waiting));
	timer_stop(&worker->waiting_timer);
	timer_stop(&worker->tick_timer);
	upstreams_free(worker->upstreams);
	sigv4_signer_free(worker->signer);
	buffer_free_secret(&worker->authorization);
	free(worker);
}

size_t mux_worker_requests(const struct mux_worker *worker) {
	return worker->request_count;
}

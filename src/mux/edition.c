// SPDX-License-Identifier: Apache-2.0
#include "mux/edition.h"

#include <inttypes.h>
#include <stdlib.h>

#include "aws/digest.h"
#include "base/clock.h"
#include "base/log.h"
#include "mux/body_reader.h"
#include "mux/history.h"
#include "mux/reload.h"
#include "mux/version.h"
#include "mux/worker.h"
#include "sandbox/sources.h"

enum { OLD_MAX = 8, TEXT_BYTES = 32 << 20, LOGGED_PROBLEMS = 10 };

// The texts one after the other, as `cat FILE MODULE... | sha256sum` would have it. Empty where that can't be told.
static void hash_sources(const struct sources *sources, char hash[VERSION_HASH_BYTES]) {
	uint8_t sum[DIGEST_BYTES];
	struct digest *digest = digest_new();
	struct buffer all;
	buffer_init(&all, TEXT_BYTES);
	for (size_t i = 0; i < sources->count; i++)
		buffer_append(&all, sources_at(sources, i).text);
	*hash = '\0';
	if (digest && !all.failed && digest_sha256(digest, buffer_slice(&all), sum) == 0)
		digest_hex(sum, hash);
	buffer_free_secret(&all);
	digest_free(digest);
}

// A whole version out of texts, unpublished. 0, or a status with problems.
static int build(struct mux *mux, struct sources *sources, struct problems *problems, struct mux_version **version) {
	struct policy *policy;
	struct policy_host host = {mux->registry, mux->shared, &mux_body_reader, clock_now_ms()};
	int rc = policy_build(sources, &mux->settings.policy_limits, mux->workers, &host, problems, &policy);
	if (rc)
		return rc;
	for (size_t i = 0; i < mux->workers; i++)
		policy_on_event(policy, i, mux->on_event, mux->event_owner);
	rc = version_new(policy, &mux->settings, problems, version);
	if (rc)
		return rc;
	hash_sources(sources, (*version)->hash);
	size_t before = problems->count;
	if (mux->settings.check_policy)
		mux->settings.check_policy(mux->settings.check_owner, policy, problems);
	if (problems->count == before)
		return 0;
	version_release(*version);
	return ERROR_INVALID;
}

// Requests of the oldest versions beyond the limit are left to the defaults, so that few VMs are open.
static void retire_oldest(struct mux *mux) {
	size_t count = 0;
	for (struct list *link = mux->old.next; link != &mux->old; link = link->next)
		count++;
	for (; count > OLD_MAX; count--) {
		struct mux_version *oldest = LIST_OWNER(mux->old.next, struct mux_version, link);
		list_remove(&oldest->link);
		policy_retire(oldest->policy);
	}
}

static void publish(struct mux *mux, struct mux_version *version, struct sources *sources, uint64_t restores) {
	struct history_entry entry = {.restores = restores, .since_wall_ms = clock_wall_ms(), .sources = sources};
	memcpy(entry.hash, version->hash, sizeof entry.hash);
	version->on_unused = reloader_take_unused;
	version->keeper = mux->reloader;
	sources_retain(sources);
	pthread_mutex_lock(&mux->lock);
	struct mux_version *before = mux->version;
	version->number = before ? before->number + 1 : 1;
	entry.number = version->number;
	mux->version = version;
	struct sources *gone = history_add(&mux->history, &entry);
	struct problems rejected = mux->rejected;
	mux->rejected = (struct problems){0};
	pthread_mutex_unlock(&mux->lock);
	sources_release(gone);
	problems_free(&rejected);
	if (!before)
		return;
	list_append(&mux->old, &before->link);
	retire_oldest(mux);
	version_release(before);
}

static void note_read(struct mux *mux, struct sources *sources) {
	sources_retain(sources);
	pthread_mutex_lock(&mux->lock);
	struct sources *before = mux->last_read;
	mux->last_read = sources;
	pthread_mutex_unlock(&mux->lock);
	sources_release(before);
}

int edition_first(struct mux *mux, struct problems *problems) {
	struct sources *sources = sources_new(mux->settings.policy);
	struct mux_version *version;
	int rc = build(mux, sources, problems, &version);
	if (rc == 0) {
		note_read(mux, sources);
		publish(mux, version, sources, 0);
	}
	sources_release(sources);
	return rc;
}

static void copy_problems(const struct problems *from, struct problems *to) {
	for (size_t i = 0; i < from->count; i++) {
		const struct problem *problem = &from->list[i];
		problems_add(to, problem->file, problem->line, problem->field, problem->expected, problem->found);
	}
	to->dropped = from->dropped;
}

static void log_problem(const struct problem *problem, size_t number, size_t problems) {
	struct log_field fields[8];
	size_t count = 0;
	fields[count++] = LOG_C("file", problem->file);
	if (problem->line)
		fields[count++] = LOG_N("line", problem->line);
	fields[count++] = LOG_C("field", problem->field);
	fields[count++] = LOG_C("expected", problem->expected);
	fields[count++] = LOG_C("found", problem->found);
	fields[count++] = LOG_N("problem", number);
	fields[count++] = LOG_N("problems", problems);
	fields[count] = LOG_NONE_;
	log_write(LOG_ERROR, "policy rejected", fields);
}

static void log_rejected(const struct problems *problems) {
	for (size_t i = 0; i < problems->count && i < LOGGED_PROBLEMS; i++)
		log_problem(&problems->list[i], i + 1, problems->count + problems->dropped);
}

static void reject(struct mux *mux, const struct problems *problems) {
	struct problems kept = {0};
	copy_problems(problems, &kept);
	pthread_mutex_lock(&mux->lock);
	struct problems before = mux->rejected;
	mux->rejected = kept;
	pthread_mutex_unlock(&mux->lock);
	problems_free(&before);
	log_rejected(problems);
}

static void replace(struct mux *mux, struct sources *sources, uint64_t restores, struct mux_reloaded *result) {
	struct mux_version *version;
	result->status = build(mux, sources, &result->problems, &version);
	if (result->status) {
		reject(mux, &result->problems);
		return;
	}
	publish(mux, version, sources, restores);
	result->is_new = true;
	const struct log_field fields[] = {
	    LOG_N("version", version->number),
	    LOG_C("hash", version->hash),
	    LOG_C("source", policy_source(version->policy)),
	    LOG_N("models", policy_pool(version->policy)->count),
	    restores ? LOG_N("restores", restores) : LOG_NONE_,
	    LOG_NONE_,
	};
	log_write(LOG_INFO, "policy reloaded", fields);
}

static void restore(struct mux *mux, uint64_t number, struct mux_reloaded *result) {
	struct sources *sources = NULL;
	pthread_mutex_lock(&mux->lock);
	const struct history_entry *entry = history_find(&mux->history, number);
	if (entry) {
		sources = entry->sources;
		sources_retain(sources);
	}
	pthread_mutex_unlock(&mux->lock);
	if (sources)
		replace(mux, sources, number, result);
	else
		result->status = ERROR_NOT_FOUND;
	sources_release(sources);
}

// Whether disk says what it said when it was read last, or what runs.
static bool is_unchanged(struct mux *mux) {
	// Only this thread changes what these point to.
	struct sources *running = policy_sources(mux->version->policy);
	if (sources_are_current(mux->last_read))
		return true;
	if (!sources_are_current(running))
		return false;
	note_read(mux, running);
	pthread_mutex_lock(&mux->lock);
	struct problems rejected = mux->rejected;
	mux->rejected = (struct problems){0};
	pthread_mutex_unlock(&mux->lock);
	problems_free(&rejected);
	return true;
}

static void read_again(struct mux *mux, struct mux_reloaded *result) {
	struct sources *sources = sources_new(mux->settings.policy);
	replace(mux, sources, 0, result);
	note_read(mux, sources);
	sources_release(sources);
}

void edition_renew(struct mux *mux, const struct mux_reload_order *order, struct mux_reloaded *result) {
	*result = (struct mux_reloaded){0};
	if (order->to)
		restore(mux, order->to, result);
	else if (!order->if_changed || !is_unchanged(mux))
		read_again(mux, result);
	result->version = mux->version->number;
	result->models = policy_pool(mux->version->policy)->count;
	memcpy(result->hash, mux->version->hash, sizeof result->hash);
}

void edition_bury(struct mux_version *version) {
	list_remove(&version->link);
	version_free(version);
}

void edition_end(struct mux *mux) {
	if (mux->version)
		version_release(mux->version);
	sources_release(mux->last_read);
	history_free(&mux->history);
	problems_free(&mux->rejected);
}

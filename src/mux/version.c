// SPDX-License-Identifier: Apache-2.0
#include "mux/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/digest.h"
#include "aws/endpoint.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/problem.h"
#include "mux/body_reader.h"
#include "mux/history.h"
#include "mux/reload.h"
#include "mux/tick.h"
#include "mux/worker.h"
#include "net/trust.h"
#include "sandbox/sources.h"

enum {
	FIELD_BYTES = 64,
	OLD_MAX = 8,           // replaced versions with open VMs
	TEXT_BYTES = 32 << 20, // of a version's sources
	LOGGED_PROBLEMS = 10,
};

static struct credentials_source *find_credentials(const struct mux_settings *settings, const char *name) {
	const struct credentials_sources *credentials = settings->credentials;
	if (!name)
		return credentials->own;
	for (size_t i = 0; i < credentials->set_count; i++)
		if (strcmp(credentials->sets[i].name, name) == 0)
			return credentials->sets[i].source;
	return NULL;
}

// The target of a model, or, if it is NULL, of the settings alone. `place` is the prefix of fields in problems.
static int resolve_target(const struct model *model, const struct mux_settings *settings, const char *place,
                          const char *file, struct problems *problems, struct target *target) {
	char field[2 * FIELD_BYTES];
	int line = model ? model->line : 0;
	const char *region = model && model->region ? model->region : settings->options->region;
	const char *override = model && model->endpoint ? model->endpoint : settings->options->endpoint;
	struct endpoint endpoint;
	const char *expected = NULL;
	int rc =
	    endpoint_resolve(slice_from(region), slice_from(override), (struct endpoint_variant){0}, &endpoint, &expected);
	if (rc) {
		snprintf(field, sizeof field, "%s%s", place, override ? "endpoint" : "region");
		problems_add(problems, file, line, field, expected, override ? override : region);
		return ERROR_INVALID;
	}
	if (!endpoint.tls && !endpoint_is_loopback(&endpoint) && !settings->options->allow_plaintext) {
		snprintf(field, sizeof field, "%sendpoint", place);
		problems_add(problems, file, line, field, "https:// (or allow_plaintext in the settings)", override);
		return ERROR_INVALID;
	}
	struct credentials_source *credentials = find_credentials(settings, model ? model->credentials : NULL);
	if (!credentials) {
		snprintf(field, sizeof field, "%scredentials", place);
		problems_add(problems, file, line, field, "the name of one of the settings' credential_sets",
		             model->credentials);
		return ERROR_INVALID;
	}
	*target = (struct target){
	    .tls = endpoint.tls,
	    .host = memory_string(slice_from(endpoint.host)),
	    .port = endpoint.port,
	    .authority = memory_string(slice_from(endpoint.authority)),
	    .base_path = memory_string(slice_from(endpoint.base_path)),
	    .region = memory_string(slice_from(region)),
	    .credentials = credentials,
	};
	return 0;
}

static void target_free(struct target *target) {
	free(target->host);
	free(target->authority);
	free(target->base_path);
	free(target->region);
}

// Resolves the targets of the settings and of all models. Returns 0, or ERROR_INVALID with a problem for each that is
// wrong.
static int resolve_targets(struct mux_version *version, const struct mux_settings *settings,
                           struct problems *problems) {
	const struct pool *pool = policy_pool(version->policy);
	version->targets = memory_new(pool->count, sizeof *version->targets);
	version->target_count = pool->count;
	// Every model would repeat a problem of the settings.
	int rc = resolve_target(NULL, settings, "", "settings", problems, &version->own);
	if (rc)
		return rc;
	for (size_t i = 0; i < pool->count; i++) {
		char place[FIELD_BYTES];
		snprintf(place, sizeof place, "models[%zu].", i + 1);
		rc |= resolve_target(&pool->models[i], settings, place, policy_source(version->policy), problems,
		                     &version->targets[i]);
	}
	return rc ? ERROR_INVALID : 0;
}

// Reads the trusted certificates while no request waits for them.
static void prepare_trust(struct mux *mux, const struct mux_version *version) {
	bool needed = version->own.tls;
	for (size_t i = 0; i < version->target_count; i++)
		needed = needed || version->targets[i].tls;
	if (needed && !mux->trust)
		mux->trust = trust_take(NULL);
}

// Hashes the concatenated texts, as `cat FILE MODULE... | sha256sum` does. Empty on failure.
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

static int check_policy(struct mux *mux, const struct policy *policy, struct problems *problems) {
	size_t before = problems->count;
	if (mux->settings.check_policy)
		mux->settings.check_policy(mux->settings.check_owner, policy, problems);
	return problems->count == before ? 0 : ERROR_INVALID;
}

// Builds a whole version from texts, without publishing it. Returns 0, or an error code with problems.
static int build_version(struct mux *mux, struct sources *sources, struct problems *problems,
                         struct mux_version **out) {
	struct policy *policy;
	struct policy_host host = {
	    .registry = mux->registry,
	    .shared = mux->shared,
	    .bodies = &mux_body_reader,
	    .clock = &clock_system,
	    .now_ms = clock_now_ms(),
	};
	int rc =
	    policy_build(sources, &mux->settings.options->policy_limits, mux->settings.workers, &host, problems, &policy);
	if (rc)
		return rc;
	policy_set_observers(policy, mux->settings.observers);
	struct mux_version *version = memory_new(1, sizeof *version);
	version->references = 1;
	list_init(&version->link);
	list_init(&version->unused_link);
	version->policy = policy;
	hash_sources(sources, version->hash);
	rc = resolve_targets(version, &mux->settings, problems);
	if (rc == 0)
		rc = check_policy(mux, policy, problems);
	if (rc) {
		version_release(version);
		return rc;
	}
	prepare_trust(mux, version);
	*out = version;
	return 0;
}

// Closes the VMs of the oldest versions beyond the limit; the defaults decide the rest of their requests.
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

// Takes over the problems and frees the former ones.
static void set_rejected(struct mux *mux, struct problems rejected) {
	pthread_mutex_lock(&mux->lock);
	struct problems before = mux->rejected;
	mux->rejected = rejected;
	pthread_mutex_unlock(&mux->lock);
	problems_free(&before);
}

// Replaces the running version in one step.
static void publish_version(struct mux *mux, struct mux_version *version, struct sources *sources, uint64_t restores) {
	struct history_entry entry = {.restores = restores, .since_wall_ms = clock_wall_ms(), .sources = sources};
	memcpy(entry.hash, version->hash, sizeof entry.hash);
	version->reloader = mux->reloader;
	sources_retain(sources);
	pthread_mutex_lock(&mux->lock);
	struct mux_version *before = mux->version;
	version->number = before ? before->number + 1 : 1;
	entry.number = version->number;
	mux->version = version;
	struct sources *dropped = history_add(&mux->history, &entry);
	struct problems rejected = mux->rejected;
	mux->rejected = (struct problems){0};
	tick_announce(mux);
	pthread_mutex_unlock(&mux->lock);
	sources_release(dropped);
	problems_free(&rejected);
	if (!before)
		return;
	list_append(&mux->old, &before->link);
	retire_oldest(mux);
	version_release(before);
}

static void set_last_read(struct mux *mux, struct sources *sources) {
	sources_retain(sources);
	pthread_mutex_lock(&mux->lock);
	struct sources *before = mux->last_read;
	mux->last_read = sources;
	pthread_mutex_unlock(&mux->lock);
	sources_release(before);
}

int version_first(struct mux *mux, struct problems *problems) {
	struct sources *sources = sources_new(mux->settings.options->policy);
	struct mux_version *version;
	int rc = build_version(mux, sources, problems, &version);
	if (rc == 0) {
		set_last_read(mux, sources);
		publish_version(mux, version, sources, 0);
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

// Fields without a value are left out.
static size_t add_text(struct log_field *fields, size_t count, const char *name, const char *text) {
	if (*text)
		fields[count++] = LOG_C(name, text);
	return count;
}

static void log_problem(const struct problem *problem, size_t number, size_t problems) {
	struct log_field fields[8];
	size_t count = 0;
	count = add_text(fields, count, "file", problem->file);
	if (problem->line)
		fields[count++] = LOG_N("line", problem->line);
	count = add_text(fields, count, "field", problem->field);
	count = add_text(fields, count, "expected", problem->expected);
	count = add_text(fields, count, "found", problem->found);
	fields[count++] = LOG_N("problem", number);
	fields[count++] = LOG_N("problems", problems);
	fields[count] = LOG_NONE_;
	log_write(LOG_ERROR, "policy rejected", fields);
}

static void log_rejected(const struct problems *problems) {
	for (size_t i = 0; i < problems->count && i < LOGGED_PROBLEMS; i++)
		log_problem(&problems->list[i], i + 1, problems->count + problems->dropped);
}

static void reject_version(struct mux *mux, const struct problems *problems) {
	struct problems kept = {0};
	copy_problems(problems, &kept);
	set_rejected(mux, kept);
	log_rejected(problems);
}

static void replace_version(struct mux *mux, struct sources *sources, uint64_t restores, struct mux_reloaded *result) {
	struct mux_version *version;
	result->status = build_version(mux, sources, &result->problems, &version);
	if (result->status) {
		reject_version(mux, &result->problems);
		return;
	}
	publish_version(mux, version, sources, restores);
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

static void restore_version(struct mux *mux, uint64_t number, struct mux_reloaded *result) {
	struct sources *sources = NULL;
	pthread_mutex_lock(&mux->lock);
	const struct history_entry *entry = history_find(&mux->history, number);
	if (entry) {
		sources = entry->sources;
		sources_retain(sources);
	}
	pthread_mutex_unlock(&mux->lock);
	if (sources)
		replace_version(mux, sources, number, result);
	else
		result->status = ERROR_NOT_FOUND;
	sources_release(sources);
}

// Whether the files differ from what was last read and from the running version. If they are the running version's
// again, the problems of the version in between are forgotten.
static enum sources_look compare_files(struct mux *mux) {
	// Only this thread changes these pointers, so it reads them without the lock.
	struct sources *running = policy_sources(mux->version->policy);
	enum sources_look look = sources_look(mux->last_read);
	if (look != SOURCES_CHANGED)
		return look;
	if (sources_are_current(mux->last_read))
		return SOURCES_SAME;
	if (!sources_are_current(running))
		return SOURCES_CHANGED;
	set_last_read(mux, running);
	set_rejected(mux, (struct problems){0});
	return SOURCES_SAME;
}

static void reload_files(struct mux *mux, struct mux_reloaded *result) {
	struct sources *sources = sources_new(mux->settings.options->policy);
	replace_version(mux, sources, 0, result);
	set_last_read(mux, sources);
	sources_release(sources);
}

void version_renew(struct mux *mux, const struct mux_reload_order *order, struct mux_reloaded *result) {
	*result = (struct mux_reloaded){0};
	if (order->also)
		order->also(order->also_owner);
	enum sources_look look = order->if_changed ? compare_files(mux) : SOURCES_CHANGED;
	result->is_changing = look == SOURCES_CHANGING;
	if (order->to)
		restore_version(mux, order->to, result);
	else if (look == SOURCES_CHANGED)
		reload_files(mux, result);
	result->version = mux->version->number;
	result->models = policy_pool(mux->version->policy)->count;
	memcpy(result->hash, mux->version->hash, sizeof result->hash);
}

void versions_free(struct mux *mux) {
	if (mux->version)
		version_release(mux->version);
	sources_release(mux->last_read);
	history_free(&mux->history);
	problems_free(&mux->rejected);
}

void version_retain(struct mux_version *version) {
	version->references++;
}

void version_release(struct mux_version *version) {
	if (--version->references > 0)
		return;
	if (version->reloader)
		reloader_take_version(version->reloader, version);
	else
		version_free(version);
}

void version_free(struct mux_version *version) {
	list_remove(&version->link);
	target_free(&version->own);
	for (size_t i = 0; i < version->target_count; i++)
		target_free(&version->targets[i]);
	free(version->targets);
	policy_release(version->policy);
	free(version);
}

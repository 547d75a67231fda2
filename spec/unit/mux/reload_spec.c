// SPDX-License-Identifier: Apache-2.0
// Reloads of a mux without requests: each reports once, in order, also if reloads are stopped meanwhile. Pinned
// versions stay, unpinned ones are freed.
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../check.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/problem.h"
#include "mux/mux.h"
#include "mux/version.h"
#include "mux/worker.h"
#include "route/request.h"

enum { GUARD_MS = 20000, ORDERS = 40 };

#define GOOD "return { models = { { id = 'a' } }, classify = function() return 'fail' end }"

struct fixture {
	char folder[64];
	char path[96];
	char region[16];
	struct engine_options options;
	struct credentials_sources credentials;
	struct loop *loop;
	struct timer patience; // keeps the loop running
	struct mux *mux;
	struct timer guard;
	int done, good, stopped, wanted;
	struct observers observers;
	int reloaded, rejected;    // events
	uint64_t reloaded_version; // in the last of the former
	struct mux_reloaded last;
	size_t problems; // of the last one
};

static void write_policy(struct fixture *fixture, const char *text) {
	FILE *file = fopen(fixture->path, "w");
	if (!file)
		abort();
	fputs(text, file);
	fclose(file);
}

static void observe(void *owner, const struct event *event) {
	struct fixture *fixture = owner;
	if (event->kind == EVENT_POLICY_RELOADED) {
		fixture->reloaded++;
		CHECK(event->reloaded.models > 0);
		CHECK_INT(strlen(event->reloaded.hash), VERSION_HASH_BYTES - 1);
		fixture->reloaded_version = event->reloaded.version;
	} else {
		fixture->rejected++;
		CHECK(event->rejected.problems->count > 0);
	}
}

static void on_guard(void *owner) {
	loop_stop(owner);
}

static void open_fixture(struct fixture *fixture, const char *policy) {
	*fixture = (struct fixture){.folder = "/tmp/reload-spec-XXXXXX", .region = "us-east-1", .loop = loop_new()};
	struct problems problems = {0};
	log_configure(LOG_OFF, LOG_TEXT);
	if (!mkdtemp(fixture->folder))
		abort();
	snprintf(fixture->path, sizeof fixture->path, "%s/p.lua", fixture->folder);
	struct credentials *credentials = credentials_new("AKIDEXAMPLE", "secret", NULL, NULL);
	fixture->credentials.own = credentials_source_static(credentials);
	credentials_release(credentials);
	write_policy(fixture, policy);
	fixture->options = (struct engine_options){
	    .policy = fixture->path, .policy_limits = {100000, 16 << 20}, .region = fixture->region};
	struct mux_settings settings = {
	    .options = &fixture->options,
	    .credentials = &fixture->credentials,
	    .workers = 2,
	    .observers = &fixture->observers,
	};
	const unsigned kinds = event_bit(EVENT_POLICY_RELOADED) | event_bit(EVENT_POLICY_REJECTED);
	observers_add(&fixture->observers, (struct observer){observe, fixture, kinds});
	CHECK_INT(mux_new(&settings, &problems, &fixture->mux), 0);
	timer_init(&fixture->guard, fixture->loop, on_guard, fixture->loop);
}

static void close_fixture(struct fixture *fixture) {
	char command[128];
	loop_close(fixture->loop);
	mux_free(fixture->mux);
	credentials_source_free(fixture->credentials.own);
	snprintf(command, sizeof command, "rm -r %s", fixture->folder);
	if (system(command))
		abort();
}

static void on_done(void *owner, const struct mux_reloaded *reloaded) {
	struct fixture *fixture = owner;
	fixture->done++;
	fixture->good += reloaded->status == 0;
	fixture->stopped += reloaded->status == ERROR_BUSY;
	fixture->last = *reloaded;
	fixture->problems = reloaded->problems.count;
	if (fixture->done == fixture->wanted)
		loop_stop(fixture->loop);
}

static void await(struct fixture *fixture, int wanted) {
	fixture->wanted = wanted;
	timer_start(&fixture->guard, GUARD_MS);
	if (fixture->done < wanted)
		loop_run(fixture->loop);
	timer_stop(&fixture->guard);
	CHECK_INT(fixture->done, wanted);
}

static const struct mux_reloaded *reload(struct fixture *fixture, struct mux_reload_order order) {
	CHECK_INT(mux_reload(fixture->mux, fixture->loop, order, on_done, fixture), 0);
	await(fixture, fixture->done + 1);
	return &fixture->last;
}

TEST(each_reload_reports_once_and_too_many_are_refused) {
	struct fixture fixture;
	open_fixture(&fixture, GOOD);
	int taken = 0, refused = 0;
	for (int i = 0; i < ORDERS; i++) {
		int rc = mux_reload(fixture.mux, fixture.loop, (struct mux_reload_order){0}, on_done, &fixture);
		taken += rc == 0;
		refused += rc == ERROR_BUSY;
	}
	CHECK_INT(taken + refused, ORDERS);
	CHECK(taken >= 16);
	await(&fixture, taken);
	CHECK_INT(fixture.good, taken);
	CHECK_INT(fixture.last.version, 1 + taken);
	CHECK_INT(fixture.reloaded, taken);
	CHECK_INT(fixture.reloaded_version, fixture.last.version);
	close_fixture(&fixture);
}

static bool refuses_threads;

// The linker finds this one before the C library's.
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
	typedef int create_thread(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	create_thread *next = (create_thread *)dlsym(RTLD_NEXT, "pthread_create");
	return refuses_threads ? EAGAIN : next(thread, attributes, run, argument);
}

TEST(without_a_thread_nothing_is_reloaded_until_there_is_one) {
	struct fixture fixture;
	open_fixture(&fixture, GOOD);
	refuses_threads = true;
	for (int i = 0; i < 100; i++)
		CHECK_INT(mux_reload(fixture.mux, fixture.loop, (struct mux_reload_order){0}, on_done, &fixture), ERROR_LIMIT);
	refuses_threads = false;
	CHECK_INT(mux_reload(fixture.mux, fixture.loop, (struct mux_reload_order){0}, on_done, &fixture), 0);
	await(&fixture, 1);
	CHECK_INT(fixture.last.version, 2);
	close_fixture(&fixture);
}

struct read_also {
	pthread_t thread;
	uint64_t version; // that ran
	int times;
	struct fixture *fixture;
};

static uint64_t running_version(struct fixture *fixture);

static void read_also(void *owner) {
	struct read_also *also = owner;
	also->times++;
	also->thread = pthread_self();
	also->version = running_version(also->fixture);
}

TEST(what_else_is_read_is_read_on_the_same_thread_first) {
	struct fixture fixture;
	open_fixture(&fixture, GOOD);
	struct read_also also = {.thread = pthread_self(), .fixture = &fixture};
	struct mux_reload_order order = {.also = read_also, .also_owner = &also};
	CHECK_INT(mux_reload(fixture.mux, fixture.loop, order, on_done, &fixture), 0);
	await(&fixture, 1);
	CHECK_INT(also.times, 1);
	CHECK_INT(also.version, 1);
	CHECK_INT(fixture.last.version, 2);
	CHECK(!pthread_equal(also.thread, pthread_self()));
	close_fixture(&fixture);
}

static uint64_t running_version(struct fixture *fixture) {
	struct mux_version *version = mux_version_retain(fixture->mux);
	uint64_t number = version->number;
	version_release(version);
	return number;
}

TEST(stopping_reports_the_remaining_reloads) {
	struct fixture fixture;
	open_fixture(&fixture, GOOD);
	int taken = 0;
	for (int i = 0; i < 10; i++)
		taken += mux_reload(fixture.mux, fixture.loop, (struct mux_reload_order){0}, on_done, &fixture) == 0;
	// The third version runs, so the result of the first reload has been posted to the loop.
	for (int i = 0; i < GUARD_MS && running_version(&fixture) < 3; i++)
		usleep(1000);
	CHECK_INT(fixture.done, 0);
	mux_end_reloads(fixture.mux);
	CHECK_INT(fixture.done, taken);
	CHECK(fixture.good > 0);
	CHECK_INT(fixture.good + fixture.stopped, taken);
	CHECK_INT(mux_reload(fixture.mux, fixture.loop, (struct mux_reload_order){0}, on_done, &fixture), ERROR_BUSY);
	mux_end_reloads(fixture.mux);
	// What was posted before the stop is not reported again.
	timer_start(&fixture.guard, 0);
	loop_run(fixture.loop);
	CHECK_INT(fixture.done, taken);
	close_fixture(&fixture);
}

// Reloads if the files have changed; a file that has just changed is stable at the second try.
static const struct mux_reloaded *reload_if_changed(struct fixture *fixture) {
	const struct mux_reload_order if_changed = {.if_changed = true};
	if (reload(fixture, if_changed)->is_changing) {
		CHECK(!fixture->last.is_new);
		CHECK(!reload(fixture, if_changed)->is_changing);
	}
	return &fixture->last;
}

// The first version runs again, and the policy on disk is valid.
static void check_view(void *owner, const struct mux_policy_view *view) {
	(void)owner;
	CHECK_INT(history_last(view->history)->number, 4);
	CHECK_INT(history_last(view->history)->restores, 1);
	CHECK_INT(view->rejected->count, 0);
	CHECK_INT(policy_pool(view->policy)->count, 1);
}

TEST(results_of_reloads) {
	struct fixture fixture;
	const struct mux_reload_order plain = {0}, back = {.to = 1}, nowhere = {.to = 9};
	open_fixture(&fixture, GOOD);
	CHECK(!reload_if_changed(&fixture)->is_new);
	CHECK_INT(fixture.last.version, 1);
	CHECK(reload(&fixture, plain)->is_new);
	CHECK_INT(fixture.last.version, 2);
	write_policy(&fixture, "return { models = { { id = 'a' }, { id = 'b' } } }");
	CHECK(reload_if_changed(&fixture)->is_new);
	CHECK_INT(fixture.last.models, 2);
	CHECK(!reload_if_changed(&fixture)->is_new);
	CHECK(reload(&fixture, back)->is_new);
	CHECK_INT(fixture.last.models, 1);
	// The file has not changed since it was last read.
	CHECK(!reload_if_changed(&fixture)->is_new);
	CHECK_INT(fixture.last.models, 1);
	CHECK_INT(reload(&fixture, nowhere)->status, ERROR_NOT_FOUND);
	CHECK_INT(fixture.problems, 0);
	CHECK_INT(fixture.rejected, 0);
	write_policy(&fixture, "return { x = 1 }");
	CHECK_INT(reload_if_changed(&fixture)->status, ERROR_INVALID);
	CHECK_INT(fixture.problems, 2);
	CHECK_INT(fixture.rejected, 1);
	// The same mistake is reported once, and forgotten when the file is the running version's again.
	CHECK_INT(reload_if_changed(&fixture)->status, 0);
	write_policy(&fixture, GOOD);
	CHECK(!reload_if_changed(&fixture)->is_new);
	CHECK_INT(fixture.last.version, 4);
	mux_view_policy(fixture.mux, check_view, NULL);
	close_fixture(&fixture);
}

static enum verdict verdict_of(const struct mux_version *version) {
	static const struct failure failure = {
	    .kind = FAILURE_HTTP, .status = 503, .fault = FAULT_MODEL, .type = TYPE_MODEL_UNAVAILABLE};
	const struct pool *pool = policy_pool(version->policy);
	const struct decide *decide = policy_decide(version->policy, 1);
	struct request_attributes attributes = {
	    .id = SLICE("r"), .asked = SLICE("chat"), .body = SLICE("{\"requestMetadata\":{\"wanted\":\"fail\"}}")};
	struct random_source random;
	struct arena arena;
	arena_init(&arena, 1 << 16);
	random_init(&random, 1);
	struct route route = {.pool = pool, .decide = decide, .random = &random};
	struct route_request *request;
	struct classification classification;
	route_request_new(&route, &attributes, &arena, 0, &request);
	default_classify(&failure, &classification);
	decide->classify(decide->self, &failure, request, &pool->models[0], &classification);
	arena_free(&arena);
	return classification.verdict;
}

TEST(eight_old_versions_keep_their_hooks) {
	struct fixture fixture;
	struct mux_version *pinned[12];
	open_fixture(&fixture, GOOD);
	for (size_t i = 0; i < 12; i++) {
		pinned[i] = mux_version_retain(fixture.mux);
		CHECK_INT(pinned[i]->number, i + 1);
		reload(&fixture, (struct mux_reload_order){0});
	}
	for (size_t i = 0; i < 12; i++)
		CHECK_INT(verdict_of(pinned[i]), i < 4 ? VERDICT_FAILOVER : VERDICT_FAIL);
	// Released versions make room, so none of the others is beyond the limit.
	for (size_t i = 4; i < 8; i++)
		version_release(pinned[i]);
	reload(&fixture, (struct mux_reload_order){0});
	for (size_t i = 8; i < 12; i++)
		CHECK_INT(verdict_of(pinned[i]), VERDICT_FAIL);
	for (size_t i = 0; i < 12; i++)
		if (i < 4 || i >= 8)
			version_release(pinned[i]);
	close_fixture(&fixture);
}

TEST(hooks_read_bodies) {
	struct fixture fixture;
	open_fixture(&fixture, "return { models = { { id = 'a' } },"
	                       " classify = function(failure, request) return request.metadata.wanted end }");
	struct mux_version *version = mux_version_retain(fixture.mux);
	CHECK_INT(verdict_of(version), VERDICT_FAIL);
	version_release(version);
	close_fixture(&fixture);
}

int main(void) {
	RUN(each_reload_reports_once_and_too_many_are_refused);
	RUN(without_a_thread_nothing_is_reloaded_until_there_is_one);
	RUN(what_else_is_read_is_read_on_the_same_thread_first);
	RUN(stopping_reports_the_remaining_reloads);
	RUN(results_of_reloads);
	RUN(eight_old_versions_keep_their_hooks);
	RUN(hooks_read_bodies);
	return check_summary();
}

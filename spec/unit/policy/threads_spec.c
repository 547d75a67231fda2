// SPDX-License-Identifier: Apache-2.0
// A version shared by workers: each decides in its own VM on its own thread; the last release closes the version.
#include "fixture.h"

#include <pthread.h>

enum { WORKERS = 3, DECISIONS = 500 };

struct worker {
	pthread_t thread;
	struct policy *policy;
	size_t number;
	int wrong;
};

static void *select_models(void *argument) {
	struct worker *worker = argument;
	const struct pool *pool = policy_pool(worker->policy);
	const struct decide *decide = policy_decide(worker->policy, worker->number);
	struct request_attributes attributes = {.id = SLICE("r"), .asked = SLICE("chat")};
	struct random_source random;
	struct arena arena;
	arena_init(&arena, 1 << 16);
	random_init(&random, worker->number);
	struct route route = {.pool = pool, .decide = decide, .random = &random};
	struct route_request *request;
	route_request_new(&route, &attributes, &arena, 0, &request);
	for (int i = 0; i < DECISIONS; i++) {
		const struct model *list[] = {&pool->models[0], &pool->models[1]};
		struct selection selection = {0};
		decide->select(decide->self, request, (struct candidates){.list = list, .count = 2}, &random, &selection);
		worker->wrong += selection.model != list[i % 2];
	}
	arena_free(&arena);
	policy_release(worker->policy);
	return NULL;
}

TEST(workers_decide_at_the_same_time) {
	struct fixture fixture;
	struct worker workers[WORKERS];
	fixture_init(&fixture);
	fixture_load_limited(&fixture,
	                     "local turn = 0 return { models = { { id = 'a' }, { id = 'b' } },\n"
	                     "select = function(_, models) turn = turn + 1\n"
	                     "return models[1].breaker == 'closed' and models[turn % 2 == 1 and 1 or 2] end }",
	                     WORKERS, 100000, 16 << 20);
	CHECK_STRING(fixture_problems(&fixture), "");
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.policy = fixture.policy, .number = i};
		policy_retain(fixture.policy);
		if (pthread_create(&workers[i].thread, NULL, select_models, &workers[i]))
			abort();
	}
	policy_release(fixture.policy);
	fixture.policy = NULL;
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		CHECK_INT(workers[i].wrong, 0);
	}
	fixture_free(&fixture);
}

TEST(a_policy_is_retired_while_workers_decide) {
	struct fixture fixture;
	struct worker workers[WORKERS];
	fixture_init(&fixture);
	fixture_load_limited(&fixture,
	                     "return { models = { { id = 'a' }, { id = 'b', fallback = true } },\n"
	                     "select = function(_, models) return models[1] end }",
	                     WORKERS, 100000, 16 << 20);
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.policy = fixture.policy, .number = i};
		policy_retain(fixture.policy);
		if (pthread_create(&workers[i].thread, NULL, select_models, &workers[i]))
			abort();
	}
	policy_retire(fixture.policy);
	// Both the policy and the defaults choose the first model each time.
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		CHECK_INT(workers[i].wrong, DECISIONS / 2);
	}
	fixture_free(&fixture);
}

static void *call_counting_hooks(void *argument) {
	struct worker *worker = argument;
	const struct decide *decide = policy_decide(worker->policy, worker->number);
	const struct model *model = &policy_pool(worker->policy)->models[0];
	struct request_attributes attributes = {.id = SLICE("r"), .asked = SLICE("chat")};
	struct route route = {.pool = policy_pool(worker->policy), .decide = decide};
	struct route_request *request;
	struct arena arena;
	arena_init(&arena, 1 << 16);
	route_request_new(&route, &attributes, &arena, 0, &request);
	for (int i = 0; i < DECISIONS; i++) {
		struct edits edits = {0};
		struct slice reason;
		decide->prepare(decide->self, request, model, &edits);
		worker->wrong += edits.max_tokens < 1;
		worker->wrong += !decide->accept(decide->self, &(struct response){.status = 200}, request, model, &reason);
		decide->finish(decide->self, request, &(struct request_result){.model = model});
		policy_tick(worker->policy, worker->number, (uint64_t)i);
	}
	arena_free(&arena);
	return NULL;
}

TEST(workers_count_in_the_shared_store) {
	struct fixture fixture;
	struct worker workers[WORKERS];
	struct shared_value total;
	fixture_init(&fixture);
	fixture_load_limited(&fixture,
	                     "local shared = require 'signalbox.shared' return { models = { { id = 'a' } },\n"
	                     "prepare = function() return { max_tokens = shared.incr('prepared') } end,\n"
	                     "accept = function(response, request, model) return model.weight >= 0 end,\n"
	                     "finish = function() shared.incr('finished') end,\n"
	                     "tick = function(now_ms, models) models[1].weight = now_ms % 10 shared.incr('ticks') end }",
	                     WORKERS, 100000, 16 << 20);
	CHECK_STRING(fixture_problems(&fixture), "");
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.policy = fixture.policy, .number = i};
		if (pthread_create(&workers[i].thread, NULL, call_counting_hooks, &workers[i]))
			abort();
	}
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		CHECK_INT(workers[i].wrong, 0);
	}
	static const char *const keys[] = {"prepared", "finished", "ticks"};
	for (size_t i = 0; i < 3; i++) {
		CHECK(shared_get(fixture.host.shared, slice_from(keys[i]), 0, &total));
		CHECK_INT(total.integer, WORKERS * DECISIONS);
	}
	fixture_free(&fixture);
}

int main(void) {
	RUN(workers_decide_at_the_same_time);
	RUN(a_policy_is_retired_while_workers_decide);
	RUN(workers_count_in_the_shared_store);
	return check_summary();
}

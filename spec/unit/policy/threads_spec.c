// SPDX-License-Identifier: Apache-2.0
// A version shared by workers: each decides in its own VM on its own thread, and whoever lets go last closes it.
#include "fixture.h"

#include <pthread.h>

enum { WORKERS = 3, DECISIONS = 500 };

struct worker {
	pthread_t thread;
	struct policy *policy;
	size_t number;
	int wrong;
};

static void *work(void *argument) {
	struct worker *worker = argument;
	const struct pool *pool = policy_pool(worker->policy);
	const struct decide *decide = policy_decide(worker->policy, worker->number);
	struct request_facts facts = {.id = SLICE("r"), .asked = SLICE("chat")};
	struct random_source random;
	struct arena arena;
	arena_init(&arena, 1 << 16);
	random_init(&random, worker->number);
	struct route route = {.pool = pool, .decide = decide, .random = &random};
	struct route_request *request;
	route_request_new(&route, &facts, &arena, 0, &request);
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
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
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
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			abort();
	}
	policy_retire(fixture.policy);
	// By the policy and by the defaults it is the first model each time.
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		CHECK_INT(workers[i].wrong, DECISIONS / 2);
	}
	fixture_free(&fixture);
}

int main(void) {
	RUN(workers_decide_at_the_same_time);
	RUN(a_policy_is_retired_while_workers_decide);
	return check_summary();
}

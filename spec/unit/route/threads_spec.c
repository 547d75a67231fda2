// SPDX-License-Identifier: Apache-2.0
// Several workers over the same models at once, each with its own clock reading, beside an operator and a view:
// for the thread sanitizer, and to check that no permit and no count is lost.
#include <pthread.h>

#include "fixture.h"
#include "route/retry_budget.h"

enum { WORKERS = 3, REQUESTS = 20000 };

struct worker {
	struct fixture *f;
	struct random_source random;
	struct retry_budget *retry_budget;
	uint64_t ended; // attempts
	uint64_t extra; // taken from the budget
	pthread_t thread;
};

static struct attempt_result draw_result(struct worker *worker) {
	static const char *const words[] = {"ok",   "ok",     "ok",      "ok",   "throttle", "break",
	                                    "deny", "refuse", "stopped", "lack", "starve"};
	return result_of(words[random_below(&worker->random, sizeof words / sizeof *words)]);
}

static void route_one(struct worker *worker, const struct route *route, struct arena *arena, uint64_t now_ms) {
	struct request_attributes attributes = {
	    .id = SLICE("r"), .asked = SLICE("chat"), .input_tokens = 20, .max_tokens = 70};
	struct route_request *request;
	if (route_request_new(route, &attributes, arena, now_ms, &request))
		return;
	struct step step = route_begin(request, now_ms);
	while (step.kind == STEP_SEND) {
		uint32_t attempt = step.attempt;
		struct attempt_result result = draw_result(worker);
		if (random_below(&worker->random, 4) == 0)
			route_attempt_committed(request, attempt, now_ms);
		step = route_attempt_ended(request, attempt, &result, now_ms + random_below(&worker->random, 3));
		worker->ended++;
	}
}

static void *run_worker(void *argument) {
	struct worker *worker = argument;
	struct route route = {.pool = &worker->f->pool,
	                      .decide = &default_decide,
	                      .random = &worker->random,
	                      .retry_budget = worker->retry_budget};
	struct arena arena;
	for (uint64_t i = 0; i < REQUESTS; i++) {
		arena_init(&arena, 1 << 16);
		route_one(worker, &route, &arena, 1000 + i);
		arena_free(&arena);
		uint64_t ticket;
		if (!retry_budget_take(worker->retry_budget, 0.5, 1000 + i, &ticket))
			continue;
		worker->extra++;
		if (i % 3 == 0)
			retry_budget_return(worker->retry_budget, ticket, 1000 + i);
		worker->extra -= i % 3 == 0;
	}
	return NULL;
}

static void *run_operator(void *argument) {
	struct fixture *f = argument;
	struct system_health health;
	struct model_statistics statistics;
	for (uint64_t i = 0; i < REQUESTS / 100; i++) {
		struct model *model = &f->pool.models[i % f->pool.count];
		if (i % 7 == 0)
			model_state_force_open(model->state, 1000 + i * 100);
		else
			model_state_reset_breaker(model->state, 1000 + i * 100);
		fixture_snapshot(f, model->name, 1000 + i * 100);
		model_state_counts(model->state, &statistics);
		pool_health(&f->pool, 1000 + i * 100, &health);
		struct model_state *retry = registry_retain(f->registry, model);
		if (retry == model->state)
			model_state_release(retry);
	}
	return NULL;
}

TEST(workers_share_states) {
	struct fixture f;
	fixture_init(&f, "a b c ~d");
	for (size_t i = 0; i < f.pool.count; i++)
		f.pool.models[i].breaker = (struct breaker_settings){3, 1000, 1, 1000, 1};
	f.pool.limits.tier_escalation = (struct tier_ladder){{TIER_PRIORITY, TIER_RESERVED}, 2};
	fixture_model(&f, "b")->tier = TIER_FLEX;
	fixture_quota(&f, "a", 5000, 1000000);
	fixture_quota(&f, "c", 0, 200000);
	struct worker workers[WORKERS] = {0};
	struct retry_budget *retry_budget = retry_budget_new();
	pthread_t operator;
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i].f = &f;
		workers[i].retry_budget = retry_budget;
		random_init(&workers[i].random, i + 1);
		CHECK_INT(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]), 0);
	}
	CHECK_INT(pthread_create(&operator, NULL, run_operator, &f), 0);
	uint64_t ended = 0, counted = 0, extra = 0;
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		ended += workers[i].ended;
		extra += workers[i].extra;
	}
	pthread_join(operator, NULL);
	for (size_t i = 0; i < f.pool.count; i++) {
		struct model_state *state = f.pool.models[i].state;
		struct model_statistics statistics;
		model_state_counts(state, &statistics);
		counted += statistics.success + statistics.rate_limit + statistics.fail_fast + statistics.refusal +
		           statistics.cancelled;
		CHECK_INT(state->inflight, 0);
		CHECK_INT(state->breaker.probes, 0);
		CHECK(!state->last_resort_taken);
		uint64_t requests, tokens;
		quota_used(&state->quota, 200000, &requests, &tokens);
		CHECK_INT(requests + tokens, 0);
	}
	// All within one minute: at most half of the requests, minus what the last ones returned.
	CHECK(extra <= WORKERS * REQUESTS / 2 && extra + 2 * WORKERS >= WORKERS * REQUESTS / 2);
	retry_budget_free(retry_budget);
	CHECK(ended > 0);
	CHECK_INT(counted, ended);
	fixture_free(&f);
}

int main(void) {
	RUN(workers_share_states);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// The cost of routing itself, without I/O and with the built-in decisions: nanoseconds a request and an attempt, by the
// size of the pool and the state of its models. A measurement, not a test: it has no bounds.
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "route/request.h"
#include "route/state.h"

enum { REQUESTS = 200000 };

struct bench {
	struct registry *registry;
	struct pool pool;
	struct random_source random;
	uint64_t now_ms;
};

static void bench_init(struct bench *bench, size_t models) {
	*bench = (struct bench){.registry = registry_new(), .now_ms = 1000000};
	bench->pool.limits = (struct route_limits){.max_retries = 3, .timeout_ms = 120000, .ttft_ms = 30000};
	bench->pool.models = memory_new(models, sizeof *bench->pool.models);
	bench->pool.count = models;
	for (size_t i = 0; i < models; i++) {
		struct model *model = &bench->pool.models[i];
		char name[32];
		snprintf(name, sizeof name, "us.amazon.nova-%zu-v1:0", i);
		*model = (struct model){.index = i, .weight = 1, .timeout_ms = 120000, .ttft_ms = 30000};
		model->id = memory_string(slice_from(name));
		model->name = memory_string(slice_from(name));
		model->breaker = (struct breaker_settings){5, 30000, 2, 60000, 1};
		model->state = registry_retain(bench->registry, model);
	}
	random_init(&bench->random, 1);
}

static void bench_free(struct bench *bench) {
	pool_free(&bench->pool);
	registry_free(bench->registry);
}

// Routes one request: `failures` attempts that fail, then one that succeeds. Returns the attempts made.
static uint32_t route_one(struct bench *bench, uint32_t failures) {
	const struct route route = {.pool = &bench->pool, .decide = &default_decide, .random = &bench->random};
	const struct request_attributes facts = {
	    .id = SLICE("request"), .asked = SLICE("chat"), .input_tokens = 900, .max_tokens = 500};
	// A refusal fails over without a cooldown, and counts at no breaker.
	struct attempt_result failure = {.end = ATTEMPT_REFUSED, .ttft_ms = -1, .usage = {900, 10, -1, -1}};
	struct attempt_result success = {.end = ATTEMPT_SUCCEEDED, .ttft_ms = -1, .usage = {900, 200, -1, -1}};
	struct route_request *request;
	struct arena arena;
	arena_init(&arena, 1 << 20);
	if (route_request_new(&route, &facts, &arena, bench->now_ms, &request))
		abort();
	struct step step = route_begin(request, bench->now_ms);
	while (step.kind == STEP_SEND) {
		success.latency_ms = failure.latency_ms = 300 + (bench->now_ms & 255);
		bench->now_ms++;
		step = route_attempt_ended(request, step.attempt, step.attempt < failures ? &failure : &success, bench->now_ms);
	}
	uint32_t attempts = route_request_attempts(request);
	arena_free(&arena);
	return attempts;
}

static void run(const char *what, struct bench *bench, uint32_t failures, size_t requests) {
	uint64_t attempts = 0, start_us = clock_now_us();
	for (size_t i = 0; i < requests; i++)
		attempts += route_one(bench, failures);
	double ns = (double)(clock_now_us() - start_us) * 1000;
	printf("%-44s %7.0f ns a request %7.0f ns an attempt\n", what, ns / (double)requests, ns / (double)attempts);
}

static void bench_routing(size_t models) {
	struct bench bench;
	char what[64];
	bench_init(&bench, models);
	snprintf(what, sizeof what, "%zu models, the first responds", models);
	run(what, &bench, 0, REQUESTS * 10 / models);
	snprintf(what, sizeof what, "%zu models, two fail over", models);
	run(what, &bench, 2, REQUESTS * 10 / models);
	for (size_t i = 0; i + 3 < models; i++)
		model_state_force_open(bench.pool.models[i].state, bench.now_ms);
	snprintf(what, sizeof what, "%zu models, all but three broken", models);
	run(what, &bench, 0, REQUESTS * 10 / models);
	bench_free(&bench);
}

static void bench_quotas(void) {
	struct bench bench;
	bench_init(&bench, 10);
	bench.pool.has_quota = true;
	for (size_t i = 0; i < bench.pool.count; i++)
		bench.pool.models[i].quota = (struct quota){UINT32_MAX, UINT32_MAX, 1};
	run("10 models with quotas, the first responds", &bench, 0, REQUESTS);
	bench_free(&bench);
}

static void bench_snapshots(void) {
	struct bench bench;
	bench_init(&bench, 10);
	for (int i = 0; i < 20000; i++)
		route_one(&bench, 0);
	struct model_snapshot snapshot;
	const struct model *model = &bench.pool.models[0];
	uint64_t start_us = clock_now_us();
	for (int i = 0; i < REQUESTS; i++)
		model_state_snapshot(model->state, &model->breaker, bench.now_ms, &snapshot);
	printf("%-44s %7.0f ns\n", "a model's snapshot", (double)(clock_now_us() - start_us) * 1000 / REQUESTS);
	bench_free(&bench);
}

int main(void) {
	bench_routing(10);
	bench_routing(1000);
	bench_quotas();
	bench_snapshots();
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
// The cost of a policy's decision on its real path, from C to Lua and back, with views and budgets. In CPU time, so
// that other programs don't distort it.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/problem.h"
#include "mux/body_reader.h"
#include "policy/policy.h"
#include "policy/shared.h"
#include "route/request.h"

enum { MODELS_MAX = 1000, MODEL_TEXT_BYTES = 64, RUNS = 9 };

struct bench {
	struct policy *policy;
	struct arena arena;
	struct random_source random;
	struct route_request *request;
	struct request_attributes facts;
	struct route route;
	const struct model *candidates[MODELS_MAX];
	size_t count;
};

static void load(struct bench *bench, const struct policy_host *host, size_t count, const char *hooks) {
	char path[] = "/tmp/policy-bench-XXXXXX";
	int descriptor = mkstemp(path);
	FILE *file = fdopen(descriptor, "w");
	fprintf(file, "local select = require 'signalbox.select'\nlocal classify = require 'signalbox.classify'\n"
	              "return { models = {\n");
	for (size_t i = 0; i < count; i++)
		fprintf(file, "{ id = 'm%zu', weight = %zu, fallback = %s },\n", i, i % 7 + 1, i % 5 == 4 ? "true" : "false");
	fprintf(file, "}, %s }\n", hooks);
	fclose(file);
	struct policy_limits limits = {100000, 16 << 20};
	struct problems problems = {0};
	if (policy_load(path, &limits, 1, host, &problems, &bench->policy)) {
		fprintf(stderr, "%s\n", problems.count ? problems.list[0].found : "the policy was refused");
		exit(1);
	}
	remove(path);
	bench->facts =
	    (struct request_attributes){.id = SLICE("r"), .operation = SLICE("Converse"), .asked = SLICE("chat")};
	random_init(&bench->random, 1);
	arena_init(&bench->arena, 1 << 20);
	bench->route = (struct route){
	    .pool = policy_pool(bench->policy), .decide = policy_decide(bench->policy, 0), .random = &bench->random};
	route_request_new(&bench->route, &bench->facts, &bench->arena, 0, &bench->request);
	bench->count = count;
	for (size_t i = 0; i < count; i++)
		bench->candidates[i] = &bench->route.pool->models[i];
}

static void unload(struct bench *bench) {
	arena_free(&bench->arena);
	policy_release(bench->policy);
}

static void select_once(struct bench *bench, size_t round, bool changing) {
	struct selection selection = {0};
	// Every other call leaves out the last model, so that the eligible set changes each time.
	struct candidates candidates = {.list = bench->candidates, .count = bench->count - (changing && round % 2)};
	bench->route.decide->select(bench->route.decide->self, bench->request, candidates, &bench->random, &selection);
}

static void classify_once(struct bench *bench) {
	struct failure failure = {
	    .status = 503, .name = SLICE("ServiceUnavailableException"), .fault = FAULT_MODEL, .retry_after_ms = -1};
	struct classification out;
	default_classify(&failure, &out);
	bench->route.decide->classify(bench->route.decide->self, &failure, bench->request, bench->candidates[0], &out);
}

enum what { SELECT, SELECT_CHANGING, CLASSIFY };

// The best of some runs, in nanoseconds a decision.
static void measure(const char *name, const struct policy_host *host, size_t count, const char *hooks, enum what what) {
	struct bench bench = {0};
	load(&bench, host, count, hooks);
	size_t rounds = count > 100 ? 1000 : 50000;
	uint64_t best_ns = UINT64_MAX;
	for (int run = 0; run < RUNS; run++) {
		uint64_t start_ns = clock_thread_cpu_ns();
		for (size_t i = 0; i < rounds; i++) {
			if (what == CLASSIFY)
				classify_once(&bench);
			else
				select_once(&bench, i, what == SELECT_CHANGING);
		}
		uint64_t took_ns = clock_thread_cpu_ns() - start_ns;
		best_ns = took_ns < best_ns ? took_ns : best_ns;
	}
	printf("%-44s %5zu models %8" PRIu64 " ns\n", name, count, best_ns / rounds);
	unload(&bench);
}

int main(void) {
	static const char weighted[] = "select = function(_, models) return select.weighted(models.primary) or "
	                               "select.weighted(models.fallback) end";
	static const char by_lua[] = "select = function(_, models) local best for i = 1, #models do local m = models[i] "
	                             "if not best or m.inflight < best.inflight then best = m end end return best end";
	static const char by_name[] = "select = function(_, models) return select.least(models, 'inflight') end";
	static const char classify[] = "classify = function(failure) if failure.name == 'X' then return 'retry' end return "
	                               "classify.default(failure) end";
	const struct policy_host host = {.registry = registry_new(), .shared = shared_new(), .bodies = &mux_body_reader};
	log_configure(LOG_WARN, LOG_TEXT);
	for (size_t count = 10; count <= MODELS_MAX; count *= 100) {
		measure("select, built in", &host, count, "", SELECT);
		measure("select, weighted.lua", &host, count, weighted, SELECT);
		measure("select, weighted.lua, eligible set changing", &host, count, weighted, SELECT_CHANGING);
		measure("select, least in flight in Lua", &host, count, by_lua, SELECT);
		measure("select, least in flight by name", &host, count, by_name, SELECT);
		measure("classify, by name else the default", &host, count, classify, CLASSIFY);
	}
	shared_free(host.shared);
	registry_free(host.registry);
	return 0;
}

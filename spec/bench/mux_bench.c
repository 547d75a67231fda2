// SPDX-License-Identifier: Apache-2.0
// The cost of a reload on the thread that builds versions: reading the files, a VM for each worker, the hash,
// publishing the version, and freeing the one before. No worker runs, so the figures have no other work and warm
// caches.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/problem.h"
#include "mux/mux.h"
#include "mux/version.h"
#include "mux/worker.h"

enum { RUNS = 5, MODELS = 1000 };

static uint64_t cpu_us(void) {
	return clock_thread_cpu_ns() / 1000;
}

static struct mux *open_mux(const struct engine_options *options, size_t workers,
                            const struct credentials_sources *credentials) {
	struct mux_settings settings = {.options = options, .credentials = credentials, .workers = workers};
	struct problems problems = {0};
	struct mux *mux;
	if (mux_new(&settings, &problems, &mux)) {
		fprintf(stderr, "%s: %s\n", options->policy, problems.count ? problems.list[0].found : "refused");
		exit(1);
	}
	return mux;
}

static void measure(const char *name, char *policy, size_t models, size_t workers, int rounds,
                    const struct credentials_sources *credentials) {
	char region[] = "us-east-1";
	struct engine_options options = {.policy = policy, .policy_limits = {100000, 16 << 20}, .region = region};
	struct mux *mux = open_mux(&options, workers, credentials);
	uint64_t best_us = UINT64_MAX;
	for (int run = 0; run < RUNS; run++) {
		uint64_t start_us = cpu_us();
		for (int i = 0; i < rounds; i++) {
			struct mux_reloaded result;
			mux->version->reloader = NULL; // freed here and now
			version_renew(mux, &(struct mux_reload_order){0}, &result);
			if (result.status)
				exit(1);
		}
		uint64_t took_us = cpu_us() - start_us;
		best_us = took_us < best_us ? took_us : best_us;
	}
	printf("reload, %-26s %2zu workers %5zu models %8" PRIu64 " us\n", name, workers, models,
	       best_us / (uint64_t)rounds);
	mux_free(mux);
}

// Writes a policy of many models.
static void write_large(char *path) {
	FILE *file = fdopen(mkstemp(path), "w");
	fputs("return { models = {\n", file);
	for (size_t i = 0; i < MODELS; i++)
		fprintf(file, "{ id = 'm%zu', weight = %zu, tags = { number = %zu } },\n", i, i % 7 + 1, i);
	fputs("} }\n", file);
	fclose(file);
}

int main(void) {
	char weighted[] = "policies/weighted.lua";
	char large[] = "/tmp/mux-bench-XXXXXX";
	log_configure(LOG_ERROR, LOG_TEXT);
	write_large(large);
	struct credentials *credentials = credentials_new("AKIDEXAMPLE", "not-a-secret", NULL, NULL);
	struct credentials_sources sources = {.own = credentials_source_static(credentials)};
	credentials_release(credentials);
	for (size_t workers = 1; workers <= 8; workers *= 8) {
		measure("weighted.lua", weighted, 2, workers, 300, &sources);
		measure("many models", large, MODELS, workers, 10, &sources);
	}
	credentials_source_free(sources.own);
	unlink(large);
	return 0;
}

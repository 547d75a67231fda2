// SPDX-License-Identifier: Apache-2.0
// The pool as a policy version states it: plain configuration, immutable once built, shared by all workers. What
// changes while traffic flows lives in struct model_state, which outlives versions.
#ifndef ROUTE_MODEL_H
#define ROUTE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct model_state;

struct breaker_settings {
	uint64_t failure_threshold;
	uint64_t recovery_time_ms;
	uint64_t success_threshold;
	uint64_t failure_window_ms;
	uint64_t half_open_probes;
};

// One entry of the pool. Strings are NUL-terminated and owned by the pool; optional ones are NULL where absent.
struct model {
	size_t index; // in its pool
	char *id;
	char *name;
	double weight;
	bool fallback;
	char **serves; // names and globs; count 0 is anything
	size_t serves_count;
	char *family;
	char *region;
	char *endpoint;
	char *credentials;
	uint64_t timeout_ms;
	uint64_t ttft_ms;
	struct breaker_settings breaker;
	struct model_state *state; // retained by the pool; locks for itself
};

struct route_limits {
	uint64_t max_retries;
	uint64_t timeout_ms;
	uint64_t ttft_ms;
	uint64_t stream_idle_ms;
	uint64_t deadline_ms; // 0 is off
	uint64_t max_wait_ms;
	double hedge_budget;
};

struct pool {
	struct model *models;
	size_t count;
	struct route_limits limits;
};

// Frees the pool's models with their strings and releases their states; the structure itself is zeroed, not freed.
void pool_free(struct pool *pool);

// The model of that name, or NULL.
const struct model *pool_find(const struct pool *pool, struct slice name);

// Whether the model answers to `asked`: its own id and name always, else what `serves` says, where `*` matches any run
// of characters, `/` too. Linear in the length of `asked` for each glob.
bool model_serves(const struct model *model, struct slice asked);

#endif

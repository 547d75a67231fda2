// SPDX-License-Identifier: Apache-2.0
// The pool as a policy version states it: plain configuration, immutable once built, shared by all workers. What
// changes while traffic flows lives in struct model_state, which outlives versions.
#ifndef ROUTE_MODEL_H
#define ROUTE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/service.h"
#include "base/slice.h"

struct model_state;

struct breaker_settings {
	uint64_t failure_threshold;
	uint64_t recovery_time_ms;
	uint64_t success_threshold;
	uint64_t failure_window_ms;
	uint64_t half_open_probes;
};

// The tiers to try after a throttle, in this order; count 0 is none.
enum { TIER_RUNGS_MAX = 4 };
struct tier_ladder {
	enum service_tier rungs[TIER_RUNGS_MAX];
	size_t count;
};

// What the service lets an account send to a model in any minute; 0 is unlimited or unknown.
struct quota {
	uint64_t requests_per_minute;
	uint64_t tokens_per_minute;
	double output_token_weight; // how many tokens an output token counts for, once its attempt has ended
};

// What a million tokens cost, in the operator's own currency.
struct price {
	double input, output, cache_read, cache_write;
};

// One entry of the pool. Strings are NUL-terminated and owned by the pool; optional ones may be NULL.
// What each selection reads of every model comes first.
struct model {
	size_t index;              // in its pool
	int line;                  // of the policy's file; 0: unknown
	struct model_state *state; // retained by the pool; locks for itself
	double weight;
	bool fallback;
	enum service_tier tier; // to start at
	size_t serves_count;
	char **serves; // names and globs; NULL serves any name
	char *name;
	char *id;
	char *family;
	char *region;
	char *endpoint;
	char *credentials;
	uint64_t timeout_ms;
	uint64_t ttft_ms;
	struct breaker_settings breaker;
	struct quota quota;
	struct price price;
	bool is_priced; // whether the policy states a price
};

struct route_limits {
	uint64_t max_retries;
	uint64_t timeout_ms;
	uint64_t ttft_ms;
	uint64_t stream_idle_ms;
	uint64_t deadline_ms; // 0 is off
	uint64_t max_wait_ms;
	double hedge_budget; // the share of extra attempts: hedges and `retry` verdicts
	struct tier_ladder tier_escalation;
};

struct pool {
	struct model *models;
	size_t count;
	struct route_limits limits;
	bool has_quota; // of any model
	bool has_tiers; // any model has a tier to start at, or there is a ladder
};

// Frees the pool's models with their strings and releases their states; the structure itself is zeroed, not freed.
void pool_free(struct pool *pool);

// The model of that name, or NULL.
const struct model *pool_find(const struct pool *pool, struct slice name);

// Whether the model serves the name `asked`: its own id and name always, else as `serves` says, where `*` matches any
// run of characters, `/` too. Linear in the length of `asked` for each glob.
bool model_serves(const struct model *model, struct slice asked);

#endif

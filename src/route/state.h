// SPDX-License-Identifier: Apache-2.0
// A model's state while traffic flows: breaker, cooldown, quota, health window, statistics. Shared by all workers and
// by every policy version that names the same model; each state has its own lock, held for O(1) and never across a
// hook. This header is for views and commands; route/model_state.h is for the request machine.
#ifndef ROUTE_STATE_H
#define ROUTE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "route/decide.h"
#include "route/model.h"

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

// By enum breaker_state, as logs, policies and reports name them.
extern const char *const breaker_state_names[];

struct model_state;
struct registry;

// The registry holds the states of all models of a process, by identity (name, id, region, endpoint).
struct registry *registry_new(void);
// Every state must have been released.
void registry_free(struct registry *registry);
// The state of that identity, made if it is new; the caller has to release it. Thread-safe.
struct model_state *registry_retain(struct registry *registry, const struct model *identity);
// Releases a state; the last release frees it. NULL is fine. Thread-safe.
void model_state_release(struct model_state *state);

// The state at one moment, for views, admin and logs.
struct model_snapshot {
	enum breaker_state breaker;
	bool forced_open;
	bool healthy;
	bool degraded;
	uint64_t failures;     // counted ones in the breaker's window
	uint64_t successes;    // of probes, towards closing
	uint64_t opened_at_ms; // monotonic; 0 when not open
	uint64_t next_retry_at_ms;
	uint64_t cooldown_until_ms;      // 0 without a cooldown
	uint64_t deprioritized_until_ms; // 0 when not deprioritized
	double error_rate;               // 0..1 over the health window
	double requests_per_minute;
	double average_latency_ms;                 // of the window
	double latency_moving_average_ms;          // of successes; 0 before the first
	double ttft_ms;                            // the same average of streams
	uint64_t last_success_ms, last_failure_ms; // monotonic; 0 is never
	uint64_t inflight;
	double headroom; // the free share of the quota, 0..1; 1 without a quota
	// Within 1 %, at most a second old:
	double p50_ms, p95_ms, p99_ms;
};

void model_state_snapshot(struct model_state *state, const struct breaker_settings *settings, uint64_t now_ms,
                          struct model_snapshot *out);

// Cheaper parts of a snapshot, for hooks that look at a thousand models. What changes with each attempt:
struct model_load {
	uint64_t inflight;
	double latency_moving_average_ms;
	double ttft_ms;
};
void model_state_load(struct model_state *state, struct model_load *out);
// Everything but percentiles, which are 0:
void model_state_outline(struct model_state *state, const struct breaker_settings *settings, uint64_t now_ms,
                         struct model_snapshot *out);
// Percentiles within 1 %, which cost a microsecond or two at most once a second:
struct model_percentiles {
	double p50_ms, p95_ms, p99_ms;
};
void model_state_percentiles(struct model_state *state, uint64_t now_ms, struct model_percentiles *out);

struct model_statistics {
	uint64_t success, rate_limit, fail_fast, refusal, cancelled;
	double average_latency_ms, p50_ms, p95_ms, p99_ms, min_ms, max_ms;
	uint64_t input_tokens, output_tokens;
};

// A model's counts, tokens and average latency, without the other latency fields, which are 0.
void model_state_counts(struct model_state *state, struct model_statistics *out);
void model_state_reset_statistics(struct model_state *state);

// The sum over several models; percentiles over all their latencies together, within 1 %.
void statistics_total(struct model_state *const *states, size_t count, struct model_statistics *out);

// The operator's commands, without events: use those of route/operator.h. Open holds until close or reset; reset ends a
// cooldown too. Each returns the breaker's state before.
enum breaker_state model_state_force_open(struct model_state *state, uint64_t now_ms);
enum breaker_state model_state_force_close(struct model_state *state, uint64_t now_ms);
enum breaker_state model_state_reset_breaker(struct model_state *state, uint64_t now_ms);

// Counts of models; a degraded one is a healthy one too.
struct system_health {
	bool healthy;
	size_t healthy_count, degraded_count, unhealthy_count;
};

// Of n models: the system is healthy iff unhealthy < max(1, floor(n/2)) and healthy > 0.
void pool_health(const struct pool *pool, uint64_t now_ms, struct system_health *out);

#endif

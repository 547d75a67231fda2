// SPDX-License-Identifier: Apache-2.0
// A model's state as the request machine uses it: whether the model is available, admission of an attempt, and its
// settlement. Each call locks once, for O(1). Views and commands are in route/state.h.
#ifndef ROUTE_MODEL_STATE_H
#define ROUTE_MODEL_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "route/breaker.h"
#include "route/cooldown.h"
#include "route/quota.h"
#include "route/state.h"
#include "route/statistics.h"
#include "route/window.h"

struct model_state {
	pthread_mutex_t lock; // guards everything below down to `registry`
	struct breaker breaker;
	struct cooldown cooldown;
	struct window window;
	struct statistics statistics;
	struct quota_account quota;
	uint64_t inflight;
	bool last_resort_taken;        // an attempt was sent in spite of a cooldown and has neither committed nor ended
	double latency_moving_average; // 0 before the first success
	double ttft_moving_average;    // 0 before the first stream
	// Percentiles for views, and when they were computed, from how many latencies.
	struct model_percentiles recent;
	uint64_t recent_at_ms, recent_recorded;

	struct registry *registry; // it and what follows belong to the registry
	uint64_t references;
	char *name, *id, *region, *endpoint;

	// The breaker is closed and there is no cooldown. For most models eligibility reads this word alone; only if it is
	// false it takes the lock to learn more. It is apart from what attempts write, so that it stays in the workers'
	// caches.
	atomic_bool clear;
	// An upper bound of what is used of the quota: if it leaves room, there is room.
	atomic_uint_least64_t requests_used, tokens_used;
	atomic_uint missing_tiers; // bits of the tiers that the model has been found to lack
	// Bits of the tiers that the model has served. An error that seems to say that it lacks one of these may only quote
	// the client's text.
	atomic_uint served_tiers;
};

// Whether a model can be sent to, and what prevents it.
struct availability {
	bool admits; // the breaker would admit
	// When an open breaker admits probes; UINT64_MAX if it is forced open, 0 if the breaker isn't open.
	uint64_t opens_ms;
	uint64_t cooldown_until_ms; // 0 without a cooldown
	unsigned cooldown_tiers;    // bits of the tiers that cool down; 0 if the whole model does
	bool deprioritized;
	bool last_resort_taken;  // an attempt was sent in spite of the cooldown and has neither committed nor ended
	uint64_t short_until_ms; // until when its quota has no room for the request; 0 if it has
	bool may_free_early;     // it is short of tokens alone, and attempts hold some that they may give back before
};

// What admission depends on: the settings of a policy version's model, and the request. A model without a quota has no
// limits in `quota`.
struct admission_request {
	const struct breaker_settings *breaker;
	const struct quota *quota;
	struct quota_demand demand;
	enum service_tier tier; // of the attempt, if there is a ladder, so that each tier cools down alone; else TIER_NONE
};

static inline struct admission_request admission_request_of(const struct model *model, struct quota_demand demand) {
	return (struct admission_request){.breaker = &model->breaker, .quota = &model->quota, .demand = demand};
}

// Only for the functions of state.c and state_views.c.
static inline void model_state_lock(struct model_state *state) {
	pthread_mutex_lock(&state->lock);
}

static inline void model_state_unlock(struct model_state *state) {
	pthread_mutex_unlock(&state->lock);
}

static inline bool model_state_is_clear(struct model_state *state) {
	return atomic_load_explicit(&state->clear, memory_order_relaxed);
}

// Whether the quota certainly has room. False is uncertain: call model_state_availability.
static inline bool model_state_has_room(struct model_state *state, const struct quota *quota,
                                        struct quota_demand demand) {
	uint64_t requests = atomic_load_explicit(&state->requests_used, memory_order_relaxed);
	uint64_t tokens = atomic_load_explicit(&state->tokens_used, memory_order_relaxed);
	return (quota->requests_per_minute == 0 || requests < quota->requests_per_minute) &&
	       (quota->tokens_per_minute == 0 ||
	        tokens + demand.input_tokens + demand.output_tokens <= quota->tokens_per_minute);
}

static inline unsigned model_state_missing_tiers(struct model_state *state) {
	return atomic_load_explicit(&state->missing_tiers, memory_order_relaxed);
}

// Both are remembered until the breaker is reset. A tier that the model has served is never missing.
static inline void model_state_note_missing_tier(struct model_state *state, enum service_tier tier) {
	if (!(atomic_load_explicit(&state->served_tiers, memory_order_relaxed) & 1U << tier))
		atomic_fetch_or_explicit(&state->missing_tiers, 1U << tier, memory_order_relaxed);
}
static inline void model_state_note_served_tier(struct model_state *state, enum service_tier tier) {
	if (!(atomic_load_explicit(&state->served_tiers, memory_order_relaxed) & 1U << tier))
		atomic_fetch_or_explicit(&state->served_tiers, 1U << tier, memory_order_relaxed);
}

// Reports what an admission would meet, without admitting anything.
void model_state_availability(struct model_state *state, const struct admission_request *admission_request,
                              uint64_t now_ms, struct availability *out);

// How an attempt is admitted while its model cools down.
enum admission {
	ADMIT_AVAILABLE,   // not during a cooldown
	ADMIT_LAST_RESORT, // during a cooldown too, one such attempt at a time
	ADMIT_ANYWAY,      // whatever cooldown there is, and whatever others use of the quota
};

// What an admitted attempt holds, from model_state_admit to model_state_settle.
struct permit {
	struct breaker_permit breaker;
	struct quota_reservation quota;
	bool last_resort;
	uint64_t sent_ms;
};

// What a call has changed, for events.
struct state_changes {
	enum breaker_state breaker_before, breaker; // equal if it has not changed
	uint64_t cooldown_ms;                       // of a cooldown that began; else 0, and what follows is not set
	bool is_deprioritized;                      // the model stays usable, after the others
	enum service_tier cooldown_tier;            // that cools down; TIER_NONE is the whole model
};

// Admits an attempt at breaker, cooldown and quota together. False, with nothing taken, if any of them refuses it.
bool model_state_admit(struct model_state *state, const struct admission_request *admission_request,
                       enum admission admission, uint64_t now_ms, struct permit *permit, struct state_changes *changes);

// The attempt's response has begun to flow to the client.
void model_state_commit(struct model_state *state, const struct breaker_settings *settings, struct permit *permit,
                        struct state_changes *changes);

// How an attempt ended. `classification` is set for OUTCOME_RATE_LIMIT and OUTCOME_FAIL_FAST.
struct settlement {
	enum outcome outcome;
	bool escalated; // it was made at a higher tier than the throttled one, whose cooldown it doesn't affect
	struct classification classification;
	uint64_t latency_ms;
	int64_t ttft_ms;
	struct token_usage usage;
	enum quota_use quota_use;
	enum shortage exhausted; // the limit that a throttle named
};

// Gives the permit back and records the attempt; once for each admission.
void model_state_settle(struct model_state *state, const struct admission_request *admission_request,
                        struct permit *permit, const struct settlement *settlement, uint64_t now_ms,
                        struct state_changes *changes);

// Only for the registry.
struct model_state *model_state_new(void);
void model_state_free(struct model_state *state);

#endif

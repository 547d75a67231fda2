// SPDX-License-Identifier: Apache-2.0
// A model's state as the request machine uses it: asking whether it may be sent to, taking a place, giving it back with
// what was learnt. Each call locks once, for O(1). Views and commands are in route/state.h.
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
	bool last_resort_taken;        // an attempt has been sent although the model rests
	double latency_moving_average; // 0 before the first success
	double ttft_moving_average;    // 0 before the first stream
	// Percentiles for views, and as of when.
	struct model_statistics recent;
	uint64_t recent_at_ms, recent_recorded;

	struct registry *registry; // and what follows is the registry's
	uint64_t references;
	char *name, *id, *region, *endpoint;

	// Nothing stands in the way: breaker closed, no rest known. The one word that eligibility reads for most models;
	// only where it is false is the lock taken to learn what and until when. It stands apart from what attempts write,
	// so that workers can keep it in their caches.
	atomic_bool clear;
	// An upper bound of what is used of the quota: where it leaves room, there is some.
	atomic_uint_least64_t requests_used, tokens_used;
	atomic_uint missing_tiers; // bits of enum service_tier that the model has been found to lack
	atomic_uint served_tiers; // and of those that it has answered at: what sounds like a lack of one may be a quotation
};

// What stands in a model's way.
struct availability {
	bool admits; // the breaker would admit
	// When an open breaker lets probes through; UINT64_MAX where it is forced open, 0 where no time is known.
	uint64_t opens_ms;
	uint64_t cooldown_until_ms; // 0 when not resting
	unsigned cooldown_tiers;    // bits of those that rest; 0 when the whole model does
	bool deprioritized;         // stands behind other models
	bool last_resort_taken;     // somebody is trying it although it rests
	uint64_t short_until_ms;    // until when its quota has no room for the request; 0 where it has
	bool may_return;            // it is short of tokens alone, and attempts hold some that they may give back before
};

// What a policy version's model and a request bring along. Without a quota to keep, `quota` has no limits.
struct admission_request {
	const struct breaker_settings *breaker;
	const struct quota *quota;
	struct quota_demand demand;
	enum service_tier tier; // of an attempt, where tiers rest by themselves; else TIER_NONE
};

static inline struct admission_request admission_request_of(const struct model *model, struct quota_demand demand) {
	return (struct admission_request){.breaker = &model->breaker, .quota = &model->quota, .demand = demand};
}

static inline bool model_state_is_clear(struct model_state *state) {
	return atomic_load_explicit(&state->clear, memory_order_relaxed);
}

// Whether the quota has room for certain. Where it isn't certain, model_state_availability knows.
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

// Each is remembered until the breaker is reset. A tier that has served is never missing.
static inline void model_state_note_missing_tier(struct model_state *state, enum service_tier tier) {
	if (!(atomic_load_explicit(&state->served_tiers, memory_order_relaxed) & 1U << tier))
		atomic_fetch_or_explicit(&state->missing_tiers, 1U << tier, memory_order_relaxed);
}
static inline void model_state_note_served_tier(struct model_state *state, enum service_tier tier) {
	if (!(atomic_load_explicit(&state->served_tiers, memory_order_relaxed) & 1U << tier))
		atomic_fetch_or_explicit(&state->served_tiers, 1U << tier, memory_order_relaxed);
}

// Asks, without effect on what an attempt can take.
void model_state_availability(struct model_state *state, const struct admission_request *admission_request,
                              uint64_t now_ms, struct availability *out);

// How much a model's rest matters to an attempt.
enum admission {
	ADMIT_AVAILABLE,   // only if it does not rest
	ADMIT_LAST_RESORT, // though it rests, if nobody else does so at the moment
	ADMIT_ANYWAY,      // rests don't matter, nor what others use of its quota
};

// What an attempt holds of its model, from model_state_admit to model_state_settle.
struct permit {
	struct breaker_permit breaker;
	struct quota_hold quota;
	bool last_resort;
	uint64_t sent_ms;
};

// What a call changed, for events.
struct state_changes {
	enum breaker_state breaker_before, breaker; // the same where it has not changed
	uint64_t cooldown_ms;                       // of a cooldown that began; else 0, and what follows is not set
	bool is_deprioritized;                      // the model stays usable, after the others
	enum service_tier cooldown_tier;            // that cools down; TIER_NONE is the whole model
};

// Takes a place for an attempt: breaker, rest and quota in one go; false with nothing taken.
bool model_state_admit(struct model_state *state, const struct admission_request *admission_request,
                       enum admission admission, uint64_t now_ms, struct permit *permit,
                       struct state_changes *state_changes);

// The attempt's answer has begun to flow.
void model_state_commit(struct model_state *state, const struct breaker_settings *settings, struct permit *permit,
                        struct state_changes *state_changes);

// What an attempt came to. `classification` holds for the outcomes OUTCOME_RATE_LIMIT and OUTCOME_FAIL_FAST.
struct settlement {
	enum outcome outcome;
	bool escalated; // at another tier than the one that was throttled, whose rests it says nothing of
	struct classification classification;
	uint64_t latency_ms;
	int64_t ttft_ms;
	struct usage usage;
	enum quota_use quota_use;
	enum shortage exhausted; // the limit that a throttle spoke of
};

// Gives the pass back and records the attempt, once.
void model_state_settle(struct model_state *state, const struct admission_request *admission_request,
                        struct permit *permit, const struct settlement *settlement, uint64_t now_ms,
                        struct state_changes *state_changes);

// Made and freed by the registry alone.
struct model_state *model_state_new(void);
void model_state_free(struct model_state *state);

#endif

// SPDX-License-Identifier: Apache-2.0
// A model's state behind its lock: breaker, cooldown, quota, window and statistics change together, in one critical
// section that an attempt enters twice (three times for a stream). Nothing here calls out while it holds the lock.
#include "route/model_state.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "route/elapsed.h"

enum { LONGEST_COOLDOWN_MS = 86400000 };

struct model_state *model_state_new(void) {
	struct model_state *state = memory_new(1, sizeof *state);
	pthread_mutex_init(&state->lock, NULL);
	atomic_init(&state->clear, true);
	atomic_init(&state->requests_used, 0);
	atomic_init(&state->tokens_used, 0);
	atomic_init(&state->missing_tiers, 0);
	atomic_init(&state->served_tiers, 0);
	return state;
}

void model_state_free(struct model_state *state) {
	assert(state->inflight == 0);
	pthread_mutex_destroy(&state->lock);
	free(state);
}

// Passing time can only make a model available, so `clear` stays true until the next change.
static void update_clear(struct model_state *state, uint64_t now_ms) {
	bool clear = state->breaker.state == BREAKER_CLOSED && !cooldown_is_active(&state->cooldown, now_ms) &&
	             !cooldown_is_deprioritized(&state->cooldown, now_ms);
	if (clear != atomic_load_explicit(&state->clear, memory_order_relaxed))
		atomic_store_explicit(&state->clear, clear, memory_order_relaxed);
}

// Passing time can only reduce use, so the bound holds until something more is used.
static void update_quota_used(struct model_state *state, uint64_t now_ms) {
	uint64_t requests, tokens;
	quota_used(&state->quota, now_ms, &requests, &tokens);
	atomic_store_explicit(&state->requests_used, requests, memory_order_relaxed);
	atomic_store_explicit(&state->tokens_used, tokens, memory_order_relaxed);
}

static void record_breaker(const struct breaker *breaker, enum breaker_state before, struct state_changes *changes) {
	changes->breaker_before = before;
	changes->breaker = breaker->state;
}

void model_state_availability(struct model_state *state, const struct admission_request *admission_request,
                              uint64_t now_ms, struct availability *out) {
	bool is_limited = quota_is_limited(admission_request->quota);
	model_state_lock(state);
	update_clear(state, now_ms);
	if (is_limited)
		update_quota_used(state, now_ms);
	bool is_short =
	    is_limited && !quota_admits(&state->quota, admission_request->quota, admission_request->demand, false, now_ms);
	*out = (struct availability){
	    .admits = breaker_would_admit(&state->breaker, admission_request->breaker, now_ms),
	    .opens_ms = breaker_opens_ms(&state->breaker, admission_request->breaker),
	    .short_until_ms =
	        is_short ? quota_returns_ms(&state->quota, admission_request->quota, admission_request->demand, now_ms) : 0,
	    .cooldown_until_ms = cooldown_is_active(&state->cooldown, now_ms) ? state->cooldown.until_ms : 0,
	    .cooldown_tiers = cooldown_is_active(&state->cooldown, now_ms) ? state->cooldown.tiers : 0,
	    .deprioritized = cooldown_is_deprioritized(&state->cooldown, now_ms),
	    .may_free_early =
	        is_short && state->inflight > 0 && quota_admits_requests(&state->quota, admission_request->quota, now_ms),
	    .last_resort_taken = state->last_resort_taken,
	};
	model_state_unlock(state);
}

static bool cooldown_allows(const struct model_state *state, enum service_tier tier, enum admission admission,
                            uint64_t now_ms) {
	if (admission == ADMIT_ANYWAY || !cooldown_holds(&state->cooldown, tier, now_ms))
		return true;
	return admission == ADMIT_LAST_RESORT && !state->last_resort_taken;
}

static void reserve_quota(struct model_state *state, const struct admission_request *admission_request, uint64_t now_ms,
                          struct permit *permit) {
	if (quota_is_limited(admission_request->quota)) {
		quota_reserve(&state->quota, admission_request->quota, admission_request->demand, now_ms, &permit->quota);
		update_quota_used(state, now_ms);
	} else if (quota_is_limited(&state->quota.limits)) {
		state->quota.limits = (struct quota){0};
	}
}

bool model_state_admit(struct model_state *state, const struct admission_request *admission_request,
                       enum admission admission, uint64_t now_ms, struct permit *permit,
                       struct state_changes *changes) {
	*changes = (struct state_changes){0};
	*permit = (struct permit){.sent_ms = now_ms};
	model_state_lock(state);
	enum breaker_state before = state->breaker.state;
	bool admitted = cooldown_allows(state, admission_request->tier, admission, now_ms) &&
	                (!quota_is_limited(admission_request->quota) ||
	                 quota_admits(&state->quota, admission_request->quota, admission_request->demand,
	                              admission == ADMIT_ANYWAY, now_ms)) &&
	                breaker_admit(&state->breaker, admission_request->breaker, now_ms, &permit->breaker);
	if (admitted) {
		reserve_quota(state, admission_request, now_ms, permit);
		state->inflight++;
		permit->last_resort =
		    admission == ADMIT_LAST_RESORT && cooldown_holds(&state->cooldown, admission_request->tier, now_ms);
		if (permit->last_resort)
			state->last_resort_taken = true;
		record_breaker(&state->breaker, before, changes);
	}
	model_state_unlock(state);
	return admitted;
}

static void release_last_resort(struct model_state *state, struct permit *permit) {
	if (permit->last_resort)
		state->last_resort_taken = false;
	permit->last_resort = false;
}

void model_state_commit(struct model_state *state, const struct breaker_settings *settings, struct permit *permit,
                        struct state_changes *changes) {
	*changes = (struct state_changes){0};
	model_state_lock(state);
	enum breaker_state before = state->breaker.state;
	breaker_committed(&state->breaker, settings, &permit->breaker);
	release_last_resort(state, permit);
	record_breaker(&state->breaker, before, changes);
	model_state_unlock(state);
}

// Only the start of a cooldown is a change, not its extension: a burst of throttles must not be a burst of events.
static void start_cooldown(struct model_state *state, const struct admission_request *admission_request,
                           const struct classification *classification, uint64_t sent_ms, uint64_t now_ms,
                           struct state_changes *changes) {
	struct cooldown *cooldown = &state->cooldown;
	uint64_t length_ms =
	    classification->cooldown_ms < LONGEST_COOLDOWN_MS ? classification->cooldown_ms : LONGEST_COOLDOWN_MS;
	bool deprioritizes = classification->deprioritizes && !classification->throttle;
	bool goes_on = deprioritizes ? cooldown_is_deprioritized(cooldown, now_ms) : cooldown_is_active(cooldown, now_ms);
	if (classification->throttle)
		cooldown_throttled(cooldown, admission_request->tier, length_ms, admission_request->breaker->recovery_time_ms,
		                   sent_ms, now_ms);
	else if (deprioritizes)
		cooldown_deprioritize(cooldown, length_ms, now_ms);
	else if (length_ms > 0)
		cooldown_start(cooldown, length_ms, now_ms);
	if (goes_on)
		return;
	changes->is_deprioritized = deprioritizes;
	changes->cooldown_ms = elapsed_ms(deprioritizes ? cooldown->deprioritized_until_ms : cooldown->until_ms, now_ms);
	changes->cooldown_tier = classification->throttle ? admission_request->tier : TIER_NONE;
}

static void move_average(double *average, uint64_t sample) {
	*average = *average > 0 ? *average + ((double)sample - *average) / 8 : (double)sample;
}

static void record_response(struct model_state *state, const struct breaker_settings *settings, struct permit *permit,
                            const struct settlement *settlement, uint64_t now_ms) {
	breaker_succeeded(&state->breaker, settings, &permit->breaker);
	if (settlement->escalated)
		cooldown_end_deprioritized(&state->cooldown);
	else
		cooldown_succeeded(&state->cooldown);
	window_add(&state->window, WINDOW_SUCCESS, settlement->latency_ms, now_ms);
	if (settlement->outcome == OUTCOME_SUCCESS)
		move_average(&state->latency_moving_average, settlement->latency_ms);
}

static void record_failure(struct model_state *state, const struct admission_request *admission_request,
                           struct permit *permit, const struct settlement *settlement, uint64_t now_ms,
                           struct state_changes *changes) {
	bool counts = settlement->classification.counts;
	if (counts)
		breaker_failed(&state->breaker, admission_request->breaker, &permit->breaker, now_ms);
	else
		breaker_released(&state->breaker, &permit->breaker);
	start_cooldown(state, admission_request, &settlement->classification, permit->sent_ms, now_ms, changes);
	window_add(&state->window, counts ? WINDOW_FAILURE : WINDOW_PLAIN, settlement->latency_ms, now_ms);
}

// An attempt without a reservation has no effect on the quota.
static void settle_quota(struct model_state *state, const struct quota *quota, struct permit *permit,
                         const struct settlement *settlement, uint64_t now_ms) {
	if (!permit->quota.is_held)
		return;
	quota_settle(&state->quota, quota, &permit->quota, settlement->quota_use, &settlement->usage, now_ms);
	quota_exhaust(&state->quota, quota, settlement->exhausted, now_ms);
	update_quota_used(state, now_ms);
}

void model_state_settle(struct model_state *state, const struct admission_request *admission_request,
                        struct permit *permit, const struct settlement *settlement, uint64_t now_ms,
                        struct state_changes *changes) {
	*changes = (struct state_changes){0};
	model_state_lock(state);
	enum breaker_state before = state->breaker.state;
	assert(state->inflight > 0);
	state->inflight--;
	release_last_resort(state, permit);
	settle_quota(state, admission_request->quota, permit, settlement, now_ms);
	switch (settlement->outcome) {
	case OUTCOME_SUCCESS:
	case OUTCOME_REFUSAL:
		record_response(state, admission_request->breaker, permit, settlement, now_ms);
		break;
	case OUTCOME_RATE_LIMIT:
	case OUTCOME_FAIL_FAST:
		record_failure(state, admission_request, permit, settlement, now_ms, changes);
		break;
	case OUTCOME_CANCELLED:
		breaker_released(&state->breaker, &permit->breaker);
		break;
	}
	if (settlement->ttft_ms >= 0 && settlement->outcome != OUTCOME_CANCELLED)
		move_average(&state->ttft_moving_average, (uint64_t)settlement->ttft_ms);
	statistics_add(&state->statistics, settlement->outcome, settlement->latency_ms, &settlement->usage);
	record_breaker(&state->breaker, before, changes);
	update_clear(state, now_ms);
	model_state_unlock(state);
}

static enum breaker_state force_breaker(struct model_state *state, bool is_open, uint64_t now_ms) {
	model_state_lock(state);
	enum breaker_state before = state->breaker.state;
	if (is_open)
		breaker_force_open(&state->breaker, now_ms);
	else
		breaker_close(&state->breaker);
	update_clear(state, now_ms);
	model_state_unlock(state);
	return before;
}

enum breaker_state model_state_force_open(struct model_state *state, uint64_t now_ms) {
	return force_breaker(state, true, now_ms);
}

enum breaker_state model_state_force_close(struct model_state *state, uint64_t now_ms) {
	return force_breaker(state, false, now_ms);
}

// As if new: closed, without a cooldown, with every tier, and without others on the account.
enum breaker_state model_state_reset_breaker(struct model_state *state, uint64_t now_ms) {
	model_state_lock(state);
	enum breaker_state before = state->breaker.state;
	breaker_close(&state->breaker);
	state->cooldown = (struct cooldown){0};
	quota_forget_others(&state->quota);
	update_quota_used(state, now_ms);
	atomic_store_explicit(&state->missing_tiers, 0, memory_order_relaxed);
	atomic_store_explicit(&state->served_tiers, 0, memory_order_relaxed);
	update_clear(state, now_ms);
	model_state_unlock(state);
	return before;
}

void model_state_reset_statistics(struct model_state *state) {
	model_state_lock(state);
	state->statistics = (struct statistics){0};
	state->recent = (struct model_percentiles){0};
	state->recent_recorded = 0;
	model_state_unlock(state);
}

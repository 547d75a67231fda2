// SPDX-License-Identifier: Apache-2.0
// A model's state behind its lock: breaker, cooldown, quota, window and statistics move together, in one critical
// section an attempt takes twice (three times for a stream). Nothing here calls out while it holds the lock.
#include "route/model_state.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "route/elapsed.h"

enum { RECENT_MS = 1000, LONGEST_COOLDOWN_MS = 86400000 };

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

static void lock(struct model_state *state) {
	pthread_mutex_lock(&state->lock);
}

static void unlock(struct model_state *state) {
	pthread_mutex_unlock(&state->lock);
}

// Time only ever takes obstacles away, so "clear" stays true until the next change.
static void note_clear(struct model_state *state, uint64_t now_ms) {
	bool clear = state->breaker.state == BREAKER_CLOSED && !cooldown_is_active(&state->cooldown, now_ms) &&
	             !cooldown_is_deprioritized(&state->cooldown, now_ms);
	if (clear != atomic_load_explicit(&state->clear, memory_order_relaxed))
		atomic_store_explicit(&state->clear, clear, memory_order_relaxed);
}

// Time only ever takes use away, so the bound holds until something more is used.
static void note_used(struct model_state *state, uint64_t now_ms) {
	uint64_t requests, tokens;
	quota_used(&state->quota, now_ms, &requests, &tokens);
	atomic_store_explicit(&state->requests_used, requests, memory_order_relaxed);
	atomic_store_explicit(&state->tokens_used, tokens, memory_order_relaxed);
}

// Compares the breaker with what it was.
static void tell_breaker(const struct breaker *breaker, enum breaker_state before,
                         struct state_changes *state_changes) {
	state_changes->breaker_before = before;
	state_changes->breaker = breaker->state;
}

static uint64_t opens_ms(const struct breaker *breaker, const struct breaker_settings *settings) {
	if (breaker->forced_open)
		return UINT64_MAX;
	return breaker->state == BREAKER_OPEN ? breaker->opened_at_ms + settings->recovery_time_ms : 0;
}

void model_state_availability(struct model_state *state, const struct admission_request *admission_request,
                              uint64_t now_ms, struct availability *out) {
	bool is_limited = quota_is_limited(admission_request->quota);
	lock(state);
	note_clear(state, now_ms);
	if (is_limited)
		note_used(state, now_ms);
	bool is_short =
	    is_limited && !quota_admits(&state->quota, admission_request->quota, admission_request->demand, false, now_ms);
	*out = (struct availability){
	    .admits = breaker_would_admit(&state->breaker, admission_request->breaker, now_ms),
	    .opens_ms = opens_ms(&state->breaker, admission_request->breaker),
	    .short_until_ms =
	        is_short ? quota_returns_ms(&state->quota, admission_request->quota, admission_request->demand, now_ms) : 0,
	    .cooldown_until_ms = cooldown_is_active(&state->cooldown, now_ms) ? state->cooldown.until_ms : 0,
	    .cooldown_tiers = cooldown_is_active(&state->cooldown, now_ms) ? state->cooldown.tiers : 0,
	    .deprioritized = cooldown_is_deprioritized(&state->cooldown, now_ms),
	    .may_return =
	        is_short && state->inflight > 0 && quota_admits_requests(&state->quota, admission_request->quota, now_ms),
	    .last_resort_taken = state->last_resort_taken,
	};
	unlock(state);
}

static bool cooldown_allows(const struct model_state *state, enum service_tier tier, enum admission admission,
                            uint64_t now_ms) {
	if (admission == ADMIT_ANYWAY || !cooldown_holds(&state->cooldown, tier, now_ms))
		return true;
	return admission == ADMIT_LAST_RESORT && !state->last_resort_taken;
}

static void reserve(struct model_state *state, const struct admission_request *admission_request, uint64_t now_ms,
                    struct permit *permit) {
	if (quota_is_limited(admission_request->quota)) {
		quota_take(&state->quota, admission_request->quota, admission_request->demand, now_ms, &permit->quota);
		note_used(state, now_ms);
	} else if (quota_is_limited(&state->quota.limits)) {
		state->quota.limits = (struct quota){0};
	}
}

bool model_state_admit(struct model_state *state, const struct admission_request *admission_request,
                       enum admission admission, uint64_t now_ms, struct permit *permit,
                       struct state_changes *state_changes) {
	*state_changes = (struct state_changes){0};
	*permit = (struct permit){.sent_ms = now_ms};
	lock(state);
	enum breaker_state before = state->breaker.state;
	bool admitted = cooldown_allows(state, admission_request->tier, admission, now_ms) &&
	                (!quota_is_limited(admission_request->quota) ||
	                 quota_admits(&state->quota, admission_request->quota, admission_request->demand,
	                              admission == ADMIT_ANYWAY, now_ms)) &&
	                breaker_admit(&state->breaker, admission_request->breaker, now_ms, &permit->breaker);
	if (admitted) {
		reserve(state, admission_request, now_ms, permit);
		state->inflight++;
		permit->last_resort =
		    admission == ADMIT_LAST_RESORT && cooldown_holds(&state->cooldown, admission_request->tier, now_ms);
		if (permit->last_resort)
			state->last_resort_taken = true;
		tell_breaker(&state->breaker, before, state_changes);
	}
	unlock(state);
	return admitted;
}

static void leave_last_resort(struct model_state *state, struct permit *permit) {
	if (permit->last_resort)
		state->last_resort_taken = false;
	permit->last_resort = false;
}

void model_state_commit(struct model_state *state, const struct breaker_settings *settings, struct permit *permit,
                        struct state_changes *state_changes) {
	*state_changes = (struct state_changes){0};
	lock(state);
	enum breaker_state before = state->breaker.state;
	breaker_committed(&state->breaker, settings, &permit->breaker);
	leave_last_resort(state, permit);
	tell_breaker(&state->breaker, before, state_changes);
	unlock(state);
}

// What begins is told; what is made longer is not, or a burst of throttles would be a burst of news.
static void rest(struct model_state *state, const struct admission_request *admission_request,
                 const struct classification *classification, uint64_t sent_ms, uint64_t now_ms,
                 struct state_changes *state_changes) {
	struct cooldown *cooldown = &state->cooldown;
	uint64_t length_ms =
	    classification->cooldown_ms < LONGEST_COOLDOWN_MS ? classification->cooldown_ms : LONGEST_COOLDOWN_MS;
	bool orders_only = classification->orders_only && !classification->throttle;
	bool goes_on = orders_only ? cooldown_is_deprioritized(cooldown, now_ms) : cooldown_is_active(cooldown, now_ms);
	if (classification->throttle)
		cooldown_throttled(cooldown, admission_request->tier, length_ms, admission_request->breaker->recovery_time_ms,
		                   sent_ms, now_ms);
	else if (orders_only)
		cooldown_deprioritize(cooldown, length_ms, now_ms);
	else if (length_ms > 0)
		cooldown_start(cooldown, length_ms, now_ms);
	if (goes_on)
		return;
	state_changes->is_deprioritized = orders_only;
	state_changes->cooldown_ms = elapsed_ms(orders_only ? cooldown->orders_until_ms : cooldown->until_ms, now_ms);
	state_changes->cooldown_tier = classification->throttle ? admission_request->tier : TIER_NONE;
}

static void move_average(double *average, uint64_t sample) {
	*average = *average > 0 ? *average + ((double)sample - *average) / 8 : (double)sample;
}

static void record_answer(struct model_state *state, const struct breaker_settings *settings, struct permit *permit,
                          const struct settlement *settlement, uint64_t now_ms) {
	breaker_succeeded(&state->breaker, settings, &permit->breaker);
	if (settlement->escalated)
		cooldown_mended(&state->cooldown);
	else
		cooldown_succeeded(&state->cooldown);
	window_add(&state->window, WINDOW_SUCCESS, settlement->latency_ms, now_ms);
	if (settlement->outcome == OUTCOME_SUCCESS)
		move_average(&state->latency_moving_average, settlement->latency_ms);
}

static void record_failure(struct model_state *state, const struct admission_request *admission_request,
                           struct permit *permit, const struct settlement *settlement, uint64_t now_ms,
                           struct state_changes *state_changes) {
	bool counts = settlement->classification.counts;
	if (counts)
		breaker_failed(&state->breaker, admission_request->breaker, &permit->breaker, now_ms);
	else
		breaker_released(&state->breaker, &permit->breaker);
	rest(state, admission_request, &settlement->classification, permit->sent_ms, now_ms, state_changes);
	window_add(&state->window, counts ? WINDOW_FAILURE : WINDOW_PLAIN, settlement->latency_ms, now_ms);
}

// What a reservation came to. An attempt without one has nothing to say of a quota.
static void settle_quota(struct model_state *state, const struct quota *quota, struct permit *permit,
                         const struct settlement *settlement, uint64_t now_ms) {
	if (!permit->quota.is_held)
		return;
	quota_settle(&state->quota, quota, &permit->quota, settlement->quota_use, &settlement->usage, now_ms);
	quota_exhaust(&state->quota, quota, settlement->exhausted, now_ms);
	note_used(state, now_ms);
}

void model_state_settle(struct model_state *state, const struct admission_request *admission_request,
                        struct permit *permit, const struct settlement *settlement, uint64_t now_ms,
                        struct state_changes *state_changes) {
	*state_changes = (struct state_changes){0};
	lock(state);
	enum breaker_state before = state->breaker.state;
	assert(state->inflight > 0);
	state->inflight--;
	leave_last_resort(state, permit);
	settle_quota(state, admission_request->quota, permit, settlement, now_ms);
	switch (settlement->outcome) {
	case OUTCOME_SUCCESS:
	case OUTCOME_REFUSAL:
		record_answer(state, admission_request->breaker, permit, settlement, now_ms);
		break;
	case OUTCOME_RATE_LIMIT:
	case OUTCOME_FAIL_FAST:
		record_failure(state, admission_request, permit, settlement, now_ms, state_changes);
		break;
	case OUTCOME_CANCELLED:
		breaker_released(&state->breaker, &permit->breaker);
		break;
	}
	if (settlement->ttft_ms >= 0 && settlement->outcome != OUTCOME_CANCELLED)
		move_average(&state->ttft_moving_average, (uint64_t)settlement->ttft_ms);
	statistics_add(&state->statistics, settlement->outcome, settlement->latency_ms, &settlement->usage);
	tell_breaker(&state->breaker, before, state_changes);
	note_clear(state, now_ms);
	unlock(state);
}

static void fill_snapshot(struct model_state *state, const struct breaker_settings *settings, uint64_t now_ms,
                          struct model_snapshot *out) {
	const struct breaker *breaker = &state->breaker;
	enum breaker_state availability = breaker_state_at(breaker, settings, now_ms);
	window_expire(&state->window, now_ms);
	bool healthy = availability != BREAKER_OPEN && !window_is_failing(&state->window);
	*out = (struct model_snapshot){
	    .breaker = availability,
	    .forced_open = breaker->forced_open,
	    .healthy = healthy,
	    .degraded = healthy && availability != BREAKER_CLOSED,
	    .failures = breaker_recent_failures(breaker, settings, now_ms),
	    .successes = breaker->successes,
	    .opened_at_ms = availability == BREAKER_OPEN ? breaker->opened_at_ms : 0,
	    .next_retry_at_ms = availability == BREAKER_OPEN && !breaker->forced_open ? opens_ms(breaker, settings) : 0,
	    .cooldown_until_ms = cooldown_is_active(&state->cooldown, now_ms) ? state->cooldown.until_ms : 0,
	    .deprioritized_until_ms =
	        cooldown_is_deprioritized(&state->cooldown, now_ms) ? state->cooldown.orders_until_ms : 0,
	    .error_rate = window_error_rate(&state->window),
	    .requests_per_minute = window_requests_per_minute(&state->window, now_ms),
	    .average_latency_ms = window_average_latency_ms(&state->window),
	    .latency_moving_average_ms = state->latency_moving_average,
	    .last_success_ms = state->window.last_success_ms,
	    .last_failure_ms = state->window.last_failure_ms,
	    .inflight = state->inflight,
	    .headroom = quota_headroom(&state->quota, now_ms),
	    .ttft_ms = state->ttft_moving_average,
	};
}

// Whether the percentiles are out of date, in which case the latencies are copied out: they are sorted without the
// lock.
static bool take_latencies(struct model_state *state, uint64_t now_ms, uint32_t *latencies_ms, size_t *count) {
	bool is_new = state->recent_recorded == 0 || elapsed_ms(now_ms, state->recent_at_ms) >= RECENT_MS;
	if (state->recent_recorded == state->statistics.recorded || !is_new)
		return false;
	state->recent_recorded = state->statistics.recorded;
	state->recent_at_ms = now_ms;
	*count = statistics_kept(&state->statistics);
	memcpy(latencies_ms, state->statistics.latencies_ms, *count * sizeof *latencies_ms);
	return true;
}

void model_state_load(struct model_state *state, struct model_load *out) {
	lock(state);
	out->inflight = state->inflight;
	out->latency_moving_average_ms = state->latency_moving_average;
	out->ttft_ms = state->ttft_moving_average;
	unlock(state);
}

void model_state_outline(struct model_state *state, const struct breaker_settings *settings, uint64_t now_ms,
                         struct model_snapshot *out) {
	lock(state);
	fill_snapshot(state, settings, now_ms, out);
	unlock(state);
}

void model_state_percentiles(struct model_state *state, uint64_t now_ms, struct model_percentiles *out) {
	uint32_t latencies_ms[STATISTICS_LATENCIES];
	size_t count;
	lock(state);
	struct model_statistics recent = state->recent;
	bool is_due = take_latencies(state, now_ms, latencies_ms, &count);
	unlock(state);
	if (is_due) {
		recent = (struct model_statistics){0};
		statistics_summarise(latencies_ms, count, &recent);
		lock(state);
		state->recent = recent;
		unlock(state);
	}
	*out = (struct model_percentiles){recent.p50_ms, recent.p95_ms, recent.p99_ms};
}

void model_state_snapshot(struct model_state *state, const struct breaker_settings *settings, uint64_t now_ms,
                          struct model_snapshot *out) {
	struct model_percentiles percentiles;
	model_state_percentiles(state, now_ms, &percentiles);
	model_state_outline(state, settings, now_ms, out);
	out->p50_ms = percentiles.p50_ms;
	out->p95_ms = percentiles.p95_ms;
	out->p99_ms = percentiles.p99_ms;
}

enum breaker_state model_state_force_open(struct model_state *state, uint64_t now_ms) {
	lock(state);
	enum breaker_state before = state->breaker.state;
	breaker_force_open(&state->breaker, now_ms);
	note_clear(state, now_ms);
	unlock(state);
	return before;
}

enum breaker_state model_state_force_close(struct model_state *state, uint64_t now_ms) {
	lock(state);
	enum breaker_state before = state->breaker.state;
	breaker_close(&state->breaker);
	note_clear(state, now_ms);
	unlock(state);
	return before;
}

// As on the first day: closed, without a rest, with every tier, and nobody else on the account.
enum breaker_state model_state_reset_breaker(struct model_state *state, uint64_t now_ms) {
	lock(state);
	enum breaker_state before = state->breaker.state;
	breaker_close(&state->breaker);
	state->cooldown = (struct cooldown){0};
	quota_forget_others(&state->quota);
	note_used(state, now_ms);
	atomic_store_explicit(&state->missing_tiers, 0, memory_order_relaxed);
	atomic_store_explicit(&state->served_tiers, 0, memory_order_relaxed);
	note_clear(state, now_ms);
	unlock(state);
	return before;
}

void model_state_reset_statistics(struct model_state *state) {
	lock(state);
	state->statistics = (struct statistics){0};
	state->recent = (struct model_statistics){0};
	state->recent_recorded = 0;
	unlock(state);
}

// Copies the latencies to `latencies_ms` (room for STATISTICS_LATENCIES) and adds the counts; answers how many.
static size_t read_statistics(struct model_state *state, uint32_t *latencies_ms, struct model_statistics *out) {
	lock(state);
	size_t count = statistics_kept(&state->statistics);
	memcpy(latencies_ms, state->statistics.latencies_ms, count * sizeof *latencies_ms);
	statistics_add_counts(&state->statistics, out);
	unlock(state);
	return count;
}

void model_state_statistics(struct model_state *state, struct model_statistics *out) {
	uint32_t latencies_ms[STATISTICS_LATENCIES];
	*out = (struct model_statistics){0};
	statistics_summarise(latencies_ms, read_statistics(state, latencies_ms, out), out);
}

void statistics_total(struct model_state *const *states, size_t count, struct model_statistics *out) {
	*out = (struct model_statistics){0};
	if (count == 0)
		return;
	uint32_t *latencies_ms = memory_new(count, STATISTICS_LATENCIES * sizeof *latencies_ms);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		kept += read_statistics(states[i], latencies_ms + kept, out);
	statistics_summarise(latencies_ms, kept, out);
	free(latencies_ms);
}

void pool_health(const struct pool *pool, uint64_t now_ms, struct system_health *out) {
	*out = (struct system_health){0};
	for (size_t i = 0; i < pool->count; i++) {
		const struct model *model = &pool->models[i];
		struct model_snapshot snapshot;
		lock(model->state);
		fill_snapshot(model->state, &model->breaker, now_ms, &snapshot);
		unlock(model->state);
		out->healthy_count += snapshot.healthy;
		out->degraded_count += snapshot.degraded;
		out->unhealthy_count += !snapshot.healthy;
	}
	size_t bound = pool->count / 2 > 1 ? pool->count / 2 : 1;
	out->healthy = out->unhealthy_count < bound && out->healthy_count > 0;
}

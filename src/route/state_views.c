// SPDX-License-Identifier: Apache-2.0
// A model's state as views, reports and the admin server read it. Latencies are copied under the lock and summed
// up outside it.
#include "route/elapsed.h"
#include "route/model_state.h"

enum { RECENT_MS = 1000 };

static void fill_snapshot(struct model_state *state, const struct breaker_settings *settings, uint64_t now_ms,
                          struct model_snapshot *out) {
	const struct breaker *breaker = &state->breaker;
	enum breaker_state current = breaker_state_at(breaker, settings, now_ms);
	window_expire(&state->window, now_ms);
	bool healthy = current != BREAKER_OPEN && !window_is_failing(&state->window);
	*out = (struct model_snapshot){
	    .breaker = current,
	    .forced_open = breaker->forced_open,
	    .healthy = healthy,
	    .degraded = healthy && current != BREAKER_CLOSED,
	    .failures = breaker_recent_failures(breaker, settings, now_ms),
	    .successes = breaker->successes,
	    .opened_at_ms = current == BREAKER_OPEN ? breaker->opened_at_ms : 0,
	    .next_retry_at_ms = current == BREAKER_OPEN && !breaker->forced_open ? breaker_opens_ms(breaker, settings) : 0,
	    .cooldown_until_ms = cooldown_is_active(&state->cooldown, now_ms) ? state->cooldown.until_ms : 0,
	    .deprioritized_until_ms =
	        cooldown_is_deprioritized(&state->cooldown, now_ms) ? state->cooldown.deprioritized_until_ms : 0,
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

// Whether the percentiles are out of date. If so, copies the latencies, to be summed up without the lock.
static bool take_latencies(struct model_state *state, uint64_t now_ms, struct latencies *latencies) {
	uint64_t recorded = state->statistics.latencies.recorded;
	bool is_due = state->recent_recorded == 0 || elapsed_ms(now_ms, state->recent_at_ms) >= RECENT_MS;
	if (state->recent_recorded == recorded || !is_due)
		return false;
	state->recent_recorded = recorded;
	state->recent_at_ms = now_ms;
	*latencies = state->statistics.latencies;
	return true;
}

void model_state_load(struct model_state *state, struct model_load *out) {
	model_state_lock(state);
	out->inflight = state->inflight;
	out->latency_moving_average_ms = state->latency_moving_average;
	out->ttft_ms = state->ttft_moving_average;
	model_state_unlock(state);
}

void model_state_outline(struct model_state *state, const struct breaker_settings *settings, uint64_t now_ms,
                         struct model_snapshot *out) {
	model_state_lock(state);
	fill_snapshot(state, settings, now_ms, out);
	model_state_unlock(state);
}

static struct model_percentiles percentiles_of(const struct latencies *latencies) {
	struct latency_total total = {0};
	struct model_statistics summary = {0};
	latencies_add_to(latencies, &total);
	latency_total_summarise(&total, &summary);
	return (struct model_percentiles){summary.p50_ms, summary.p95_ms, summary.p99_ms};
}

void model_state_percentiles(struct model_state *state, uint64_t now_ms, struct model_percentiles *out) {
	struct latencies latencies;
	model_state_lock(state);
	*out = state->recent;
	bool is_due = take_latencies(state, now_ms, &latencies);
	model_state_unlock(state);
	if (!is_due)
		return;
	*out = percentiles_of(&latencies);
	model_state_lock(state);
	state->recent = *out;
	model_state_unlock(state);
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

void model_state_counts(struct model_state *state, struct model_statistics *out) {
	*out = (struct model_statistics){0};
	model_state_lock(state);
	statistics_add_counts(&state->statistics, out);
	out->average_latency_ms = latencies_average_ms(&state->statistics.latencies);
	model_state_unlock(state);
}

void statistics_total(struct model_state *const *states, size_t count, struct model_statistics *out) {
	struct latency_total total = {0};
	struct latencies latencies;
	*out = (struct model_statistics){0};
	for (size_t i = 0; i < count; i++) {
		model_state_lock(states[i]);
		latencies = states[i]->statistics.latencies;
		statistics_add_counts(&states[i]->statistics, out);
		model_state_unlock(states[i]);
		latencies_add_to(&latencies, &total);
	}
	latency_total_summarise(&total, out);
}

void pool_health(const struct pool *pool, uint64_t now_ms, struct system_health *out) {
	*out = (struct system_health){0};
	for (size_t i = 0; i < pool->count; i++) {
		const struct model *model = &pool->models[i];
		struct model_snapshot snapshot;
		model_state_outline(model->state, &model->breaker, now_ms, &snapshot);
		out->healthy_count += snapshot.healthy;
		out->degraded_count += snapshot.degraded;
		out->unhealthy_count += !snapshot.healthy;
	}
	size_t bound = pool->count / 2 > 1 ? pool->count / 2 : 1;
	out->healthy = out->unhealthy_count < bound && out->healthy_count > 0;
}

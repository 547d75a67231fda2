// SPDX-License-Identifier: Apache-2.0
#include "config/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/time_format.h"
#include "route/decide.h"
#include "route/state.h"

static void append_number(struct buffer *out, const char *name, double number) {
	buffer_printf(out, "\"%s\":%.10g", name, isfinite(number) ? number : 0.0);
}

static void append_count(struct buffer *out, const char *name, uint64_t count) {
	buffer_printf(out, "\"%s\":%" PRIu64, name, count);
}

static void append_flag(struct buffer *out, const char *name, bool flag) {
	buffer_printf(out, "\"%s\":%s", name, flag ? "true" : "false");
}

static void comma(struct buffer *out) {
	buffer_append_byte(out, ',');
}

// A moment of the monotonic clock as calendar time; 0 is none.
static void append_time(struct buffer *out, const char *name, uint64_t at_ms, struct report_time time) {
	char text[TIME_ISO_BYTES];
	if (at_ms == 0) {
		buffer_printf(out, "\"%s\":null", name);
		return;
	}
	time_format_iso(time.wall_ms + (int64_t)(at_ms - time.now_ms), text);
	buffer_printf(out, "\"%s\":\"%s\"", name, text);
}

static struct model_snapshot snapshot_of(const struct model *model, uint64_t now_ms) {
	struct model_snapshot snapshot = {0};
	model_state_snapshot(model->state, &model->breaker, now_ms, &snapshot);
	return snapshot;
}

int report_health(bool is_healthy, bool is_draining, struct buffer *out) {
	const char *word = is_draining ? "draining" : is_healthy ? "healthy" : "unhealthy";
	int status = is_healthy && !is_draining ? 200 : 503;
	buffer_printf(out, "{\"status\":\"%s\",\"code\":%d}", word, status);
	return status;
}

static void append_model_name(const struct model *model, bool is_first, struct buffer *out) {
	if (!is_first)
		comma(out);
	buffer_append_json(out, slice_from(model->name));
	buffer_append_byte(out, ':');
}

static void append_model_health(const struct model *model, struct report_time time, struct buffer *out) {
	struct model_snapshot snapshot = snapshot_of(model, time.now_ms);
	buffer_append_byte(out, '{');
	append_flag(out, "healthy", snapshot.healthy);
	comma(out);
	append_flag(out, "degraded", snapshot.degraded);
	buffer_printf(out, ",\"state\":\"%s\",", breaker_state_names[snapshot.breaker]);
	append_number(out, "error_rate", snapshot.error_rate);
	comma(out);
	append_number(out, "requests_per_minute", snapshot.requests_per_minute);
	comma(out);
	append_number(out, "average_latency_ms", snapshot.average_latency_ms);
	comma(out);
	append_time(out, "last_success_at", snapshot.last_success_ms, time);
	comma(out);
	append_time(out, "last_failure_at", snapshot.last_failure_ms, time);
	buffer_append_byte(out, '}');
}

static void total_of(const struct pool *pool, struct model_statistics *total) {
	struct model_state **states = memory_new(pool->count, sizeof *states);
	for (size_t i = 0; i < pool->count; i++)
		states[i] = pool->models[i].state;
	statistics_total(states, pool->count, total);
	free(states);
}

// Attempts that ended by themselves. What a client cancelled says nothing about the models.
static uint64_t finished(const struct model_statistics *statistics) {
	return statistics->success + statistics->rate_limit + statistics->fail_fast + statistics->refusal;
}

static void append_metrics(const struct pool *pool, struct buffer *out) {
	struct model_statistics total = {0};
	total_of(pool, &total);
	uint64_t requests = finished(&total);
	buffer_append(out, SLICE("\"metrics\":{"));
	append_count(out, "requests", requests);
	comma(out);
	append_number(out, "success_rate", requests ? (double)total.success / (double)requests : 0);
	comma(out);
	append_number(out, "average_latency_ms", total.average_latency_ms);
	comma(out);
	append_number(out, "p99_latency_ms", total.p99_ms);
	buffer_append_byte(out, '}');
}

void report_health_detail(const struct pool *pool, struct report_time time, struct buffer *out) {
	struct system_health health;
	pool_health(pool, time.now_ms, &health);
	buffer_append_byte(out, '{');
	append_flag(out, "healthy", health.healthy);
	buffer_append(out, SLICE(",\"models\":{"));
	for (size_t i = 0; i < pool->count; i++) {
		append_model_name(&pool->models[i], i == 0, out);
		append_model_health(&pool->models[i], time, out);
	}
	buffer_append(out, SLICE("},\"counts\":{"));
	append_count(out, "healthy", health.healthy_count);
	comma(out);
	append_count(out, "degraded", health.degraded_count);
	comma(out);
	append_count(out, "unhealthy", health.unhealthy_count);
	buffer_append(out, SLICE("},"));
	append_metrics(pool, out);
	buffer_append_byte(out, '}');
}

static void append_outcomes(const struct model_statistics *statistics, struct buffer *out) {
	append_count(out, outcome_names[OUTCOME_SUCCESS], statistics->success);
	comma(out);
	append_count(out, outcome_names[OUTCOME_RATE_LIMIT], statistics->rate_limit);
	comma(out);
	append_count(out, outcome_names[OUTCOME_FAIL_FAST], statistics->fail_fast);
	comma(out);
	append_count(out, outcome_names[OUTCOME_REFUSAL], statistics->refusal);
	comma(out);
	append_count(out, outcome_names[OUTCOME_CANCELLED], statistics->cancelled);
}

static void append_total(const struct pool *pool, struct buffer *out) {
	struct model_statistics total = {0};
	total_of(pool, &total);
	buffer_append(out, SLICE("\"total\":{"));
	append_outcomes(&total, out);
	buffer_append(out, SLICE(",\"latency_ms\":{"));
	append_number(out, "average", total.average_latency_ms);
	comma(out);
	append_number(out, "p50", total.p50_ms);
	comma(out);
	append_number(out, "p95", total.p95_ms);
	comma(out);
	append_number(out, "p99", total.p99_ms);
	comma(out);
	append_number(out, "min", total.min_ms);
	comma(out);
	append_number(out, "max", total.max_ms);
	buffer_append(out, SLICE("},\"tokens\":{"));
	append_count(out, "input", total.input_tokens);
	comma(out);
	append_count(out, "output", total.output_tokens);
	buffer_append(out, SLICE("}}"));
}

void report_statistics(const struct pool *pool, struct buffer *out) {
	buffer_append_byte(out, '{');
	append_total(pool, out);
	buffer_append(out, SLICE(",\"models\":{"));
	for (size_t i = 0; i < pool->count; i++) {
		struct model_statistics statistics = {0};
		model_state_statistics(pool->models[i].state, &statistics);
		append_model_name(&pool->models[i], i == 0, out);
		buffer_append_byte(out, '{');
		append_outcomes(&statistics, out);
		comma(out);
		append_number(out, "average_latency_ms", statistics.average_latency_ms);
		comma(out);
		append_flag(out, "fallback", pool->models[i].fallback);
		buffer_append_byte(out, '}');
	}
	buffer_append(out, SLICE("}}"));
}

static void append_breaker(const struct model *model, struct report_time time, struct buffer *out) {
	struct model_snapshot snapshot = snapshot_of(model, time.now_ms);
	buffer_printf(out, "{\"state\":\"%s\",", breaker_state_names[snapshot.breaker]);
	append_count(out, "failures", snapshot.failures);
	comma(out);
	append_count(out, "successes", snapshot.successes);
	comma(out);
	append_time(out, "opened_at", snapshot.opened_at_ms, time);
	comma(out);
	append_time(out, "next_retry_at", snapshot.forced_open ? 0 : snapshot.next_retry_at_ms, time);
	comma(out);
	append_time(out, "cooling_until", snapshot.cooldown_until_ms, time);
	comma(out);
	append_time(out, "deprioritized_until", snapshot.deprioritized_until_ms, time);
	buffer_append_byte(out, '}');
}

void report_breaker(const struct model *model, struct report_time time, struct buffer *out) {
	buffer_append_byte(out, '{');
	append_model_name(model, true, out);
	append_breaker(model, time, out);
	buffer_append_byte(out, '}');
}

void report_breakers(const struct pool *pool, struct report_time time, struct buffer *out) {
	buffer_append_byte(out, '{');
	for (size_t i = 0; i < pool->count; i++) {
		append_model_name(&pool->models[i], i == 0, out);
		append_breaker(&pool->models[i], time, out);
	}
	buffer_append_byte(out, '}');
}

bool report_is_serving(const struct pool *pool, uint64_t now_ms) {
	for (size_t i = 0; i < pool->count; i++) {
		struct model_snapshot snapshot = snapshot_of(&pool->models[i], now_ms);
		bool is_barred =
		    snapshot.breaker == BREAKER_OPEN && (snapshot.forced_open || snapshot.next_retry_at_ms > now_ms);
		if (!is_barred)
			return true;
	}
	return false;
}

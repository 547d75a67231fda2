// SPDX-License-Identifier: Apache-2.0
#include "config/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/time_format.h"
#include "route/decide.h"
#include "route/state.h"

// Writes a time of the monotonic clock as calendar time; 0 is written as null.
static void write_time(struct json_writer *json, const char *name, uint64_t at_ms, struct report_time time) {
	char text[TIME_ISO_BYTES];
	if (at_ms == 0) {
		json_write_null(json, name);
		return;
	}
	time_format_iso(time.wall_ms + (int64_t)(at_ms - time.now_ms), text);
	json_write_string(json, name, slice_from(text));
}

static struct model_snapshot snapshot_of(const struct model *model, uint64_t now_ms) {
	struct model_snapshot snapshot = {0};
	model_state_outline(model->state, &model->breaker, now_ms, &snapshot);
	return snapshot;
}

int report_health(bool is_healthy, bool is_draining, struct buffer *out) {
	const char *word = is_draining ? "draining" : is_healthy ? "healthy" : "unhealthy";
	int status = is_healthy && !is_draining ? 200 : 503;
	struct json_writer json;
	json_writer_init(&json, out);
	json_begin_object(&json, NULL);
	json_write_string(&json, "status", slice_from(word));
	json_write_integer(&json, "code", status);
	json_end_object(&json);
	return status;
}

static void write_model_health(struct json_writer *json, const struct model *model, struct report_time time) {
	struct model_snapshot snapshot = snapshot_of(model, time.now_ms);
	json_begin_object(json, model->name);
	json_write_boolean(json, "healthy", snapshot.healthy);
	json_write_boolean(json, "degraded", snapshot.degraded);
	json_write_string(json, "state", slice_from(breaker_state_names[snapshot.breaker]));
	json_write_measure(json, "error_rate", snapshot.error_rate);
	json_write_measure(json, "requests_per_minute", snapshot.requests_per_minute);
	json_write_measure(json, "average_latency_ms", snapshot.average_latency_ms);
	write_time(json, "last_success_at", snapshot.last_success_ms, time);
	write_time(json, "last_failure_at", snapshot.last_failure_ms, time);
	json_end_object(json);
}

static void add_up(const struct pool *pool, struct model_statistics *total) {
	struct model_state **states = memory_new(pool->count, sizeof *states);
	for (size_t i = 0; i < pool->count; i++)
		states[i] = pool->models[i].state;
	statistics_total(states, pool->count, total);
	free(states);
}

// The attempts that were not cancelled: a cancelled one says nothing about its model.
static uint64_t finished_attempts(const struct model_statistics *statistics) {
	return statistics->success + statistics->rate_limit + statistics->fail_fast + statistics->refusal;
}

static void write_metrics(struct json_writer *json, const struct pool *pool) {
	struct model_statistics total = {0};
	add_up(pool, &total);
	uint64_t requests = finished_attempts(&total);
	json_begin_object(json, "metrics");
	json_write_unsigned(json, "requests", requests);
	json_write_measure(json, "success_rate", requests ? (double)total.success / (double)requests : 0);
	json_write_measure(json, "average_latency_ms", total.average_latency_ms);
	json_write_measure(json, "p99_latency_ms", total.p99_ms);
	json_end_object(json);
}

static void write_log(struct json_writer *json) {
	struct log_backlog backlog = log_backlog();
	json_begin_object(json, "log");
	json_write_unsigned(json, "waiting_bytes", backlog.waiting_bytes);
	json_write_unsigned(json, "lost_lines", backlog.lost_lines);
	json_end_object(json);
}

static bool has_name(const char *const *names, size_t count, const char *name) {
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

// In place of a hook that is disabled (`benched`) the default decides, or every request is refused.
static void write_policy_health(struct json_writer *json, const struct policy *policy) {
	const char *disabled[POLICY_HOOKS_MAX], *refusing[POLICY_HOOKS_MAX];
	size_t count = policy_disabled(policy, disabled), refusing_count = policy_refusing(policy, refusing);
	json_begin_object(json, "policy");
	json_write_boolean(json, "degraded", count > 0);
	json_begin_array(json, "benched");
	for (size_t i = 0; i < count; i++)
		json_write_string(json, NULL, slice_from(disabled[i]));
	json_end_array(json);
	json_begin_array(json, "refusing");
	for (size_t i = 0; i < count; i++)
		if (has_name(refusing, refusing_count, disabled[i]))
			json_write_string(json, NULL, slice_from(disabled[i]));
	json_end_array(json);
	json_end_object(json);
}

void report_health_detail(const struct pool *pool, const struct policy *policy, struct report_time time,
                          struct buffer *out) {
	struct system_health health;
	struct json_writer json;
	pool_health(pool, time.now_ms, &health);
	json_writer_init(&json, out);
	json_begin_object(&json, NULL);
	json_write_boolean(&json, "healthy", health.healthy);
	json_begin_object(&json, "models");
	for (size_t i = 0; i < pool->count; i++)
		write_model_health(&json, &pool->models[i], time);
	json_end_object(&json);
	json_begin_object(&json, "counts");
	json_write_unsigned(&json, "healthy", health.healthy_count);
	json_write_unsigned(&json, "degraded", health.degraded_count);
	json_write_unsigned(&json, "unhealthy", health.unhealthy_count);
	json_end_object(&json);
	write_metrics(&json, pool);
	write_log(&json);
	if (policy)
		write_policy_health(&json, policy);
	json_end_object(&json);
}

static void write_outcomes(struct json_writer *json, const struct model_statistics *statistics) {
	json_write_unsigned(json, outcome_names[OUTCOME_SUCCESS], statistics->success);
	json_write_unsigned(json, outcome_names[OUTCOME_RATE_LIMIT], statistics->rate_limit);
	json_write_unsigned(json, outcome_names[OUTCOME_FAIL_FAST], statistics->fail_fast);
	json_write_unsigned(json, outcome_names[OUTCOME_REFUSAL], statistics->refusal);
	json_write_unsigned(json, outcome_names[OUTCOME_CANCELLED], statistics->cancelled);
}

static void write_total(struct json_writer *json, const struct pool *pool) {
	struct model_statistics total = {0};
	add_up(pool, &total);
	json_begin_object(json, "total");
	write_outcomes(json, &total);
	json_begin_object(json, "latency_ms");
	json_write_measure(json, "average", total.average_latency_ms);
	json_write_measure(json, "p50", total.p50_ms);
	json_write_measure(json, "p95", total.p95_ms);
	json_write_measure(json, "p99", total.p99_ms);
	json_write_measure(json, "min", total.min_ms);
	json_write_measure(json, "max", total.max_ms);
	json_end_object(json);
	json_begin_object(json, "tokens");
	json_write_unsigned(json, "input", total.input_tokens);
	json_write_unsigned(json, "output", total.output_tokens);
	json_end_object(json);
	json_end_object(json);
}

static void write_model_statistics(struct json_writer *json, const struct model *model) {
	struct model_statistics statistics = {0};
	model_state_counts(model->state, &statistics);
	json_begin_object(json, model->name);
	write_outcomes(json, &statistics);
	json_write_measure(json, "average_latency_ms", statistics.average_latency_ms);
	json_write_boolean(json, "fallback", model->fallback);
	json_end_object(json);
}

void report_statistics(const struct pool *pool, struct buffer *out) {
	struct json_writer json;
	json_writer_init(&json, out);
	json_begin_object(&json, NULL);
	write_total(&json, pool);
	json_begin_object(&json, "models");
	for (size_t i = 0; i < pool->count; i++)
		write_model_statistics(&json, &pool->models[i]);
	json_end_object(&json);
	json_end_object(&json);
}

static void write_breaker(struct json_writer *json, const struct model *model, struct report_time time) {
	struct model_snapshot snapshot = snapshot_of(model, time.now_ms);
	json_begin_object(json, model->name);
	json_write_string(json, "state", slice_from(breaker_state_names[snapshot.breaker]));
	json_write_unsigned(json, "failures", snapshot.failures);
	json_write_unsigned(json, "successes", snapshot.successes);
	write_time(json, "opened_at", snapshot.opened_at_ms, time);
	write_time(json, "next_retry_at", snapshot.next_retry_at_ms, time);
	write_time(json, "cooling_until", snapshot.cooldown_until_ms, time);
	write_time(json, "deprioritized_until", snapshot.deprioritized_until_ms, time);
	json_end_object(json);
}

void report_breaker(const struct model *model, struct report_time time, struct buffer *out) {
	struct json_writer json;
	json_writer_init(&json, out);
	json_begin_object(&json, NULL);
	write_breaker(&json, model, time);
	json_end_object(&json);
}

void report_breakers(const struct pool *pool, struct report_time time, struct buffer *out) {
	struct json_writer json;
	json_writer_init(&json, out);
	json_begin_object(&json, NULL);
	for (size_t i = 0; i < pool->count; i++)
		write_breaker(&json, &pool->models[i], time);
	json_end_object(&json);
}

bool report_is_serving(const struct pool *pool, uint64_t now_ms) {
	for (size_t i = 0; i < pool->count; i++)
		if (snapshot_of(&pool->models[i], now_ms).breaker != BREAKER_OPEN)
			return true;
	return false;
}

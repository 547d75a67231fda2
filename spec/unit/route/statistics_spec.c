// SPDX-License-Identifier: Apache-2.0
// Counts and percentile formulas.
#include <stdlib.h>

#include "../check.h"
#include "base/random.h"
#include "route/statistics.h"
#include "route/window.h"

static const struct token_usage NO_USAGE = {-1, -1, -1, -1};

static struct model_statistics summary_of(const struct statistics *list, size_t count) {
	struct latency_total total = {0};
	struct model_statistics out = {.p50_ms = 1, .max_ms = 1};
	for (size_t i = 0; i < count; i++)
		latencies_add_to(&list[i].latencies, &total);
	latency_total_summarise(&total, &out);
	return out;
}

TEST(percentiles_take_entry_floor_n_k) {
	// The latencies are 1..n, so entry i is i + 1.
	static const struct {
		uint32_t n;
		double p50, p95, p99;
	} rows[] = {
	    {1, 1, 1, 1},       {2, 2, 2, 2},       {3, 2, 3, 3},          {20, 11, 20, 20},
	    {100, 51, 96, 100}, {101, 51, 96, 100}, {1000, 501, 951, 991},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct statistics statistics = {0};
		for (uint32_t j = 0; j < rows[i].n; j++)
			statistics_add(&statistics, OUTCOME_SUCCESS, rows[i].n - j, &NO_USAGE);
		struct model_statistics out = summary_of(&statistics, 1);
		// Below 128 ms exactly, above it within 1 %.
		CHECK_NEAR(out.p50_ms, rows[i].p50, rows[i].p50 < 128 ? 0 : rows[i].p50 / 100);
		CHECK_NEAR(out.p95_ms, rows[i].p95, rows[i].p95 < 128 ? 0 : rows[i].p95 / 100);
		CHECK_NEAR(out.p99_ms, rows[i].p99, rows[i].p99 < 128 ? 0 : rows[i].p99 / 100);
		CHECK_NEAR(out.min_ms, 1, 0);
		CHECK_NEAR(out.max_ms, rows[i].n, 0);
		CHECK_NEAR(out.average_latency_ms, (rows[i].n + 1) / 2.0, 1e-9);
	}
}

TEST(without_latencies_all_is_zero) {
	struct statistics none = {0};
	struct model_statistics out = summary_of(&none, 1);
	CHECK_NEAR(out.average_latency_ms + out.p50_ms + out.p95_ms + out.p99_ms + out.min_ms + out.max_ms, 0, 0);
	CHECK_NEAR(latencies_average_ms(&none.latencies), 0, 0);
}

TEST(each_latency_is_read_within_one_percent) {
	// The least and the largest are wide apart, so that they don't make the percentile exact.
	for (uint32_t latency_ms = 0; latency_ms < 1U << 20; latency_ms += 1 + latency_ms / 500) {
		struct statistics statistics = {0};
		statistics_add(&statistics, OUTCOME_SUCCESS, 0, &NO_USAGE);
		statistics_add(&statistics, OUTCOME_SUCCESS, latency_ms, &NO_USAGE);
		statistics_add(&statistics, OUTCOME_SUCCESS, UINT32_MAX, &NO_USAGE);
		CHECK_NEAR(summary_of(&statistics, 1).p50_ms, latency_ms, latency_ms < 128 ? 0 : latency_ms / 100.0);
	}
}

static int compare_latencies(const void *a, const void *b) {
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

// Half of them take a second at most, few take minutes.
static uint32_t draw(struct random_source *random) {
	return (uint32_t)(random_below(random, 1U << (1 + random_below(random, 20))));
}

TEST(percentiles_are_those_of_the_sorted_list_within_one_percent) {
	struct random_source random;
	random_init(&random, 7);
	for (size_t round = 0; round < 200; round++) {
		static uint32_t list[2 * STATISTICS_LATENCIES];
		struct statistics models[2] = {{.input_tokens = 0}};
		size_t count = 0;
		// The second model is given more than it keeps.
		for (size_t i = 0; i < 2; i++) {
			size_t recorded = 1 + (size_t)random_below(&random, i ? 5000 : 1000);
			for (size_t j = 0; j < recorded; j++) {
				uint32_t latency_ms = draw(&random);
				statistics_add(&models[i], OUTCOME_SUCCESS, latency_ms, &NO_USAGE);
				if (recorded - j <= STATISTICS_LATENCIES)
					list[count++] = latency_ms;
			}
		}
		struct model_statistics out = summary_of(models, 2);
		qsort(list, count, sizeof *list, compare_latencies);
		CHECK_NEAR(out.p50_ms, list[count * 50 / 100], list[count * 50 / 100] / 100.0);
		CHECK_NEAR(out.p95_ms, list[count * 95 / 100], list[count * 95 / 100] / 100.0);
		CHECK_NEAR(out.p99_ms, list[count * 99 / 100], list[count * 99 / 100] / 100.0);
		CHECK_NEAR(out.min_ms, list[0], 0);
		CHECK_NEAR(out.max_ms, list[count - 1], 0);
		uint64_t sum_ms = 0;
		for (size_t i = 0; i < count; i++)
			sum_ms += list[i];
		CHECK_NEAR(out.average_latency_ms, (double)sum_ms / (double)count, 1e-6);
	}
}

TEST(latencies_beyond_the_last_bucket_keep_the_largest) {
	struct statistics statistics = {0};
	statistics_add(&statistics, OUTCOME_SUCCESS, UINT64_MAX, &NO_USAGE);
	struct model_statistics out = summary_of(&statistics, 1);
	CHECK_NEAR(out.max_ms, UINT32_MAX, 0);
	CHECK_NEAR(out.p50_ms, UINT32_MAX, 0);
	statistics_add(&statistics, OUTCOME_SUCCESS, 1, &NO_USAGE);
	out = summary_of(&statistics, 1);
	CHECK(out.p99_ms >= 1 << 19 && out.p99_ms <= UINT32_MAX);
}

// The sum of what a model's histogram and its two rings take.
TEST(a_thousand_models_take_twenty_megabytes) {
	CHECK(sizeof(struct statistics) + sizeof(struct window) < 20000);
}

TEST(outcomes_and_tokens_are_counted) {
	struct statistics statistics = {0};
	struct token_usage usage = {100, 20, 5, -1};
	statistics_add(&statistics, OUTCOME_SUCCESS, 10, &usage);
	statistics_add(&statistics, OUTCOME_SUCCESS, 10, &NO_USAGE);
	statistics_add(&statistics, OUTCOME_RATE_LIMIT, 10, &NO_USAGE);
	statistics_add(&statistics, OUTCOME_FAIL_FAST, 10, &NO_USAGE);
	statistics_add(&statistics, OUTCOME_REFUSAL, 10, &usage);
	statistics_add(&statistics, OUTCOME_CANCELLED, 10, &NO_USAGE);
	struct model_statistics out = {0};
	statistics_add_counts(&statistics, &out);
	CHECK_INT(out.success, 2);
	CHECK_INT(out.rate_limit, 1);
	CHECK_INT(out.fail_fast, 1);
	CHECK_INT(out.refusal, 1);
	CHECK_INT(out.cancelled, 1);
	CHECK_INT(out.input_tokens, 200);
	CHECK_INT(out.output_tokens, 40);
	CHECK_INT(latencies_kept(&statistics.latencies), 5);
	CHECK_NEAR(latencies_average_ms(&statistics.latencies), 10, 0);
}

TEST(the_last_thousand_latencies_are_kept) {
	struct statistics statistics = {0};
	for (uint64_t i = 0; i < 1500; i++)
		statistics_add(&statistics, OUTCOME_SUCCESS, i, &NO_USAGE);
	CHECK_INT(latencies_kept(&statistics.latencies), 1000);
	struct model_statistics out = summary_of(&statistics, 1);
	CHECK_NEAR(out.min_ms, 500, 0);
	CHECK_NEAR(out.max_ms, 1499, 0);
	CHECK_NEAR(latencies_average_ms(&statistics.latencies), 999.5, 1e-9);
}

int main(void) {
	RUN(percentiles_take_entry_floor_n_k);
	RUN(without_latencies_all_is_zero);
	RUN(each_latency_is_read_within_one_percent);
	RUN(percentiles_are_those_of_the_sorted_list_within_one_percent);
	RUN(latencies_beyond_the_last_bucket_keep_the_largest);
	RUN(a_thousand_models_take_twenty_megabytes);
	RUN(outcomes_and_tokens_are_counted);
	RUN(the_last_thousand_latencies_are_kept);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Counts and percentile formulas.
#include "../check.h"
#include "route/statistics.h"

static const struct token_usage NO_USAGE = {-1, -1, -1, -1};

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
		uint32_t latencies[1000];
		struct model_statistics out = {0};
		for (uint32_t j = 0; j < rows[i].n; j++)
			latencies[j] = rows[i].n - j;
		statistics_summarise(latencies, rows[i].n, &out);
		CHECK_NEAR(out.p50_ms, rows[i].p50, 0);
		CHECK_NEAR(out.p95_ms, rows[i].p95, 0);
		CHECK_NEAR(out.p99_ms, rows[i].p99, 0);
		CHECK_NEAR(out.min_ms, 1, 0);
		CHECK_NEAR(out.max_ms, rows[i].n, 0);
		CHECK_NEAR(out.average_latency_ms, (rows[i].n + 1) / 2.0, 1e-9);
	}
}

TEST(without_latencies_all_is_zero) {
	struct model_statistics out = {.p50_ms = 1, .max_ms = 1};
	statistics_summarise(NULL, 0, &out);
	CHECK_NEAR(out.average_latency_ms + out.p50_ms + out.p95_ms + out.p99_ms + out.min_ms + out.max_ms, 0, 0);
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
	CHECK_INT(statistics_kept(&statistics), 5);
}

TEST(the_last_thousand_latencies_are_kept) {
	struct statistics statistics = {0};
	for (uint64_t i = 0; i < 1500; i++)
		statistics_add(&statistics, OUTCOME_SUCCESS, i, &NO_USAGE);
	CHECK_INT(statistics_kept(&statistics), 1000);
	struct model_statistics out = {0};
	statistics_summarise(statistics.latencies_ms, 1000, &out);
	CHECK_NEAR(out.min_ms, 500, 0);
	CHECK_NEAR(out.max_ms, 1499, 0);
}

int main(void) {
	RUN(percentiles_take_entry_floor_n_k);
	RUN(without_latencies_all_is_zero);
	RUN(outcomes_and_tokens_are_counted);
	RUN(the_last_thousand_latencies_are_kept);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Counts, and percentiles that are computed when they are read.
#include "route/statistics.h"

#include <stdlib.h>

void statistics_add(struct statistics *statistics, enum outcome outcome, uint64_t latency_ms,
                    const struct token_usage *usage) {
	statistics->outcomes[outcome]++;
	statistics->input_tokens += usage->input_tokens > 0 ? (uint64_t)usage->input_tokens : 0;
	statistics->output_tokens += usage->output_tokens > 0 ? (uint64_t)usage->output_tokens : 0;
	if (outcome == OUTCOME_CANCELLED)
		return;
	statistics->latencies_ms[statistics->recorded % STATISTICS_LATENCIES] =
	    latency_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)latency_ms;
	statistics->recorded++;
}

size_t statistics_kept(const struct statistics *statistics) {
	return statistics->recorded < STATISTICS_LATENCIES ? (size_t)statistics->recorded : STATISTICS_LATENCIES;
}

void statistics_add_counts(const struct statistics *statistics, struct model_statistics *out) {
	out->success += statistics->outcomes[OUTCOME_SUCCESS];
	out->rate_limit += statistics->outcomes[OUTCOME_RATE_LIMIT];
	out->fail_fast += statistics->outcomes[OUTCOME_FAIL_FAST];
	out->refusal += statistics->outcomes[OUTCOME_REFUSAL];
	out->cancelled += statistics->outcomes[OUTCOME_CANCELLED];
	out->input_tokens += statistics->input_tokens;
	out->output_tokens += statistics->output_tokens;
}

static int compare_latencies(const void *a, const void *b) {
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

// Entry floor(n * percent / 100) of the sorted list; in integers, since 0.95 is no exact binary fraction.
static double percentile(const uint32_t *sorted, size_t count, size_t percent) {
	return sorted[count * percent / 100];
}

void statistics_summarise(uint32_t *latencies_ms, size_t count, struct model_statistics *out) {
	out->average_latency_ms = out->p50_ms = out->p95_ms = out->p99_ms = out->min_ms = out->max_ms = 0;
	if (count == 0)
		return;
	qsort(latencies_ms, count, sizeof *latencies_ms, compare_latencies);
	uint64_t sum_ms = 0;
	for (size_t i = 0; i < count; i++)
		sum_ms += latencies_ms[i];
	out->average_latency_ms = (double)sum_ms / (double)count;
	out->p50_ms = percentile(latencies_ms, count, 50);
	out->p95_ms = percentile(latencies_ms, count, 95);
	out->p99_ms = percentile(latencies_ms, count, 99);
	out->min_ms = latencies_ms[0];
	out->max_ms = latencies_ms[count - 1];
}

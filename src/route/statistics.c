// SPDX-License-Identifier: Apache-2.0
// Counts, and latencies with a histogram that follows them: each new one replaces the oldest in both.
#include "route/statistics.h"

// A power of two has 64 buckets, from the one of 64 ms on; there a bucket is 1 ms wide.
enum { STEP_BITS = 6, STEPS = 1 << STEP_BITS };

static size_t bucket_of(uint32_t latency_ms) {
	if (latency_ms < STEPS)
		return latency_ms;
	unsigned shift = 31U - (unsigned)__builtin_clz(latency_ms) - STEP_BITS;
	size_t bucket = (size_t)shift * STEPS + (latency_ms >> shift);
	return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

// The middle of the bucket, in whole milliseconds.
static uint32_t bucket_ms(size_t bucket) {
	if (bucket < STEPS)
		return (uint32_t)bucket;
	unsigned shift = (unsigned)(bucket / STEPS) - 1;
	uint32_t lowest = (uint32_t)(STEPS + bucket % STEPS) << shift;
	return lowest + ((1U << shift) - 1) / 2;
}

static void latencies_record(struct latencies *latencies, uint32_t latency_ms) {
	uint32_t *place = &latencies->last_ms[latencies->recorded % STATISTICS_LATENCIES];
	if (latencies->recorded >= STATISTICS_LATENCIES) {
		latencies->buckets[bucket_of(*place)]--;
		latencies->sum_ms -= *place;
	}
	latencies->buckets[bucket_of(latency_ms)]++;
	latencies->sum_ms += latency_ms;
	latencies->recorded++;
	*place = latency_ms;
}

void statistics_add(struct statistics *statistics, enum outcome outcome, uint64_t latency_ms,
                    const struct token_usage *usage) {
	statistics->outcomes[outcome]++;
	statistics->input_tokens += usage->input_tokens > 0 ? (uint64_t)usage->input_tokens : 0;
	statistics->output_tokens += usage->output_tokens > 0 ? (uint64_t)usage->output_tokens : 0;
	if (outcome != OUTCOME_CANCELLED)
		latencies_record(&statistics->latencies, latency_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)latency_ms);
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

size_t latencies_kept(const struct latencies *latencies) {
	return latencies->recorded < STATISTICS_LATENCIES ? (size_t)latencies->recorded : STATISTICS_LATENCIES;
}

double latencies_average_ms(const struct latencies *latencies) {
	size_t kept = latencies_kept(latencies);
	return kept ? (double)latencies->sum_ms / (double)kept : 0;
}

void latencies_add_to(const struct latencies *latencies, struct latency_total *total) {
	size_t kept = latencies_kept(latencies);
	if (kept == 0)
		return;
	uint32_t min_ms = total->count ? total->min_ms : UINT32_MAX, max_ms = total->max_ms;
	for (size_t i = 0; i < kept; i++) {
		uint32_t latency_ms = latencies->last_ms[i];
		min_ms = latency_ms < min_ms ? latency_ms : min_ms;
		max_ms = latency_ms > max_ms ? latency_ms : max_ms;
	}
	total->min_ms = min_ms;
	total->max_ms = max_ms;
	total->count += kept;
	total->sum_ms += latencies->sum_ms;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		total->buckets[i] += latencies->buckets[i];
}

// Entry floor(n * percent / 100) of the sorted list; in integers, since 0.95 is no exact binary fraction.
static double latency_total_percentile(const struct latency_total *total, uint64_t percent) {
	uint64_t entry = total->count * percent / 100, seen = 0;
	size_t bucket = 0;
	while (bucket + 1 < LATENCY_BUCKETS && (seen += total->buckets[bucket]) <= entry)
		bucket++;
	uint32_t latency_ms = bucket_ms(bucket);
	return latency_ms < total->min_ms ? total->min_ms : latency_ms > total->max_ms ? total->max_ms : latency_ms;
}

void latency_total_summarise(const struct latency_total *total, struct model_statistics *out) {
	out->average_latency_ms = out->p50_ms = out->p95_ms = out->p99_ms = out->min_ms = out->max_ms = 0;
	if (total->count == 0)
		return;
	out->average_latency_ms = (double)total->sum_ms / (double)total->count;
	out->p50_ms = latency_total_percentile(total, 50);
	out->p95_ms = latency_total_percentile(total, 95);
	out->p99_ms = latency_total_percentile(total, 99);
	out->min_ms = total->min_ms;
	out->max_ms = total->max_ms;
}

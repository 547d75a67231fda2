// SPDX-License-Identifier: Apache-2.0
// A model's statistics: outcomes, tokens, the last 1 000 latencies. A plain structure without a lock (that of
// model_state guards it); zeroed is new.
//
// Percentiles come from a histogram that is kept as latencies come and go, so that reading them sorts nothing. Below
// 128 ms each latency has a bucket of its own, above it 64 buckets share a power of two: what is read from a bucket is
// within 1 % of each latency in it.
#ifndef ROUTE_STATISTICS_H
#define ROUTE_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "route/decide.h"
#include "route/state.h"

enum {
	STATISTICS_LATENCIES = 1000,
	STATISTICS_OUTCOMES = OUTCOME_CANCELLED + 1,
	LATENCY_BUCKETS = 960, // up to 2^20 ms, 17 minutes; the last one takes what is longer
};

struct latencies {
	uint64_t recorded; // ever; the last STATISTICS_LATENCIES of them are kept
	uint64_t sum_ms;   // of those that are kept
	uint32_t last_ms[STATISTICS_LATENCIES];
	uint16_t buckets[LATENCY_BUCKETS];
};

struct statistics {
	uint64_t outcomes[STATISTICS_OUTCOMES];
	uint64_t input_tokens, output_tokens;
	struct latencies latencies;
};

// The latencies of several models together; zeroed is none.
struct latency_total {
	uint64_t count;
	uint64_t sum_ms;
	uint32_t min_ms, max_ms;
	uint32_t buckets[LATENCY_BUCKETS];
};

// Counts one attempt, at the same cost however many there were. A cancelled one has no latency.
void statistics_add(struct statistics *statistics, enum outcome outcome, uint64_t latency_ms,
                    const struct token_usage *usage);

// Adds the counts and tokens to `out`, without the latency fields.
void statistics_add_counts(const struct statistics *statistics, struct model_statistics *out);

// How many latencies are kept, and their average; 0 without any.
size_t latencies_kept(const struct latencies *latencies);
double latencies_average_ms(const struct latencies *latencies);

// Adds the latencies that are kept to the total.
void latencies_add_to(const struct latencies *latencies, struct latency_total *total);

// Fills the latency fields of `out`: percentiles within 1 %, the others exactly; all zero without latencies.
void latency_total_summarise(const struct latency_total *total, struct model_statistics *out);

#endif

// SPDX-License-Identifier: Apache-2.0
// A model's statistics: outcomes, tokens, the last 1 000 latencies. A plain structure without a lock (that of
// model_state guards it); zeroed is new.
#ifndef ROUTE_STATISTICS_H
#define ROUTE_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "route/decide.h"
#include "route/state.h"

enum { STATISTICS_LATENCIES = 1000, STATISTICS_OUTCOMES = OUTCOME_CANCELLED + 1 };

struct statistics {
	uint64_t outcomes[STATISTICS_OUTCOMES];
	uint64_t input_tokens, output_tokens;
	uint64_t recorded; // latencies ever; the last STATISTICS_LATENCIES of them are kept
	uint32_t latencies_ms[STATISTICS_LATENCIES];
};

// Counts one attempt. A cancelled one has no latency.
void statistics_add(struct statistics *statistics, enum outcome outcome, uint64_t latency_ms,
                    const struct token_usage *usage);

// How many latencies are kept.
size_t statistics_kept(const struct statistics *statistics);

// Adds the counts and tokens to `out`, without the latency fields.
void statistics_add_counts(const struct statistics *statistics, struct model_statistics *out);

// Sorts the latencies and fills the latency fields of `out`; all zero without latencies.
void statistics_summarise(uint32_t *latencies_ms, size_t count, struct model_statistics *out);

#endif

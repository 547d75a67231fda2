// SPDX-License-Identifier: Apache-2.0
// Random quantities of a world: log-normal ones given by two of their percentiles, and uniform whole numbers.
#ifndef WORLD_DISTRIBUTION_H
#define WORLD_DISTRIBUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"

// The median, and what 99 of 100 draws are no worse than: p99 is above the median where more is worse (a latency) and
// below it where less is worse (a speed). Both positive; or both 0, which always gives 0.
struct quantiles {
	double p50;
	double p99;
};

// Inclusive.
struct span {
	uint64_t from;
	uint64_t to;
};

// One draw from the log-normal distribution through both points, within a factor of 1000 of the median. Takes exactly
// two numbers from the source, whatever the quantiles are.
double quantiles_draw(const struct quantiles *quantiles, struct random_source *random);

// One whole number, each of the span equally likely.
uint64_t span_draw(const struct span *span, struct random_source *random);

#endif

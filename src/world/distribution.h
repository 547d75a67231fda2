// SPDX-License-Identifier: Apache-2.0
// Random quantities of a world: log-normal ones given by two of their percentiles, and uniform whole numbers.
#ifndef WORLD_DISTRIBUTION_H
#define WORLD_DISTRIBUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"

// The median, and the value that 99 of 100 draws are no worse than: p99 is above the median for a latency, where more
// is worse, and below it for a speed, where less is worse. Both positive; or both 0, which always gives 0.
struct quantiles {
	double p50;
	double p99;
};

// Inclusive.
struct span {
	uint64_t from;
	uint64_t to;
};

// One draw from the log-normal distribution through both points, within a factor of 1000 of the median. Always takes
// exactly two numbers from the source.
double quantiles_draw(const struct quantiles *quantiles, struct random_source *random);

// One whole number, each of the span equally likely.
uint64_t span_draw(const struct span *span, struct random_source *random);

#endif

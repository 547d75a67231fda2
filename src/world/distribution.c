// SPDX-License-Identifier: Apache-2.0
// Draws take a fixed count of random numbers, so that one quantity never changes the numbers of the next.
#include "world/distribution.h"

#include <math.h>

// The 99th percentile of the standard normal distribution.
#define Z99 2.3263478740408408
#define FARTHEST 1000.0

// The Box-Muller transform: two uniform numbers give a normal one. The second normal number is unused, so that each
// draw takes the same count from the source.
static double normal_draw(struct random_source *random) {
	double radius = sqrt(-2.0 * log(random_unit(random)));
	return radius * cos(2.0 * 3.14159265358979323846 * random_unit(random));
}

double quantiles_draw(const struct quantiles *quantiles, struct random_source *random) {
	double normal = normal_draw(random);
	if (quantiles->p50 <= 0)
		return 0;
	double deviation = log(quantiles->p99 / quantiles->p50) / Z99;
	double factor = exp(deviation * normal);
	return quantiles->p50 * fmin(fmax(factor, 1 / FARTHEST), FARTHEST);
}

uint64_t span_draw(const struct span *span, struct random_source *random) {
	return span->from + random_below(random, span->to - span->from + 1);
}

// SPDX-License-Identifier: Apache-2.0
// Draws from the distributions of a world.
#include "../check.h"

#include <stdlib.h>

#include "world/distribution.h"

enum { DRAWS = 100000 };

static int compare(const void *a, const void *b) {
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

TEST(draws_pass_through_both_points) {
	static const struct quantiles cases[] = {{300, 1200}, {80, 30}, {10, 10}, {0.5, 40}};
	static double drawn[DRAWS];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct quantiles *wanted = &cases[i];
		struct random_source random;
		random_init(&random, 7 + i);
		for (int j = 0; j < DRAWS; j++)
			drawn[j] = quantiles_draw(wanted, &random);
		qsort(drawn, DRAWS, sizeof *drawn, compare);
		bool less_is_worse = wanted->p99 < wanted->p50;
		CHECK_NEAR(drawn[DRAWS / 2] / wanted->p50, 1, 0.02);
		CHECK_NEAR(drawn[less_is_worse ? DRAWS / 100 : DRAWS / 100 * 99] / wanted->p99, 1, 0.05);
	}
}

TEST(zero_quantiles_give_zero) {
	struct random_source random;
	random_init(&random, 1);
	for (int i = 0; i < 100; i++)
		CHECK(quantiles_draw(&(struct quantiles){0, 0}, &random) == 0);
}

TEST(every_draw_takes_two_numbers) {
	static const struct quantiles cases[] = {{0, 0}, {300, 1200}, {80, 30}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct random_source drawn, counted;
		random_init(&drawn, 3);
		random_init(&counted, 3);
		quantiles_draw(&cases[i], &drawn);
		random_next(&counted);
		random_next(&counted);
		CHECK(random_next(&drawn) == random_next(&counted));
	}
}

TEST(spans_are_uniform_and_inclusive) {
	struct random_source random;
	uint64_t seen[4] = {0};
	random_init(&random, 5);
	for (int i = 0; i < 40000; i++) {
		uint64_t value = span_draw(&(struct span){10, 13}, &random);
		CHECK(value >= 10 && value <= 13);
		seen[value & 3]++;
	}
	for (int i = 0; i < 4; i++)
		CHECK_NEAR((double)seen[i], 10000, 400);
	CHECK_INT(span_draw(&(struct span){9, 9}, &random), 9);
}

int main(void) {
	RUN(draws_pass_through_both_points);
	RUN(zero_quantiles_give_zero);
	RUN(every_draw_takes_two_numbers);
	RUN(spans_are_uniform_and_inclusive);
	return check_summary();
}

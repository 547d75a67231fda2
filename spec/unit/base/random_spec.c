// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include "../check.h"

TEST(a_seed_repeats_its_numbers) {
	struct random_source a, b, other;
	random_init(&a, 42);
	random_init(&b, 42);
	random_init(&other, 43);
	bool differs = false;
	for (int i = 0; i < 1000; i++) {
		uint64_t value = random_next(&a);
		CHECK(value == random_next(&b));
		differs |= value != random_next(&other);
	}
	CHECK(differs);
}

TEST(units_are_above_zero_and_at_most_one) {
	struct random_source source;
	double sum = 0;
	random_init(&source, 1);
	for (int i = 0; i < 100000; i++) {
		double unit = random_unit(&source);
		CHECK(unit > 0 && unit <= 1);
		sum += unit;
	}
	CHECK_NEAR(sum / 100000, 0.5, 0.01);
}

TEST(bounded_numbers_are_uniform) {
	struct random_source source;
	int counts[7] = {0};
	random_init(&source, 2);
	for (int i = 0; i < 70000; i++)
		counts[random_below(&source, 7)]++;
	for (int i = 0; i < 7; i++)
		CHECK_NEAR(counts[i], 10000, 500);
	CHECK_INT(random_below(&source, 1), 0);
}

int main(void) {
	RUN(a_seed_repeats_its_numbers);
	RUN(units_are_above_zero_and_at_most_one);
	RUN(bounded_numbers_are_uniform);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// The sliding window, also against a plain list of all uses.
#include "base/minute_window.h"

#include "../check.h"
#include "base/random.h"

TEST(uses_count_for_a_minute) {
	struct minute_window window = {0};
	CHECK_INT(minute_window_sum(&window, 5000), 0);
	minute_window_use(&window, 3, 5999);
	minute_window_use(&window, 4, 7000);
	CHECK_INT(minute_window_sum(&window, 65999), 7);
	CHECK_INT(minute_window_sum(&window, 66000), 4);
	CHECK_INT(minute_window_sum(&window, 67999), 4);
	CHECK_INT(minute_window_sum(&window, 68000), 0);
	minute_window_use(&window, 9, 68000);
	CHECK_INT(minute_window_sum(&window, 10000000), 0);
}

TEST(an_earlier_time_counts_as_the_latest) {
	struct minute_window window = {0};
	minute_window_use(&window, 3, 100000);
	CHECK_INT(minute_window_use(&window, 4, 20000), 100);
	CHECK_INT(minute_window_sum(&window, 0), 7);
	CHECK_INT(minute_window_sum(&window, 161000), 0);
}

TEST(returns_reduce_their_own_second) {
	struct minute_window window = {0};
	uint64_t first = minute_window_use(&window, 10, 1000);
	uint64_t second = minute_window_use(&window, 5, 2000);
	minute_window_return(&window, 4, first, 30000);
	CHECK_INT(minute_window_sum(&window, 30000), 11);
	CHECK_INT(minute_window_sum(&window, 62000), 5);
	// A use that has left the window can't be returned any more.
	minute_window_return(&window, 6, first, 62000);
	CHECK_INT(minute_window_sum(&window, 62000), 5);
	minute_window_return(&window, 50, second, 62000);
	CHECK_INT(minute_window_sum(&window, 62000), 0);
}

TEST(buckets_leave_in_order_of_age) {
	struct minute_window window = {0};
	uint64_t at_ms, steps = 1;
	minute_window_use(&window, 1, 10000);
	minute_window_use(&window, 2, 40000);
	CHECK_INT(minute_window_sum(&window, 50500), 3);
	while (minute_window_leaving(&window, steps, &at_ms) == 0)
		steps++;
	CHECK_INT(at_ms, 71000);
	CHECK_INT(minute_window_leaving(&window, steps + 30, &at_ms), 2);
	CHECK_INT(at_ms, 101000);
	CHECK_INT(minute_window_leaving(&window, MINUTE_BUCKETS, &at_ms), 0);
}

enum { USES = 20000 };

TEST(agrees_with_a_list) {
	static struct { uint64_t at_ms, amount; } uses[USES];
	struct minute_window window = {0};
	struct random_source random;
	uint64_t now_ms = 1000000;
	size_t first = 0;
	random_init(&random, 7);
	for (size_t i = 0; i < USES && !check_failures_in_test; i++) {
		now_ms += random_below(&random, 50) ? random_below(&random, 400) : random_below(&random, 90000);
		uses[i].at_ms = now_ms;
		uses[i].amount = random_below(&random, 1000);
		minute_window_use(&window, uses[i].amount, now_ms);
		while (now_ms / 1000 - uses[first].at_ms / 1000 >= MINUTE_BUCKETS)
			first++;
		uint64_t sum = 0;
		for (size_t j = first; j <= i; j++)
			sum += uses[j].amount;
		CHECK_INT(minute_window_sum(&window, now_ms), sum);
	}
}

int main(void) {
	RUN(uses_count_for_a_minute);
	RUN(an_earlier_time_counts_as_the_latest);
	RUN(returns_reduce_their_own_second);
	RUN(buckets_leave_in_order_of_age);
	RUN(agrees_with_a_list);
	return check_summary();
}

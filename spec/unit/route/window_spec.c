// SPDX-License-Identifier: Apache-2.0
// The formulas of the health window.
#include "../check.h"
#include "route/window.h"

TEST(an_empty_window_is_all_zero) {
	struct window window = {0};
	window_expire(&window, 1000);
	CHECK_NEAR(window_error_rate(&window), 0, 0);
	CHECK_NEAR(window_requests_per_minute(&window, 1000), 0, 0);
	CHECK_NEAR(window_average_latency_ms(&window), 0, 0);
	CHECK(!window_is_failing(&window));
}

TEST(rates_and_averages) {
	struct window window = {0};
	window_add(&window, WINDOW_SUCCESS, 100, 1000);
	window_add(&window, WINDOW_FAILURE, 200, 2000);
	window_add(&window, WINDOW_PLAIN, 600, 3000);
	window_add(&window, WINDOW_SUCCESS, 300, 4000);
	CHECK_NEAR(window_error_rate(&window), 0.25, 1e-9);
	CHECK_NEAR(window_requests_per_minute(&window, 4000), 4, 0);
	CHECK_NEAR(window_average_latency_ms(&window), 300, 1e-9);
	CHECK_INT(window.last_success_ms, 4000);
	CHECK_INT(window.last_failure_ms, 2000);
}

TEST(entries_expire_after_a_minute) {
	struct window window = {0};
	window_add(&window, WINDOW_FAILURE, 100, 1000);
	window_add(&window, WINDOW_SUCCESS, 300, 2000);
	window_expire(&window, 60999);
	CHECK_INT(window.count, 2);
	window_expire(&window, 61000);
	CHECK_INT(window.count, 1);
	CHECK_NEAR(window_error_rate(&window), 0, 0);
	CHECK_NEAR(window_average_latency_ms(&window), 300, 0);
	window_expire(&window, 62000);
	CHECK_INT(window.count, 0);
	CHECK_INT(window.errors + window.latency_sum_ms, 0);
	CHECK_INT(window.last_failure_ms, 1000);
}

TEST(ten_attempts_are_needed_to_be_failing) {
	struct window window = {0};
	for (uint64_t i = 0; i < 9; i++)
		window_add(&window, WINDOW_FAILURE, 1, i);
	CHECK(!window_is_failing(&window));
	window_add(&window, WINDOW_SUCCESS, 1, 9);
	CHECK(window_is_failing(&window));
}

TEST(half_of_the_attempts_is_failing) {
	struct window window = {0};
	for (uint64_t i = 0; i < 10; i++)
		window_add(&window, i < 5 ? WINDOW_FAILURE : WINDOW_PLAIN, 1, i);
	CHECK(window_is_failing(&window));
	window_add(&window, WINDOW_PLAIN, 1, 10);
	CHECK(!window_is_failing(&window));
}

TEST(a_full_window_drops_the_oldest) {
	struct window window = {0};
	for (uint64_t i = 0; i < 500; i++)
		window_add(&window, WINDOW_FAILURE, 10, i);
	for (uint64_t i = 500; i < 1250; i++)
		window_add(&window, WINDOW_SUCCESS, 20, i);
	CHECK_INT(window.count, 1000);
	CHECK_NEAR(window_error_rate(&window), 0.25, 1e-9);
	CHECK_NEAR(window_average_latency_ms(&window), 17.5, 1e-9);
	// 1 000 entries since 250 ms: as of 1 250 ms that is a thousand a second.
	CHECK_NEAR(window_requests_per_minute(&window, 1250), 60000, 1e-6);
}

TEST(huge_latencies_do_not_wrap) {
	struct window window = {0};
	window_add(&window, WINDOW_SUCCESS, UINT64_MAX, 0);
	CHECK_NEAR(window_average_latency_ms(&window), 2147483647.0, 0);
}

int main(void) {
	RUN(an_empty_window_is_all_zero);
	RUN(rates_and_averages);
	RUN(entries_expire_after_a_minute);
	RUN(ten_attempts_are_needed_to_be_failing);
	RUN(half_of_the_attempts_is_failing);
	RUN(a_full_window_drops_the_oldest);
	RUN(huge_latencies_do_not_wrap);
	return check_summary();
}

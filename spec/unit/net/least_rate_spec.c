// SPDX-License-Identifier: Apache-2.0
// When a client is too slow, in virtual time.
#include "../check.h"
#include "net/least_rate.h"

static const struct least_rate least = {500, 10000};

// Passes `bytes` each `every_ms` until the client is too slow. Returns when, or 0 if it wasn't within ten minutes.
static uint64_t too_slow_at(uint64_t bytes, uint64_t every_ms, const struct least_rate *rate) {
	struct rate_watch watch = {0};
	rate_watch_run(&watch, 0);
	for (uint64_t now_ms = every_ms; now_ms <= 600000; now_ms += every_ms)
		if (rate_watch_count(&watch, bytes, rate, now_ms))
			return now_ms;
	return 0;
}

TEST(two_slow_periods_in_a_row_are_too_slow) {
	static const struct {
		uint64_t bytes, every_ms, at_ms;
	} rows[] = {
	    {1, 1, 0},        {1, 2, 0},         {1, 3, 20001 + 3}, {499, 1000, 20000}, {500, 1000, 0},
	    {1, 9000, 36000}, {1, 29000, 58000}, {15000, 29000, 0}, {65536, 60000, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_INT(too_slow_at(rows[i].bytes, rows[i].every_ms, &least), rows[i].at_ms);
}

TEST(without_a_least_rate_nothing_is_too_slow) {
	CHECK_INT(too_slow_at(0, 1000, &(struct least_rate){0, 10000}), 0);
	CHECK_INT(too_slow_at(0, 1000, &(struct least_rate){0}), 0);
}

// A client that has paused sends a little first, and then more.
TEST(a_pause_alone_is_not_too_slow) {
	struct rate_watch watch = {0};
	rate_watch_run(&watch, 1000);
	CHECK(!rate_watch_count(&watch, 1, &least, 30000));
	CHECK(!rate_watch_count(&watch, 4999, &least, 39000));
	CHECK(!rate_watch_count(&watch, 1, &least, 40000));
	CHECK(!rate_watch_count(&watch, 1, &least, 69000));
	CHECK(rate_watch_count(&watch, 1, &least, 98000));
}

TEST(only_time_in_which_the_client_is_waited_for_counts) {
	struct rate_watch watch = {0};
	uint64_t now_ms = 0;
	for (int i = 0; i < 1000; i++) {
		rate_watch_run(&watch, now_ms);
		rate_watch_run(&watch, now_ms + 1);
		CHECK(!rate_watch_count(&watch, 1, &least, now_ms += 2));
		rate_watch_stop(&watch, now_ms);
		CHECK(!rate_watch_count(&watch, 0, &least, now_ms += 60000));
	}
	rate_watch_run(&watch, now_ms);
	CHECK(!rate_watch_count(&watch, 1, &least, now_ms + 10000));
	rate_watch_stop(&watch, now_ms + 15000);
	CHECK(!rate_watch_count(&watch, 0, &least, now_ms + 100000));
	rate_watch_run(&watch, now_ms + 200000);
	CHECK(rate_watch_count(&watch, 1, &least, now_ms + 205000));
}

int main(void) {
	RUN(two_slow_periods_in_a_row_are_too_slow);
	RUN(without_a_least_rate_nothing_is_too_slow);
	RUN(a_pause_alone_is_not_too_slow);
	RUN(only_time_in_which_the_client_is_waited_for_counts);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// What counts as used within the last minute.
#include "../check.h"

#include "world/quota_counter.h"

TEST(a_minute_is_what_counts) {
	static const struct {
		uint64_t now_ms, limit, amount;
		bool admitted;
	} steps[] = {
	    {0, 10, 4, true},       {500, 10, 6, true},       {900, 10, 1, false},
	    {59999, 10, 1, false},  {60000, 10, 10, true},    // the first second has left the minute
	    {60001, 10, 1, false},  {120000, 10, 11, false},  // more than the quota at once never passes
	    {120000, 10, 10, true}, {10000000, 10, 10, true}, // a long silence forgets everything
	};
	struct quota_counter counter = {0};
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		bool admitted = quota_counter_would_admit(&counter, steps[i].limit, steps[i].amount, steps[i].now_ms);
		if (admitted != steps[i].admitted)
			printf("  step %zu\n", i);
		CHECK_INT(admitted, steps[i].admitted);
		if (admitted)
			quota_counter_use(&counter, steps[i].amount, steps[i].now_ms);
	}
}

TEST(use_leaves_second_by_second) {
	struct quota_counter counter = {0};
	for (uint64_t second = 0; second < 60; second++)
		quota_counter_use(&counter, 1, second * 1000);
	for (uint64_t second = 60; second < 120; second++) {
		CHECK(quota_counter_would_admit(&counter, 60, 1, second * 1000));
		CHECK(!quota_counter_would_admit(&counter, 60, 2 + second - 60, second * 1000));
		CHECK_INT(counter.total, 119 - second);
	}
}

TEST(no_limit_admits_everything) {
	struct quota_counter counter = {0};
	quota_counter_use(&counter, UINT64_MAX / 2, 0);
	CHECK(quota_counter_would_admit(&counter, 0, UINT64_MAX, 0));
	CHECK(!quota_counter_would_admit(&counter, 5, UINT64_MAX, 0));
}

TEST(checking_uses_nothing) {
	struct quota_counter counter = {0};
	for (int i = 0; i < 10; i++)
		CHECK(quota_counter_would_admit(&counter, 1, 1, 0));
	quota_counter_use(&counter, 1, 0);
	CHECK(!quota_counter_would_admit(&counter, 1, 1, 0));
}

int main(void) {
	RUN(a_minute_is_what_counts);
	RUN(use_leaves_second_by_second);
	RUN(no_limit_admits_everything);
	RUN(checking_uses_nothing);
	return check_summary();
}

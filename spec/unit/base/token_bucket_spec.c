// SPDX-License-Identifier: Apache-2.0
// How often something may happen, in virtual time.
#include "base/token_bucket.h"

#include "../check.h"

// Takes as many as there are.
static int take_all(struct token_bucket *allowance, uint64_t now_ms) {
	int count = 0;
	while (count < 100000 && token_bucket_take(allowance, now_ms))
		count++;
	return count;
}

TEST(gives_a_burst_and_then_so_many_a_second) {
	static const struct {
		uint32_t burst, per_second;
		uint64_t passed_ms;
		int expected;
	} cases[] = {
	    {100, 500, 0, 0},
	    {100, 500, 1, 0},
	    {100, 500, 2, 1},
	    {100, 500, 100, 50},
	    {100, 500, 200, 100},
	    {100, 500, 100000, 100},
	    {10, 1, 999, 0},
	    {10, 1, 1000, 1},
	    {10, 1, 9999, 9},
	    {10, 3, 1000, 3},
	    {10, 3, UINT64_MAX - 5000, 10},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct token_bucket allowance;
		token_bucket_init(&allowance, cases[i].burst, cases[i].per_second, 5000);
		CHECK_INT(take_all(&allowance, 5000), cases[i].burst);
		CHECK_INT(take_all(&allowance, 5000 + cases[i].passed_ms), cases[i].expected);
	}
}

// Looking often loses nothing of what comes slowly.
TEST(gathers_fractions) {
	struct token_bucket allowance;
	int taken = 0;
	token_bucket_init(&allowance, 5, 3, 0);
	take_all(&allowance, 0);
	for (uint64_t now_ms = 1; now_ms <= 10000; now_ms++)
		taken += token_bucket_take(&allowance, now_ms);
	CHECK_INT(taken, 30);
}

TEST(tells_when_there_is_one) {
	struct token_bucket allowance;
	token_bucket_init(&allowance, 2, 300, 0);
	CHECK_INT(token_bucket_wait_ms(&allowance, 0), 0);
	take_all(&allowance, 0);
	uint64_t wait_ms = token_bucket_wait_ms(&allowance, 0);
	CHECK_INT(wait_ms, 4);
	CHECK(!token_bucket_take(&allowance, wait_ms - 1));
	CHECK_INT(token_bucket_wait_ms(&allowance, wait_ms - 1), 1);
	CHECK(token_bucket_take(&allowance, wait_ms));
}

TEST(gives_back_up_to_the_burst) {
	struct token_bucket allowance;
	token_bucket_init(&allowance, 10, 1, 0);
	take_all(&allowance, 0);
	token_bucket_give(&allowance, 3);
	CHECK_INT(take_all(&allowance, 0), 3);
	token_bucket_give(&allowance, 1000);
	CHECK_INT(take_all(&allowance, 0), 10);
}

int main(void) {
	RUN(gives_a_burst_and_then_so_many_a_second);
	RUN(gathers_fractions);
	RUN(tells_when_there_is_one);
	RUN(gives_back_up_to_the_burst);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Token buckets in virtual time.
#include "base/token_bucket.h"

#include "../check.h"

// Takes all available tokens and returns their number.
static int take_all(struct token_bucket *bucket, uint64_t now_ms) {
	int count = 0;
	while (count < 100000 && token_bucket_take(bucket, now_ms))
		count++;
	return count;
}

TEST(allows_a_burst_and_then_the_rate) {
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
		struct token_bucket bucket;
		token_bucket_init(&bucket, cases[i].burst, cases[i].per_second, 5000);
		CHECK_INT(take_all(&bucket, 5000), cases[i].burst);
		CHECK_INT(take_all(&bucket, 5000 + cases[i].passed_ms), cases[i].expected);
	}
}

// Frequent calls lose no fraction of a token.
TEST(keeps_fractions_of_tokens) {
	struct token_bucket bucket;
	int taken = 0;
	token_bucket_init(&bucket, 5, 3, 0);
	take_all(&bucket, 0);
	for (uint64_t now_ms = 1; now_ms <= 10000; now_ms++)
		taken += token_bucket_take(&bucket, now_ms);
	CHECK_INT(taken, 30);
}

TEST(reports_the_wait_for_a_token) {
	struct token_bucket bucket;
	token_bucket_init(&bucket, 2, 300, 0);
	CHECK_INT(token_bucket_wait_ms(&bucket, 0), 0);
	take_all(&bucket, 0);
	uint64_t wait_ms = token_bucket_wait_ms(&bucket, 0);
	CHECK_INT(wait_ms, 4);
	CHECK(!token_bucket_take(&bucket, wait_ms - 1));
	CHECK_INT(token_bucket_wait_ms(&bucket, wait_ms - 1), 1);
	CHECK(token_bucket_take(&bucket, wait_ms));
}

TEST(returns_tokens_up_to_the_burst) {
	struct token_bucket bucket;
	token_bucket_init(&bucket, 10, 1, 0);
	take_all(&bucket, 0);
	token_bucket_give(&bucket, 3);
	CHECK_INT(take_all(&bucket, 0), 3);
	token_bucket_give(&bucket, 1000);
	CHECK_INT(take_all(&bucket, 0), 10);
}

int main(void) {
	RUN(allows_a_burst_and_then_the_rate);
	RUN(keeps_fractions_of_tokens);
	RUN(reports_the_wait_for_a_token);
	RUN(returns_tokens_up_to_the_burst);
	return check_summary();
}

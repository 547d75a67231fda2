// SPDX-License-Identifier: Apache-2.0
// Counts thousandths of tokens: a rate of N tokens a second is N thousandths a millisecond.
#include "base/token_bucket.h"

enum { ONE = 1000 };

static void token_bucket_add(struct token_bucket *bucket, uint64_t thousandths) {
	uint64_t room = bucket->burst - bucket->left;
	bucket->left += thousandths < room ? thousandths : room;
}

static void token_bucket_fill(struct token_bucket *bucket, uint64_t now_ms) {
	uint64_t passed_ms = now_ms - bucket->filled_ms;
	bucket->filled_ms = now_ms;
	// This time fills an empty bucket; the product below can't overflow.
	uint64_t enough_ms = bucket->burst / bucket->per_second + 1;
	token_bucket_add(bucket, (passed_ms < enough_ms ? passed_ms : enough_ms) * bucket->per_second);
}

void token_bucket_init(struct token_bucket *bucket, uint32_t burst, uint32_t per_second, uint64_t now_ms) {
	*bucket = (struct token_bucket){(uint64_t)burst * ONE, (uint64_t)burst * ONE, per_second, now_ms};
}

bool token_bucket_take(struct token_bucket *bucket, uint64_t now_ms) {
	token_bucket_fill(bucket, now_ms);
	if (bucket->left < ONE)
		return false;
	bucket->left -= ONE;
	return true;
}

void token_bucket_give(struct token_bucket *bucket, uint32_t count) {
	token_bucket_add(bucket, (uint64_t)count * ONE);
}

uint64_t token_bucket_wait_ms(struct token_bucket *bucket, uint64_t now_ms) {
	token_bucket_fill(bucket, now_ms);
	if (bucket->left >= ONE)
		return 0;
	return (ONE - bucket->left + bucket->per_second - 1) / bucket->per_second;
}

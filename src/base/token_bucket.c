// SPDX-License-Identifier: Apache-2.0
// A bucket of thousandths: so many a second are just as many thousandths a millisecond.
#include "base/token_bucket.h"

enum { ONE = 1000 };

static void add(struct token_bucket *allowance, uint64_t thousandths) {
	uint64_t room = allowance->burst - allowance->left;
	allowance->left += thousandths < room ? thousandths : room;
}

static void fill(struct token_bucket *allowance, uint64_t now_ms) {
	uint64_t passed_ms = now_ms - allowance->filled_ms;
	allowance->filled_ms = now_ms;
	// More than it takes to fill it from empty, and no overflow.
	uint64_t enough_ms = allowance->burst / allowance->per_second + 1;
	add(allowance, (passed_ms < enough_ms ? passed_ms : enough_ms) * allowance->per_second);
}

void token_bucket_init(struct token_bucket *allowance, uint32_t burst, uint32_t per_second, uint64_t now_ms) {
	*allowance = (struct token_bucket){(uint64_t)burst * ONE, (uint64_t)burst * ONE, per_second, now_ms};
}

bool token_bucket_take(struct token_bucket *allowance, uint64_t now_ms) {
	fill(allowance, now_ms);
	if (allowance->left < ONE)
		return false;
	allowance->left -= ONE;
	return true;
}

void token_bucket_give(struct token_bucket *allowance, uint32_t count) {
	add(allowance, (uint64_t)count * ONE);
}

uint64_t token_bucket_wait_ms(struct token_bucket *allowance, uint64_t now_ms) {
	fill(allowance, now_ms);
	if (allowance->left >= ONE)
		return 0;
	return (ONE - allowance->left + allowance->per_second - 1) / allowance->per_second;
}

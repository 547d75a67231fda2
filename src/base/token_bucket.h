// SPDX-License-Identifier: Apache-2.0
// How often something may happen: some at once, and then so many a second. Pure.
#ifndef BASE_TOKEN_BUCKET_H
#define BASE_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct token_bucket {
	uint64_t left; // thousandths
	uint64_t burst;
	uint64_t per_second;
	uint64_t filled_ms;
};

// Full: `burst` may happen at once.
void token_bucket_init(struct token_bucket *allowance, uint32_t burst, uint32_t per_second, uint64_t now_ms);

// Takes one; false, with nothing taken, when there is none.
bool token_bucket_take(struct token_bucket *allowance, uint64_t now_ms);

// Gives some back, up to the burst.
void token_bucket_give(struct token_bucket *allowance, uint32_t count);

// Milliseconds until there is one to take; 0 when there is.
uint64_t token_bucket_wait_ms(struct token_bucket *allowance, uint64_t now_ms);

#endif

// SPDX-License-Identifier: Apache-2.0
// A token bucket: limits how often an action may happen, to a burst and then to a rate per second. Pure.
#ifndef BASE_TOKEN_BUCKET_H
#define BASE_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct token_bucket {
	uint64_t left;  // thousandths of a token
	uint64_t burst; // thousandths
	uint64_t per_second;
	uint64_t filled_ms;
};

// A full bucket with `burst` tokens, which refills by `per_second` tokens a second. Neither number may be 0.
void token_bucket_init(struct token_bucket *bucket, uint32_t burst, uint32_t per_second, uint64_t now_ms);

// Takes one token; false if there is none.
bool token_bucket_take(struct token_bucket *bucket, uint64_t now_ms);

// Returns tokens, up to the burst.
void token_bucket_give(struct token_bucket *bucket, uint32_t count);

// Milliseconds until a token is available; 0 if there is one.
uint64_t token_bucket_wait_ms(struct token_bucket *bucket, uint64_t now_ms);

#endif

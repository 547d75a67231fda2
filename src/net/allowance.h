// SPDX-License-Identifier: Apache-2.0
// How often something may happen: some at once, and then so many a second. Pure.
#ifndef NET_ALLOWANCE_H
#define NET_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

struct allowance {
	uint64_t left; // thousandths
	uint64_t burst;
	uint64_t per_second;
	uint64_t filled_ms;
};

// Full: `burst` may happen at once.
void allowance_init(struct allowance *allowance, uint32_t burst, uint32_t per_second, uint64_t now_ms);

// Takes one; false, with nothing taken, when there is none.
bool allowance_take(struct allowance *allowance, uint64_t now_ms);

// Gives some back, up to the burst.
void allowance_give(struct allowance *allowance, uint32_t count);

// Milliseconds until there is one to take; 0 when there is.
uint64_t allowance_wait_ms(struct allowance *allowance, uint64_t now_ms);

#endif

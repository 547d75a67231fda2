// SPDX-License-Identifier: Apache-2.0
// How much was used within the last minute, second by second: what a quota per minute is checked against.
#ifndef WORLD_ALLOWANCE_H
#define WORLD_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

enum { ALLOWANCE_SECONDS = 60 };

// Zero-initialise. Time may not go backwards between calls.
struct allowance {
	uint64_t second; // the newest one that `used` covers
	uint64_t total;
	uint64_t used[ALLOWANCE_SECONDS];
};

// Whether `amount` more would keep the last minute's use within `limit`; a limit of 0 is none.
bool allowance_would_admit(struct allowance *allowance, uint64_t limit, uint64_t amount, uint64_t now_ms);

// Counts `amount` as used now.
void allowance_use(struct allowance *allowance, uint64_t amount, uint64_t now_ms);

#endif

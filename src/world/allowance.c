// SPDX-License-Identifier: Apache-2.0
// One counter for each of the last sixty seconds, and their sum: exact to the second, constant time and space.
#include "world/allowance.h"

#include <string.h>

// Forgets the seconds that have left the minute.
static void advance(struct allowance *allowance, uint64_t now_ms) {
	uint64_t second = now_ms / 1000;
	if (second >= allowance->second + ALLOWANCE_SECONDS) {
		memset(allowance->used, 0, sizeof allowance->used);
		allowance->total = 0;
		allowance->second = second;
	}
	while (allowance->second < second) {
		allowance->second++;
		uint64_t *used = &allowance->used[allowance->second % ALLOWANCE_SECONDS];
		allowance->total -= *used;
		*used = 0;
	}
}

bool allowance_would_admit(struct allowance *allowance, uint64_t limit, uint64_t amount, uint64_t now_ms) {
	if (limit == 0)
		return true;
	advance(allowance, now_ms);
	return amount <= limit && allowance->total <= limit - amount;
}

void allowance_use(struct allowance *allowance, uint64_t amount, uint64_t now_ms) {
	advance(allowance, now_ms);
	allowance->used[allowance->second % ALLOWANCE_SECONDS] += amount;
	allowance->total += amount;
}

// SPDX-License-Identifier: Apache-2.0
// One counter for each of the last sixty seconds, and their sum: exact to the second, constant time and space.
#include "world/quota.h"

#include <string.h>

// Forgets the seconds that have left the minute.
static void advance(struct quota *quota, uint64_t now_ms) {
	uint64_t second = now_ms / 1000;
	if (second >= quota->second + QUOTA_SECONDS) {
		memset(quota->used, 0, sizeof quota->used);
		quota->total = 0;
		quota->second = second;
	}
	while (quota->second < second) {
		quota->second++;
		uint64_t *used = &quota->used[quota->second % QUOTA_SECONDS];
		quota->total -= *used;
		*used = 0;
	}
}

bool quota_would_admit(struct quota *quota, uint64_t limit, uint64_t amount, uint64_t now_ms) {
	if (limit == 0)
		return true;
	advance(quota, now_ms);
	return amount <= limit && quota->total <= limit - amount;
}

void quota_use(struct quota *quota, uint64_t amount, uint64_t now_ms) {
	advance(quota, now_ms);
	quota->used[quota->second % QUOTA_SECONDS] += amount;
	quota->total += amount;
}

// SPDX-License-Identifier: Apache-2.0
// One counter for each of the last sixty seconds, and their sum: exact to the second, in constant time and space.
#include "world/quota_counter.h"

#include <string.h>

// Forgets the seconds that have left the minute.
static void quota_counter_advance(struct quota_counter *counter, uint64_t now_ms) {
	uint64_t second = now_ms / 1000;
	if (second >= counter->second + QUOTA_COUNTER_SECONDS) {
		memset(counter->used, 0, sizeof counter->used);
		counter->total = 0;
		counter->second = second;
	}
	while (counter->second < second) {
		counter->second++;
		uint64_t *used = &counter->used[counter->second % QUOTA_COUNTER_SECONDS];
		counter->total -= *used;
		*used = 0;
	}
}

bool quota_counter_would_admit(struct quota_counter *counter, uint64_t limit, uint64_t amount, uint64_t now_ms) {
	if (limit == 0)
		return true;
	quota_counter_advance(counter, now_ms);
	return amount <= limit && counter->total <= limit - amount;
}

void quota_counter_use(struct quota_counter *counter, uint64_t amount, uint64_t now_ms) {
	quota_counter_advance(counter, now_ms);
	counter->used[counter->second % QUOTA_COUNTER_SECONDS] += amount;
	counter->total += amount;
}

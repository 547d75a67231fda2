// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a sliding minute: a ring of buckets, and their sum.
#include "route/minute.h"

#include <string.h>

static void advance(struct minute *minute, uint64_t now_ms) {
	uint64_t second = now_ms / 1000;
	if (second <= minute->second)
		return;
	if (second - minute->second >= MINUTE_BUCKETS) {
		memset(minute->used, 0, sizeof minute->used);
		minute->sum = 0;
		minute->second = second;
		return;
	}
	while (minute->second < second) {
		minute->second++;
		uint64_t *bucket = &minute->used[minute->second % MINUTE_BUCKETS];
		minute->sum -= *bucket;
		*bucket = 0;
	}
}

uint64_t minute_sum(struct minute *minute, uint64_t now_ms) {
	advance(minute, now_ms);
	return minute->sum;
}

uint64_t minute_use(struct minute *minute, uint64_t amount, uint64_t now_ms) {
	advance(minute, now_ms);
	minute->used[minute->second % MINUTE_BUCKETS] += amount;
	minute->sum += amount;
	return minute->second;
}

void minute_return(struct minute *minute, uint64_t amount, uint64_t second, uint64_t now_ms) {
	advance(minute, now_ms);
	if (minute->second - second >= MINUTE_BUCKETS)
		return;
	uint64_t *bucket = &minute->used[second % MINUTE_BUCKETS];
	uint64_t returned = amount < *bucket ? amount : *bucket;
	*bucket -= returned;
	minute->sum -= returned;
}

uint64_t minute_leaving(const struct minute *minute, uint64_t steps, uint64_t *at_ms) {
	uint64_t second = minute->second + steps;
	*at_ms = second * 1000;
	return minute->used[second % MINUTE_BUCKETS];
}

// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a sliding minute: a ring of buckets, and their sum.
#include "base/minute_window.h"

#include <string.h>

static void advance(struct minute_window *minute_window, uint64_t now_ms) {
	uint64_t second = now_ms / 1000;
	if (second <= minute_window->second)
		return;
	if (second - minute_window->second >= MINUTE_BUCKETS) {
		memset(minute_window->used, 0, sizeof minute_window->used);
		minute_window->sum = 0;
		minute_window->second = second;
		return;
	}
	while (minute_window->second < second) {
		minute_window->second++;
		uint64_t *bucket = &minute_window->used[minute_window->second % MINUTE_BUCKETS];
		minute_window->sum -= *bucket;
		*bucket = 0;
	}
}

uint64_t minute_window_sum(struct minute_window *minute_window, uint64_t now_ms) {
	advance(minute_window, now_ms);
	return minute_window->sum;
}

uint64_t minute_window_use(struct minute_window *minute_window, uint64_t amount, uint64_t now_ms) {
	advance(minute_window, now_ms);
	minute_window->used[minute_window->second % MINUTE_BUCKETS] += amount;
	minute_window->sum += amount;
	return minute_window->second;
}

void minute_window_return(struct minute_window *minute_window, uint64_t amount, uint64_t second, uint64_t now_ms) {
	advance(minute_window, now_ms);
	if (minute_window->second - second >= MINUTE_BUCKETS)
		return;
	uint64_t *bucket = &minute_window->used[second % MINUTE_BUCKETS];
	uint64_t returned = amount < *bucket ? amount : *bucket;
	*bucket -= returned;
	minute_window->sum -= returned;
}

uint64_t minute_window_leaving(const struct minute_window *minute_window, uint64_t steps, uint64_t *at_ms) {
	uint64_t second = minute_window->second + steps;
	*at_ms = second * 1000;
	return minute_window->used[second % MINUTE_BUCKETS];
}

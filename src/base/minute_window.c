// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a sliding minute: a ring of buckets, and their sum.
#include "base/minute_window.h"

#include <string.h>

static void minute_window_advance(struct minute_window *window, uint64_t now_ms) {
	uint64_t second = now_ms / 1000;
	if (second <= window->second)
		return;
	if (second - window->second >= MINUTE_BUCKETS) {
		memset(window->used, 0, sizeof window->used);
		window->sum = 0;
		window->second = second;
		return;
	}
	while (window->second < second) {
		window->second++;
		uint64_t *bucket = &window->used[window->second % MINUTE_BUCKETS];
		window->sum -= *bucket;
		*bucket = 0;
	}
}

uint64_t minute_window_sum(struct minute_window *window, uint64_t now_ms) {
	minute_window_advance(window, now_ms);
	return window->sum;
}

uint64_t minute_window_use(struct minute_window *window, uint64_t amount, uint64_t now_ms) {
	minute_window_advance(window, now_ms);
	window->used[window->second % MINUTE_BUCKETS] += amount;
	window->sum += amount;
	return window->second;
}

void minute_window_return(struct minute_window *window, uint64_t amount, uint64_t second, uint64_t now_ms) {
	minute_window_advance(window, now_ms);
	if (window->second - second >= MINUTE_BUCKETS)
		return;
	uint64_t *bucket = &window->used[second % MINUTE_BUCKETS];
	uint64_t returned = amount < *bucket ? amount : *bucket;
	*bucket -= returned;
	window->sum -= returned;
}

uint64_t minute_window_leaving(const struct minute_window *window, uint64_t steps, uint64_t *at_ms) {
	uint64_t second = window->second + steps;
	*at_ms = second * 1000;
	return window->used[second % MINUTE_BUCKETS];
}

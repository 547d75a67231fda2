// SPDX-License-Identifier: Apache-2.0
// The amount used within the last minute, in buckets of one second. A plain structure without a lock; zeroed is empty.
// Each use counts for at least 60 s and at most 61 s, so that no period of a minute contains more than a limit on the
// sum allows. A time before the latest second counts as the latest second.
#ifndef BASE_MINUTE_WINDOW_H
#define BASE_MINUTE_WINDOW_H

#include <stdint.h>

// The current second and the 60 before it.
enum { MINUTE_BUCKETS = 61 };

struct minute_window {
	uint64_t second; // the latest one
	uint64_t sum;    // of the buckets
	uint64_t used[MINUTE_BUCKETS];
};

// The sum of the last minute. Amortised O(1).
uint64_t minute_window_sum(struct minute_window *window, uint64_t now_ms);

// Adds `amount` at `now_ms`. Returns the second whose bucket holds it, for minute_window_return.
uint64_t minute_window_use(struct minute_window *window, uint64_t amount, uint64_t now_ms);

// Subtracts `amount` from the bucket of that second, down to 0 at most. Does nothing if the bucket has left the window.
void minute_window_return(struct minute_window *window, uint64_t amount, uint64_t second, uint64_t now_ms);

// The amount in the bucket that leaves the window `steps` seconds after the latest second (1 is the oldest bucket).
// *at_ms is the time when it leaves.
uint64_t minute_window_leaving(const struct minute_window *window, uint64_t steps, uint64_t *at_ms);

#endif

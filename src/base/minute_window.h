// SPDX-License-Identifier: Apache-2.0
// How much was used within the last minute, in buckets of a second. A plain structure without a lock: zeroed is
// nothing. What is used counts for at least 60 s and at most 61, so that no minute, wherever it is laid, holds more
// than was allowed. A clock reading that lies behind what was written counts as the latest.
#ifndef BASE_MINUTE_WINDOW_H
#define BASE_MINUTE_WINDOW_H

#include <stdint.h>

// The second that runs, and the 60 before it.
enum { MINUTE_BUCKETS = 61 };

struct minute_window {
	uint64_t second; // the latest one
	uint64_t sum;    // of the buckets
	uint64_t used[MINUTE_BUCKETS];
};

// What the last minute comes to. Amortised O(1).
uint64_t minute_window_sum(struct minute_window *minute_window, uint64_t now_ms);

// Counts `amount` as used now. Returns the second that it is kept under, for minute_window_return.
uint64_t minute_window_use(struct minute_window *minute_window, uint64_t amount, uint64_t now_ms);

// Takes `amount` of what was used in that second back; what has left the minute is left alone.
void minute_window_return(struct minute_window *minute_window, uint64_t amount, uint64_t second, uint64_t now_ms);

// The bucket that leaves the minute `steps` seconds from the latest second on, 1 being the oldest: its amount, and
// when.
uint64_t minute_window_leaving(const struct minute_window *minute_window, uint64_t steps, uint64_t *at_ms);

#endif

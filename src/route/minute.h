// SPDX-License-Identifier: Apache-2.0
// How much was used within the last minute, in buckets of a second. A plain structure without a lock: zeroed is
// nothing. What is used counts for at least 60 s and at most 61, so that no minute, wherever it is laid, holds more
// than was allowed. A clock reading that lies behind what was written counts as the latest.
#ifndef ROUTE_MINUTE_H
#define ROUTE_MINUTE_H

#include <stdint.h>

// The second that runs, and the 60 before it.
enum { MINUTE_BUCKETS = 61 };

struct minute {
	uint64_t second; // the latest one
	uint64_t sum;    // of the buckets
	uint64_t used[MINUTE_BUCKETS];
};

// What the last minute comes to. Amortised O(1).
uint64_t minute_sum(struct minute *minute, uint64_t now_ms);

// Counts `amount` as used now. Returns the second that it is kept under, for minute_return.
uint64_t minute_use(struct minute *minute, uint64_t amount, uint64_t now_ms);

// Takes `amount` of what was used in that second back; what has left the minute is left alone.
void minute_return(struct minute *minute, uint64_t amount, uint64_t second, uint64_t now_ms);

// The bucket that leaves the minute `steps` seconds from the latest second on, 1 being the oldest: its amount, and
// when.
uint64_t minute_leaving(const struct minute *minute, uint64_t steps, uint64_t *at_ms);

#endif

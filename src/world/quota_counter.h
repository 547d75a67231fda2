// SPDX-License-Identifier: Apache-2.0
// How much of a quota was used within the last minute, as the service counts it: in exactly sixty seconds. A client
// that keeps a quota itself must count longer (base/minute_window).
#ifndef WORLD_QUOTA_COUNTER_H
#define WORLD_QUOTA_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

enum { QUOTA_COUNTER_SECONDS = 60 };

// Zero-initialise. Time may not go backwards between calls.
struct quota_counter {
	uint64_t second; // the newest second that `used` covers
	uint64_t total;
	uint64_t used[QUOTA_COUNTER_SECONDS];
};

// Whether `amount` more would keep the last minute's use within `limit`; a limit of 0 is none.
bool quota_counter_would_admit(struct quota_counter *counter, uint64_t limit, uint64_t amount, uint64_t now_ms);

// Counts `amount` as used now.
void quota_counter_use(struct quota_counter *counter, uint64_t amount, uint64_t now_ms);

#endif

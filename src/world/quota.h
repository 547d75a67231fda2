// SPDX-License-Identifier: Apache-2.0
// How much was used within the last minute, second by second: what quotas per minute are checked against.
#ifndef WORLD_QUOTA_H
#define WORLD_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum { QUOTA_SECONDS = 60 };

// Zero-initialise. Time may not go backwards between calls.
struct quota {
	uint64_t second; // the newest one that `used` covers
	uint64_t total;
	uint64_t used[QUOTA_SECONDS];
};

// Whether `amount` more would keep the last minute's use within `limit`; a limit of 0 is none.
bool quota_would_admit(struct quota *quota, uint64_t limit, uint64_t amount, uint64_t now_ms);

// Counts `amount` as used now.
void quota_use(struct quota *quota, uint64_t amount, uint64_t now_ms);

#endif

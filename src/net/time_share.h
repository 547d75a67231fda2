// SPDX-License-Identifier: Apache-2.0
// A share of a processor's time for work whose cost is known only afterwards: it may begin while something is left,
// and what it then takes beyond that has to be made up for first. Pure.
#ifndef NET_TIME_SHARE_H
#define NET_TIME_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct time_share {
	int64_t left_us; // negative: to be made up for
	int64_t burst_us;
	int64_t us_per_ms; // 300: three tenths of the time
	uint64_t filled_ms;
};

// A full share: `burst_us` at once, then `us_per_ms` of each millisecond, which is at least 1.
void time_share_init(struct time_share *share, uint32_t burst_us, uint32_t us_per_ms, uint64_t now_ms);

// Milliseconds until work may begin; 0: now.
uint64_t time_share_wait_ms(struct time_share *share, uint64_t now_ms);

// Work has taken that long.
void time_share_charge(struct time_share *share, uint64_t used_us);

#endif

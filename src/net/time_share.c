// SPDX-License-Identifier: Apache-2.0
#include "net/time_share.h"

// A clock that jumps must not make a debt that lasts, nor an overflow.
enum { CHARGE_MAX_US = 10 * 1000 * 1000 };

void time_share_init(struct time_share *share, uint32_t burst_us, uint32_t us_per_ms, uint64_t now_ms) {
	*share = (struct time_share){burst_us, burst_us, us_per_ms, now_ms};
}

static void time_share_fill(struct time_share *share, uint64_t now_ms) {
	int64_t lacking_us = share->burst_us - share->left_us;
	uint64_t enough_ms = (uint64_t)(lacking_us / share->us_per_ms) + 1;
	uint64_t passed_ms = now_ms - share->filled_ms;
	share->filled_ms = now_ms;
	if (passed_ms >= enough_ms)
		share->left_us = share->burst_us;
	else
		share->left_us += (int64_t)passed_ms * share->us_per_ms;
}

uint64_t time_share_wait_ms(struct time_share *share, uint64_t now_ms) {
	time_share_fill(share, now_ms);
	return share->left_us > 0 ? 0 : (uint64_t)(-share->left_us / share->us_per_ms) + 1;
}

void time_share_charge(struct time_share *share, uint64_t used_us) {
	int64_t least_us = -(int64_t)CHARGE_MAX_US;
	share->left_us -= used_us < CHARGE_MAX_US ? (int64_t)used_us : CHARGE_MAX_US;
	if (share->left_us < least_us)
		share->left_us = least_us;
}

// SPDX-License-Identifier: Apache-2.0
// The difference of two clock readings, at least 0. Workers share states, and one worker's reading may be a little
// older than what another has stored, so a plain subtraction could wrap.
#ifndef ROUTE_ELAPSED_H
#define ROUTE_ELAPSED_H

#include <stdint.h>

static inline uint64_t elapsed_ms(uint64_t now_ms, uint64_t since_ms) {
	return now_ms > since_ms ? now_ms - since_ms : 0;
}

#endif

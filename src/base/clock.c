// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <time.h>

static uint64_t read_us(clockid_t clock) {
	struct timespec time;
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

uint64_t clock_now_ms(void) {
	return read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_now_us(void) {
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void) {
	return (int64_t)(read_us(CLOCK_REALTIME) / 1000);
}

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

static int64_t read_wall_ms(void *owner) {
	(void)owner;
	return clock_wall_ms();
}

static uint64_t read_processor_us(void *owner) {
	(void)owner;
	return read_us(CLOCK_PROCESS_CPUTIME_ID);
}

const struct clock clock_system = {.wall_ms = read_wall_ms, .processor_us = read_processor_us};

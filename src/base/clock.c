// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t clock) {
	struct timespec time;
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t clock_now_ms(void) {
	return read_ns(CLOCK_MONOTONIC) / 1000000;
}

uint64_t clock_now_us(void) {
	return read_ns(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_now_ns(void) {
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_thread_cpu_ns(void) {
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_wall_ms(void) {
	return (int64_t)(read_ns(CLOCK_REALTIME) / 1000000);
}

static int64_t read_wall_ms(void *owner) {
	(void)owner;
	return clock_wall_ms();
}

static uint64_t read_processor_us(void *owner) {
	(void)owner;
	return read_ns(CLOCK_PROCESS_CPUTIME_ID) / 1000;
}

const struct clock clock_system = {.wall_ms = read_wall_ms, .processor_us = read_processor_us};

// SPDX-License-Identifier: Apache-2.0
// The system's clocks. Pure code never calls these functions: it takes `now_ms` (monotonic) and `wall_s` (calendar) as
// arguments, or a `struct clock`.
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

// Milliseconds of the monotonic clock; comparable between threads of one process only.
uint64_t clock_now_ms(void);
// Microseconds of the monotonic clock.
uint64_t clock_now_us(void);
// Nanoseconds of the monotonic clock.
uint64_t clock_now_ns(void);
// Processor time of this thread, in nanoseconds.
uint64_t clock_thread_cpu_ns(void);
// Milliseconds since 1970 of the calendar clock.
int64_t clock_wall_ms(void);

// Clocks behind function pointers, so that a caller can supply virtual time.
struct clock {
	int64_t (*wall_ms)(void *owner);       // since 1970
	uint64_t (*processor_us)(void *owner); // processor time of the process
	void *owner;
};

extern const struct clock clock_system;

#endif

// SPDX-License-Identifier: Apache-2.0
// The system's clocks. Pure rooms never call these: they are given `now_ms` (monotonic) and `wall_s` (calendar), or a
// `struct clock`.
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

// Milliseconds of the monotonic clock; comparable between threads of one process only.
uint64_t clock_now_ms(void);
// Microseconds of the monotonic clock.
uint64_t clock_now_us(void);
// Nanoseconds of it.
uint64_t clock_now_ns(void);
// Nanoseconds of the processor that this thread has used.
uint64_t clock_thread_cpu_ns(void);
// Milliseconds since 1970 of the calendar clock.
int64_t clock_wall_ms(void);

// Clocks as somebody else reads them, so that their time can be a virtual one.
struct clock {
	int64_t (*wall_ms)(void *owner);       // since 1970
	uint64_t (*processor_us)(void *owner); // that the process has used
	void *owner;
};

extern const struct clock clock_system;

#endif

// SPDX-License-Identifier: Apache-2.0
// The two clocks. Pure rooms never call these: they are given `now_ms` (monotonic) and `wall_s` (calendar).
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

// Milliseconds of the monotonic clock; comparable between threads of one process only.
uint64_t clock_now_ms(void);
// Microseconds of the monotonic clock.
uint64_t clock_now_us(void);
// Milliseconds since 1970 of the calendar clock.
int64_t clock_wall_ms(void);

#endif

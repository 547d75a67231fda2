// SPDX-License-Identifier: Apache-2.0
// Seconds since 1970 to a UTC date and back, in the proleptic Gregorian calendar, without the C library's locks.
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

struct civil {
	int64_t year;
	int64_t month; // 1 to 12
	int64_t day;   // 1 to 31
	int64_t hour;
	int64_t minute;
	int64_t second;
};

// `wall_s` must not be negative.
struct civil calendar_civil(int64_t wall_s);

// Whether every part but the year is within its range (a leap second's 60 too; days up to 31 in every month).
bool calendar_is_valid(struct civil civil);

// Of a valid date; the 31st of a short month counts on into the next one.
int64_t calendar_seconds(struct civil civil);

#endif

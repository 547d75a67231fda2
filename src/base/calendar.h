// SPDX-License-Identifier: Apache-2.0
// Converts seconds since 1970 to a UTC date and back, in the proleptic Gregorian calendar. Takes no lock, unlike the C
// library's functions.
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

// The date of `wall_s` seconds since 1970, which must not be negative.
struct civil calendar_civil(int64_t wall_s);

// Whether every part but the year is within its range. Allows second 60 (a leap second) and day 31 in every month.
bool calendar_is_valid(struct civil civil);

// Seconds since 1970 of a valid date. Day 31 of a shorter month is a day of the next month.
int64_t calendar_seconds(struct civil civil);

#endif

// SPDX-License-Identifier: Apache-2.0
// Times of the calendar clock as dates and as text, in UTC and the proleptic Gregorian calendar. Takes no lock, unlike
// the C library's functions.
#ifndef BASE_TIME_FORMAT_H
#define BASE_TIME_FORMAT_H

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
struct civil time_civil(int64_t wall_s);

// Whether every part but the year is within its range. Allows second 60 (a leap second) and day 31 in every month.
bool time_civil_is_valid(struct civil civil);

// Seconds since 1970 of a valid date. Day 31 of a shorter month is a day of the next month.
int64_t time_civil_seconds(struct civil civil);

// The texts. A time before 1970 is written as the start of 1970; a year as its last four digits.

// Their sizes, with their NULs.
enum { TIME_ISO_BYTES = 25, TIME_COMPACT_BYTES = 17, TIME_HTTP_BYTES = 30 };

// "2026-03-04T05:06:07.008Z"
void time_format_iso(int64_t wall_ms, char text[TIME_ISO_BYTES]);
// "20260304T050607Z"
void time_format_compact(int64_t wall_s, char text[TIME_COMPACT_BYTES]);
// "Wed, 04 Mar 2026 05:06:07 GMT" (IMF-fixdate of RFC 9110, section 5.6.7)
void time_format_http(int64_t wall_s, char text[TIME_HTTP_BYTES]);

#endif

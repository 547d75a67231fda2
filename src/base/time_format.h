// SPDX-License-Identifier: Apache-2.0
// Formats times of the calendar clock as text, in UTC. Takes no lock, unlike the C library's functions. A time before
// 1970 is written as the start of 1970; a year as its last four digits.
#ifndef BASE_TIME_FORMAT_H
#define BASE_TIME_FORMAT_H

#include <stdint.h>

// The sizes of the texts with their NULs.
enum { TIME_ISO_BYTES = 25, TIME_COMPACT_BYTES = 17, TIME_HTTP_BYTES = 30 };

// "2026-03-04T05:06:07.008Z"
void time_format_iso(int64_t wall_ms, char text[TIME_ISO_BYTES]);
// "20260304T050607Z"
void time_format_compact(int64_t wall_s, char text[TIME_COMPACT_BYTES]);
// "Wed, 04 Mar 2026 05:06:07 GMT" (IMF-fixdate of RFC 9110, section 5.6.7)
void time_format_http(int64_t wall_s, char text[TIME_HTTP_BYTES]);

#endif

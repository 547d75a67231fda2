// SPDX-License-Identifier: Apache-2.0
// The one formatter of times: a moment of the calendar clock as text, in UTC, without the C library's locks. Moments
// before 1970 are written as its beginning, years as their last four digits.
#ifndef BASE_TIME_FORMAT_H
#define BASE_TIME_FORMAT_H

#include <stdint.h>

// With their NULs.
enum { TIME_ISO_BYTES = 25, TIME_COMPACT_BYTES = 17, TIME_HTTP_BYTES = 30 };

// "2026-03-04T05:06:07.008Z"
void time_format_iso(int64_t wall_ms, char text[TIME_ISO_BYTES]);
// "20260304T050607Z"
void time_format_compact(int64_t wall_s, char text[TIME_COMPACT_BYTES]);
// "Wed, 04 Mar 2026 05:06:07 GMT", as HTTP's headers have it.
void time_format_http(int64_t wall_s, char text[TIME_HTTP_BYTES]);

#endif

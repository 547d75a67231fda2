// SPDX-License-Identifier: Apache-2.0
// Written without printf: each log line and each signature has a time, and printf would be most of their cost.
#include "base/time_format.h"

#include <string.h>

#include "base/calendar.h"

enum { DAY_S = 86400, EPOCH_WEEKDAY = 4 }; // 1970 began on a Thursday

static struct civil civil_of(int64_t wall_s) {
	return calendar_civil(wall_s > 0 ? wall_s : 0);
}

// Writes the last `count` digits of the value. Returns the end of the text.
static char *put_number(char *to, int64_t value, int count) {
	uint32_t rest = (uint32_t)value;
	for (int i = count - 1; i >= 0; i--, rest /= 10)
		to[i] = (char)('0' + rest % 10);
	return to + count;
}

static char *put_byte(char *to, char byte) {
	*to = byte;
	return to + 1;
}

static char *put_name(char *to, const char *names, int64_t index) {
	memcpy(to, names + 3 * index, 3);
	return to + 3;
}

static char *put_clock(char *to, const struct civil *civil) {
	to = put_byte(put_number(to, civil->hour, 2), ':');
	to = put_byte(put_number(to, civil->minute, 2), ':');
	return put_number(to, civil->second, 2);
}

void time_format_iso(int64_t wall_ms, char text[TIME_ISO_BYTES]) {
	if (wall_ms < 0)
		wall_ms = 0;
	struct civil civil = civil_of(wall_ms / 1000);
	char *to = put_byte(put_number(text, civil.year, 4), '-');
	to = put_byte(put_number(to, civil.month, 2), '-');
	to = put_byte(put_number(to, civil.day, 2), 'T');
	to = put_byte(put_clock(to, &civil), '.');
	to = put_byte(put_number(to, wall_ms % 1000, 3), 'Z');
	*to = '\0';
}

void time_format_compact(int64_t wall_s, char text[TIME_COMPACT_BYTES]) {
	struct civil civil = civil_of(wall_s);
	char *to = put_number(put_number(text, civil.year, 4), civil.month, 2);
	to = put_byte(put_number(to, civil.day, 2), 'T');
	to = put_number(put_number(put_number(to, civil.hour, 2), civil.minute, 2), civil.second, 2);
	to = put_byte(to, 'Z');
	*to = '\0';
}

void time_format_http(int64_t wall_s, char text[TIME_HTTP_BYTES]) {
	struct civil civil = civil_of(wall_s);
	int64_t weekday = ((wall_s > 0 ? wall_s : 0) / DAY_S + EPOCH_WEEKDAY) % 7;
	char *to = put_name(text, "SunMonTueWedThuFriSat", weekday);
	to = put_number(put_byte(put_byte(to, ','), ' '), civil.day, 2);
	to = put_name(put_byte(to, ' '), "JanFebMarAprMayJunJulAugSepOctNovDec", civil.month - 1);
	to = put_number(put_byte(to, ' '), civil.year, 4);
	to = put_clock(put_byte(to, ' '), &civil);
	memcpy(to, " GMT", sizeof " GMT");
}

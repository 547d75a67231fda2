// SPDX-License-Identifier: Apache-2.0
// Written without printf: each log line and each signature has a time, and printf would be most of their cost.
#include "base/time_format.h"

#include <string.h>

enum { DAY_S = 86400, ERA_DAYS = 146097, EPOCH_DAY = 719468, EPOCH_WEEKDAY = 4 }; // 1970 began on a Thursday

struct civil time_civil(int64_t wall_s) {
	int64_t second = wall_s % DAY_S, days = wall_s / DAY_S + EPOCH_DAY;
	int64_t era = days / ERA_DAYS, day_of_era = days % ERA_DAYS;
	int64_t year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * day_of_year + 2) / 153; // from March
	struct civil civil = {
	    .month = month < 10 ? month + 3 : month - 9,
	    .day = day_of_year - (153 * month + 2) / 5 + 1,
	    .hour = second / 3600,
	    .minute = second / 60 % 60,
	    .second = second % 60,
	};
	civil.year = year + era * 400 + (civil.month <= 2);
	return civil;
}

bool time_civil_is_valid(struct civil civil) {
	return civil.month >= 1 && civil.month <= 12 && civil.day >= 1 && civil.day <= 31 && civil.hour >= 0 &&
	       civil.hour <= 23 && civil.minute >= 0 && civil.minute <= 59 && civil.second >= 0 && civil.second <= 60;
}

int64_t time_civil_seconds(struct civil civil) {
	int64_t year = civil.year - (civil.month <= 2);
	int64_t month = civil.month > 2 ? civil.month - 3 : civil.month + 9;
	int64_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + civil.day - 1 - EPOCH_DAY;
	return days * DAY_S + civil.hour * 3600 + civil.minute * 60 + civil.second;
}

static struct civil civil_of(int64_t wall_s) {
	return time_civil(wall_s > 0 ? wall_s : 0);
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

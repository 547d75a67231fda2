// SPDX-License-Identifier: Apache-2.0
// The wait that a response asks for. Reads HTTP dates in the three forms of RFC 9110, section 5.6.7.
#include "aws/exception.h"
#include "base/time_format.h"

enum { MOST_MS = 5 * 60 * 1000, DAY_S = 86400 };

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

// Parses one or more digits; the result saturates at MOST_MS. -1 for anything else.
static int64_t parse_amount(struct slice text, int64_t unit_ms) {
	int64_t value = 0;
	if (text.len == 0)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (!is_digit(text.ptr[i]))
			return -1;
		value = value * 10 + (text.ptr[i] - '0');
		if (value > MOST_MS)
			value = MOST_MS;
	}
	return value * unit_ms < MOST_MS ? value * unit_ms : MOST_MS;
}

static bool take_number(struct slice *text, size_t count, int64_t *value) {
	uint64_t number;
	if (text->len < count || !slice_parse_u64(slice_of(text->ptr, count), 9999, &number))
		return false;
	*value = (int64_t)number;
	*text = slice_from_offset(*text, count);
	return true;
}

static bool take_month(struct slice *text, int64_t *month) {
	static const char NAMES[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int i = 0; i < 12 && text->len >= 3; i++) {
		if (memcmp(text->ptr, NAMES + 3 * i, 3) == 0) {
			*month = i + 1;
			*text = slice_from_offset(*text, 3);
			return true;
		}
	}
	return false;
}

static bool take_letters(struct slice *text) {
	size_t count = 0;
	while (count < text->len && ((text->ptr[count] | 0x20) >= 'a' && (text->ptr[count] | 0x20) <= 'z'))
		count++;
	*text = slice_from_offset(*text, count);
	return count > 0;
}

static bool take_part(struct slice *text, char part, struct civil *civil) {
	switch (part) {
	case 'W':
		return take_letters(text);
	case 'B':
		return take_month(text, &civil->month);
	case 'D':
		if (text->len && text->ptr[0] == ' ') {
			*text = slice_from_offset(*text, 1);
			return take_number(text, 1, &civil->day);
		}
		return take_number(text, 2, &civil->day);
	case 'Y':
		return take_number(text, 4, &civil->year);
	case 'y':
		return take_number(text, 2, &civil->year);
	case 'h':
		return take_number(text, 2, &civil->hour);
	case 'm':
		return take_number(text, 2, &civil->minute);
	case 's':
		return take_number(text, 2, &civil->second);
	default:
		if (text->len == 0 || text->ptr[0] != part)
			return false;
		*text = slice_from_offset(*text, 1);
		return true;
	}
}

// Matches the whole text against `pattern`: Y year, y two digits of a year, B name of a month, D day (may begin with a
// space), h hour, m minute, s second, W any letters; other characters match themselves.
static bool match_date(struct slice text, const char *pattern, struct civil *civil) {
	for (const char *part = pattern; *part; part++)
		if (!take_part(&text, *part, civil))
			return false;
	return text.len == 0 && time_civil_is_valid(*civil);
}

// Seconds since 1970, or -1 if the text is no date. A two-digit year that would be more than 50 years ahead is in the
// past (RFC 9110, section 5.6.7).
static int64_t parse_date(struct slice text, int64_t wall_s) {
	struct civil civil = {0};
	if (match_date(text, "W, D B Y h:m:s GMT", &civil) || match_date(text, "W B D h:m:s Y", &civil))
		return time_civil_seconds(civil);
	if (!match_date(text, "W, D-B-y h:m:s GMT", &civil))
		return -1;
	civil.year += 2000;
	if (time_civil_seconds(civil) > wall_s + INT64_C(50) * 365 * DAY_S)
		civil.year -= 100;
	return time_civil_seconds(civil);
}

int64_t exception_retry_after_ms(struct headers headers, int64_t wall_s) {
	const struct slice *own = headers_find(headers, SLICE("x-amz-retry-after"));
	int64_t wait_ms = own ? parse_amount(slice_trim(*own), 1) : -1;
	const struct slice *standard = headers_find(headers, SLICE("retry-after"));
	if (wait_ms >= 0 || !standard)
		return wait_ms;
	struct slice text = slice_trim(*standard);
	wait_ms = parse_amount(text, 1000);
	if (wait_ms >= 0)
		return wait_ms;
	int64_t date_s = parse_date(text, wall_s);
	if (date_s < 0)
		return -1;
	if (date_s <= wall_s)
		return 0;
	return date_s - wall_s < MOST_MS / 1000 ? (date_s - wall_s) * 1000 : MOST_MS;
}

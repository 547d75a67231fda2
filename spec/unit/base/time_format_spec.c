// SPDX-License-Identifier: Apache-2.0
// Times as text, compared with the output of other programs.
#include "base/time_format.h"

#include "../check.h"

static const struct row {
	int64_t wall_ms;
	const char *iso, *compact, *http;
} ROWS[] = {
    {0, "1970-01-01T00:00:00.000Z", "19700101T000000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
    {784111777000, "1994-11-06T08:49:37.000Z", "19941106T084937Z", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {951782400007, "2000-02-29T00:00:00.007Z", "20000229T000000Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
    {1735689599999, "2024-12-31T23:59:59.999Z", "20241231T235959Z", "Tue, 31 Dec 2024 23:59:59 GMT"},
    {4107542400010, "2100-03-01T00:00:00.010Z", "21000301T000000Z", "Mon, 01 Mar 2100 00:00:00 GMT"},
    {253402300799000, "9999-12-31T23:59:59.000Z", "99991231T235959Z", "Fri, 31 Dec 9999 23:59:59 GMT"},
    {-1, "1970-01-01T00:00:00.000Z", "19700101T000000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
};

TEST(formats_times) {
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		char iso[TIME_ISO_BYTES], compact[TIME_COMPACT_BYTES], http[TIME_HTTP_BYTES];
		time_format_iso(ROWS[i].wall_ms, iso);
		time_format_compact(ROWS[i].wall_ms / 1000, compact);
		time_format_http(ROWS[i].wall_ms / 1000, http);
		CHECK_STRING(iso, ROWS[i].iso);
		CHECK_STRING(compact, ROWS[i].compact);
		CHECK_STRING(http, ROWS[i].http);
	}
}

TEST(texts_fill_their_arrays) {
	char iso[TIME_ISO_BYTES], compact[TIME_COMPACT_BYTES], http[TIME_HTTP_BYTES];
	time_format_iso(1, iso);
	time_format_compact(1, compact);
	time_format_http(1, http);
	CHECK_INT(strlen(iso) + 1, TIME_ISO_BYTES);
	CHECK_INT(strlen(compact) + 1, TIME_COMPACT_BYTES);
	CHECK_INT(strlen(http) + 1, TIME_HTTP_BYTES);
}

int main(void) {
	RUN(formats_times);
	RUN(texts_fill_their_arrays);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// After "chrono-Compatible Low-Level Date Algorithms" (H. Hinnant): years begin in March, so that the leap day is the
// last day of its year, and 400 years are an era of 146097 days. 719468 is the day number of 1970-01-01.
#include "base/calendar.h"

enum { DAY_S = 86400, ERA_DAYS = 146097, EPOCH_DAY = 719468 };

struct civil calendar_civil(int64_t wall_s) {
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

bool calendar_is_valid(struct civil civil) {
	return civil.month >= 1 && civil.month <= 12 && civil.day >= 1 && civil.day <= 31 && civil.hour >= 0 &&
	       civil.hour <= 23 && civil.minute >= 0 && civil.minute <= 59 && civil.second >= 0 && civil.second <= 60;
}

int64_t calendar_seconds(struct civil civil) {
	int64_t year = civil.year - (civil.month <= 2);
	int64_t month = civil.month > 2 ? civil.month - 3 : civil.month + 9;
	int64_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + civil.day - 1 - EPOCH_DAY;
	return days * DAY_S + civil.hour * 3600 + civil.minute * 60 + civil.second;
}

// SPDX-License-Identifier: Apache-2.0
// Cooldowns as scripts of throttles and successes: doubling, bursts, the time that the upstream asks for.
#include "../check.h"
#include "route/cooldown.h"

enum action { THROTTLE, ASKED, SUCCESS, COOL_DOWN, DEPRIORITIZE };

struct line {
	uint64_t at_ms;
	enum action action;
	uint64_t value_ms; // of THROTTLE: when the attempt was sent; else the length
	uint64_t until_ms; // expected
};

enum { CEILING_MS = 5000 };

static void play(int number, const struct line *lines, size_t count) {
	struct cooldown cooldown = {0};
	for (size_t i = 0; i < count; i++) {
		const struct line *line = &lines[i];
		if (line->action == THROTTLE)
			cooldown_throttled(&cooldown, TIER_NONE, 0, CEILING_MS, line->value_ms, line->at_ms);
		else if (line->action == ASKED)
			cooldown_throttled(&cooldown, TIER_NONE, line->value_ms, CEILING_MS, line->at_ms, line->at_ms);
		else if (line->action == SUCCESS)
			cooldown_succeeded(&cooldown);
		else if (line->action == COOL_DOWN)
			cooldown_start(&cooldown, line->value_ms, line->at_ms);
		else
			cooldown_deprioritize(&cooldown, line->value_ms, line->at_ms);
		char what[64];
		snprintf(what, sizeof what, "until, after line %zu, at %" PRIu64 " ms", i, line->at_ms);
		check_int(__FILE__, number, what, (int64_t)cooldown.until_ms, (int64_t)line->until_ms);
	}
}

#define PLAY(...)                                                                                                      \
	do {                                                                                                               \
		const struct line lines[] = {__VA_ARGS__};                                                                     \
		play(__LINE__, lines, sizeof lines / sizeof *lines);                                                           \
	} while (0)

TEST(cooldowns_double_up_to_the_ceiling) {
	PLAY({0, THROTTLE, 0, 1000}, {1000, THROTTLE, 1000, 3000}, {3100, THROTTLE, 3000, 7100},
	     {7200, THROTTLE, 7150, 12200}, {20000, THROTTLE, 19000, 25000});
}

TEST(a_burst_is_one_throttle) {
	PLAY({10, THROTTLE, 0, 1010}, {20, THROTTLE, 1, 1020}, {30, THROTTLE, 2, 1030}, {2000, THROTTLE, 1029, 3000},
	     {3000, THROTTLE, 2999, 4000}, {5000, THROTTLE, 4000, 7000});
}

TEST(an_attempt_sent_during_the_cooldown_does_not_double) {
	PLAY({0, THROTTLE, 0, 1000}, {600, THROTTLE, 500, 1600}, {1700, THROTTLE, 1599, 2700},
	     {2700, THROTTLE, 2700, 4700});
}

TEST(a_success_resets_the_doubling) {
	PLAY({0, THROTTLE, 0, 1000}, {1000, THROTTLE, 1000, 3000}, {3500, SUCCESS, 0, 3000}, {4000, THROTTLE, 3600, 5000});
}

TEST(the_time_that_the_upstream_asks_for_wins) {
	PLAY({0, ASKED, 250, 250}, {300, THROTTLE, 300, 1300}, {1300, ASKED, 20000, 21300},
	     {21300, THROTTLE, 21300, 23300});
	PLAY({0, ASKED, 20000, 20000}, {1, THROTTLE, 0, 20000}, {2, ASKED, 100, 20000});
}

TEST(plain_cooldowns_neither_shorten_nor_double) {
	PLAY({0, COOL_DOWN, 500, 500}, {100, COOL_DOWN, 100, 500}, {200, COOL_DOWN, 1000, 1200},
	     {1300, THROTTLE, 1300, 2300});
}

TEST(a_deprioritized_model_does_not_cool_down) {
	struct cooldown cooldown = {0};
	cooldown_deprioritize(&cooldown, 30000, 1000);
	CHECK(!cooldown_is_active(&cooldown, 1000));
	CHECK(cooldown_is_deprioritized(&cooldown, 30999));
	CHECK(!cooldown_is_deprioritized(&cooldown, 31000));
	cooldown_succeeded(&cooldown);
	CHECK(!cooldown_is_deprioritized(&cooldown, 2000));
	PLAY({0, DEPRIORITIZE, 5000, 0}, {1, THROTTLE, 1, 1001});
}

TEST(a_cooldown_ends_at_its_time) {
	struct cooldown cooldown = {0};
	cooldown_start(&cooldown, 100, 50);
	CHECK(cooldown_is_active(&cooldown, 149));
	CHECK(!cooldown_is_active(&cooldown, 150));
}

int main(void) {
	RUN(cooldowns_double_up_to_the_ceiling);
	RUN(a_burst_is_one_throttle);
	RUN(an_attempt_sent_during_the_cooldown_does_not_double);
	RUN(a_success_resets_the_doubling);
	RUN(the_time_that_the_upstream_asks_for_wins);
	RUN(plain_cooldowns_neither_shorten_nor_double);
	RUN(a_deprioritized_model_does_not_cool_down);
	RUN(a_cooldown_ends_at_its_time);
	return check_summary();
}

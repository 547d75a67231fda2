// SPDX-License-Identifier: Apache-2.0
// Every transition of the breaker, as scripts of (time, action) -> state and whether another attempt would be admitted.
#include "../check.h"
#include "route/breaker.h"

enum action { ADMIT, REFUSED, COMMIT, SUCCEED, FAIL, RELEASE, FORCE_OPEN, CLOSE, LOOK };

struct line {
	uint64_t at_ms;
	enum action action;
	size_t permit; // which attempt
	enum breaker_state state;
	bool would_admit;
};

static const struct breaker_settings settings = {.failure_threshold = 3,
                                                 .recovery_time_ms = 1000,
                                                 .success_threshold = 2,
                                                 .failure_window_ms = 500,
                                                 .half_open_probes = 2};

static void apply_action(struct breaker *breaker, struct breaker_permit *permits, const struct line *line) {
	struct breaker_permit *permit = &permits[line->permit];
	switch (line->action) {
	case ADMIT:
	case REFUSED:
		CHECK_INT(breaker_admit(breaker, &settings, line->at_ms, permit), line->action == ADMIT);
		break;
	case COMMIT:
		breaker_committed(breaker, &settings, permit);
		break;
	case SUCCEED:
		breaker_succeeded(breaker, &settings, permit);
		break;
	case FAIL:
		breaker_failed(breaker, &settings, permit, line->at_ms);
		break;
	case RELEASE:
		breaker_released(breaker, permit);
		break;
	case FORCE_OPEN:
		breaker_force_open(breaker, line->at_ms);
		break;
	case CLOSE:
		breaker_close(breaker);
		break;
	case LOOK:
		break;
	}
}

static void play(int number, const struct line *lines, size_t count) {
	struct breaker breaker = {0};
	struct breaker_permit permits[16] = {0};
	for (size_t i = 0; i < count; i++) {
		char what[64];
		apply_action(&breaker, permits, &lines[i]);
		snprintf(what, sizeof what, "state after line %zu, at %" PRIu64 " ms", i, lines[i].at_ms);
		check_int(__FILE__, number, what, breaker_state_at(&breaker, &settings, lines[i].at_ms), lines[i].state);
		snprintf(what, sizeof what, "would admit after line %zu, at %" PRIu64 " ms", i, lines[i].at_ms);
		check_int(__FILE__, number, what, breaker_would_admit(&breaker, &settings, lines[i].at_ms),
		          lines[i].would_admit);
	}
}

#define PLAY(...)                                                                                                      \
	do {                                                                                                               \
		const struct line lines[] = {__VA_ARGS__};                                                                     \
		play(__LINE__, lines, sizeof lines / sizeof *lines);                                                           \
	} while (0)

#define CLOSED BREAKER_CLOSED, true
#define OPEN BREAKER_OPEN, false
#define HALF_OPEN BREAKER_HALF_OPEN, true
#define HALF_OPEN_FULL BREAKER_HALF_OPEN, false

TEST(failures_within_the_window_open_it) {
	PLAY({0, FAIL, 0, CLOSED}, {100, FAIL, 0, CLOSED}, {499, FAIL, 0, OPEN});
	PLAY({0, FAIL, 0, CLOSED}, {100, FAIL, 0, CLOSED}, {500, FAIL, 0, CLOSED}, {599, FAIL, 0, OPEN});
}

TEST(a_success_in_closed_clears_failures) {
	PLAY({0, FAIL, 0, CLOSED}, {1, FAIL, 0, CLOSED}, {2, SUCCEED, 0, CLOSED}, {3, FAIL, 0, CLOSED},
	     {4, FAIL, 0, CLOSED}, {5, FAIL, 0, OPEN});
}

TEST(a_failure_that_does_not_count_leaves_the_others) {
	PLAY({0, FAIL, 0, CLOSED}, {1, FAIL, 0, CLOSED}, {2, RELEASE, 0, CLOSED}, {3, FAIL, 0, OPEN});
}

TEST(it_half_opens_after_the_recovery_time) {
	PLAY({0, FAIL, 0, CLOSED}, {0, FAIL, 0, CLOSED}, {10, FAIL, 0, OPEN}, {500, REFUSED, 0, OPEN},
	     {1009, LOOK, 0, OPEN}, {1010, LOOK, 0, HALF_OPEN}, {1010, ADMIT, 0, HALF_OPEN},
	     {1010, ADMIT, 1, HALF_OPEN_FULL}, {1011, REFUSED, 2, HALF_OPEN_FULL});
}

// Opened at 10 ms, with two probes in flight since 1010 ms.
#define PROBED                                                                                                         \
	{0, FAIL, 9, CLOSED}, {0, FAIL, 9, CLOSED}, {10, FAIL, 9, OPEN}, {1010, ADMIT, 0, HALF_OPEN}, {                    \
		1010, ADMIT, 1, HALF_OPEN_FULL                                                                                 \
	}

TEST(successes_of_probes_close_it) {
	PLAY(PROBED, {1020, SUCCEED, 0, HALF_OPEN}, {1030, SUCCEED, 1, CLOSED}, {1031, FAIL, 3, CLOSED},
	     {1032, FAIL, 3, CLOSED}, {1033, FAIL, 3, OPEN});
}

TEST(a_failure_opens_it_again) {
	PLAY(PROBED, {1020, SUCCEED, 0, HALF_OPEN}, {1030, FAIL, 1, OPEN}, {2029, LOOK, 0, OPEN},
	     {2030, ADMIT, 2, HALF_OPEN}, {2040, SUCCEED, 2, HALF_OPEN}, {2050, ADMIT, 3, HALF_OPEN},
	     {2060, SUCCEED, 3, CLOSED});
}

TEST(a_probe_that_does_not_count_is_released) {
	PLAY(PROBED, {1020, RELEASE, 0, HALF_OPEN}, {1021, ADMIT, 2, HALF_OPEN_FULL}, {1022, SUCCEED, 2, HALF_OPEN},
	     {1023, SUCCEED, 1, CLOSED});
}

TEST(a_commit_is_the_probes_success) {
	// The stream's end doesn't count again; the other probe is still needed.
	PLAY(PROBED, {1020, COMMIT, 0, HALF_OPEN}, {1025, SUCCEED, 0, HALF_OPEN}, {1030, COMMIT, 1, CLOSED});
	// A later failure counts separately: it opens a half-open breaker, and is one of three in a closed one.
	PLAY(PROBED, {1020, COMMIT, 0, HALF_OPEN}, {1030, FAIL, 0, OPEN});
	PLAY(PROBED, {1020, COMMIT, 0, HALF_OPEN}, {1021, COMMIT, 1, CLOSED}, {1022, FAIL, 9, CLOSED},
	     {1023, FAIL, 9, CLOSED}, {1030, FAIL, 0, OPEN});
}

TEST(a_stream_in_a_closed_breaker_counts_at_its_end) {
	PLAY({0, FAIL, 9, CLOSED}, {1, FAIL, 9, CLOSED}, {2, ADMIT, 0, CLOSED}, {3, COMMIT, 0, CLOSED}, {4, FAIL, 9, OPEN});
	PLAY({0, FAIL, 9, CLOSED}, {1, FAIL, 9, CLOSED}, {2, ADMIT, 0, CLOSED}, {3, COMMIT, 0, CLOSED},
	     {4, SUCCEED, 0, CLOSED}, {5, FAIL, 9, CLOSED});
}

TEST(the_end_of_a_stream_that_counted_clears_nothing) {
	PLAY(PROBED, {1020, COMMIT, 0, HALF_OPEN}, {1021, COMMIT, 1, CLOSED}, {1022, FAIL, 9, CLOSED},
	     {1023, FAIL, 9, CLOSED}, {1024, SUCCEED, 0, CLOSED}, {1025, FAIL, 9, OPEN});
}

TEST(old_successes_do_not_close_it) {
	// Attempts 0 and 1 were admitted by a closed breaker and end when it is half-open.
	PLAY({0, ADMIT, 0, CLOSED}, {0, ADMIT, 1, CLOSED}, {0, FAIL, 9, CLOSED}, {0, FAIL, 9, CLOSED}, {10, FAIL, 9, OPEN},
	     {1010, ADMIT, 2, HALF_OPEN}, {1020, SUCCEED, 0, HALF_OPEN}, {1021, SUCCEED, 1, HALF_OPEN},
	     {1022, COMMIT, 1, HALF_OPEN}, {1023, SUCCEED, 2, HALF_OPEN});
}

TEST(an_old_failure_opens_it_again) {
	PLAY({0, ADMIT, 0, CLOSED}, {0, FAIL, 9, CLOSED}, {0, FAIL, 9, CLOSED}, {10, FAIL, 9, OPEN},
	     {1010, ADMIT, 2, HALF_OPEN}, {1020, FAIL, 0, OPEN}, {1030, SUCCEED, 2, OPEN}, {2020, LOOK, 0, HALF_OPEN});
}

TEST(failures_while_open_do_not_lengthen_it) {
	PLAY({0, FAIL, 0, CLOSED}, {0, FAIL, 0, CLOSED}, {10, FAIL, 0, OPEN}, {900, FAIL, 0, OPEN},
	     {1010, LOOK, 0, HALF_OPEN});
}

TEST(a_probe_of_an_earlier_half_open_period_counts_until_it_ends) {
	PLAY(PROBED, {1020, FAIL, 0, OPEN}, {2020, ADMIT, 2, HALF_OPEN_FULL}, {2021, SUCCEED, 1, HALF_OPEN},
	     {2022, ADMIT, 3, HALF_OPEN_FULL}, {2023, SUCCEED, 2, HALF_OPEN}, {2024, SUCCEED, 3, CLOSED});
}

TEST(forced_open_holds_until_closed) {
	PLAY({0, FORCE_OPEN, 0, OPEN}, {100000, LOOK, 0, OPEN}, {100001, SUCCEED, 0, OPEN}, {100002, REFUSED, 0, OPEN},
	     {100003, CLOSE, 0, CLOSED}, {100004, FAIL, 0, CLOSED});
	PLAY(PROBED, {1020, FORCE_OPEN, 0, OPEN}, {1021, SUCCEED, 0, OPEN}, {9000, FAIL, 1, OPEN},
	     {9001, CLOSE, 0, CLOSED});
	PLAY({0, FAIL, 0, CLOSED}, {0, FAIL, 0, CLOSED}, {0, CLOSE, 0, CLOSED}, {0, FAIL, 0, CLOSED}, {0, FAIL, 0, CLOSED},
	     {0, FAIL, 0, OPEN});
}

TEST(an_older_clock_reading_does_not_wrap) {
	PLAY({100, FAIL, 0, CLOSED}, {99, FAIL, 0, CLOSED}, {98, FAIL, 0, OPEN}, {50, LOOK, 0, OPEN});
}

TEST(the_largest_threshold_works) {
	struct breaker_settings wide = settings;
	wide.failure_threshold = BREAKER_FAILURES_KEPT;
	struct breaker breaker = {0};
	struct breaker_permit permit = {0};
	for (uint64_t i = 0; i + 1 < BREAKER_FAILURES_KEPT; i++)
		breaker_failed(&breaker, &wide, &permit, i);
	CHECK_INT(breaker.state, BREAKER_CLOSED);
	CHECK_INT(breaker_recent_failures(&breaker, &wide, 98), 99);
	CHECK_INT(breaker_recent_failures(&breaker, &wide, 510), 88);
	breaker_failed(&breaker, &wide, &permit, 99);
	CHECK_INT(breaker.state, BREAKER_OPEN);
}

int main(void) {
	RUN(failures_within_the_window_open_it);
	RUN(a_success_in_closed_clears_failures);
	RUN(a_failure_that_does_not_count_leaves_the_others);
	RUN(it_half_opens_after_the_recovery_time);
	RUN(successes_of_probes_close_it);
	RUN(a_failure_opens_it_again);
	RUN(a_probe_that_does_not_count_is_released);
	RUN(a_commit_is_the_probes_success);
	RUN(a_stream_in_a_closed_breaker_counts_at_its_end);
	RUN(the_end_of_a_stream_that_counted_clears_nothing);
	RUN(old_successes_do_not_close_it);
	RUN(an_old_failure_opens_it_again);
	RUN(failures_while_open_do_not_lengthen_it);
	RUN(a_probe_of_an_earlier_half_open_period_counts_until_it_ends);
	RUN(forced_open_holds_until_closed);
	RUN(an_older_clock_reading_does_not_wrap);
	RUN(the_largest_threshold_works);
	return check_summary();
}

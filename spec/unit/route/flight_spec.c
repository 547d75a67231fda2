// SPDX-License-Identifier: Apache-2.0
// Two attempts of one request in flight: which one decides, which one is stopped, and that losers count nowhere.
#include "fixture.h"

// The second attempt is sent 10 ms after the first.
static void flight_init(struct fixture *f, const char *names) {
	fixture_init(f, names);
	f->hedges_after_ms = 10;
}

static uint64_t count_cancelled(struct fixture *f, const char *name) {
	struct model_statistics statistics;
	model_state_counts(fixture_model(f, name)->state, &statistics);
	return statistics.cancelled;
}

TEST(the_first_success_stops_the_other) {
	struct fixture f;
	flight_init(&f, "a b c");
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"}, {20, "next", ""},
	     {30, "ok 1", "cancel 0; return 1"}, {31, "stopped 0", ""});
	CHECK_INT(count_cancelled(&f, "a"), 1);
	CHECK_INT(count_cancelled(&f, "b"), 0);
	PLAY(&f, {100, "begin", "send 0 a; wait 10"}, {110, "next", "send 1 b"}, {120, "ok 0", "cancel 1; return 0"},
	     {131, "stopped 1", ""});
	CHECK_INT(count_cancelled(&f, "b"), 1);
	fixture_free(&f);
}

TEST(a_commit_stops_the_other) {
	struct fixture f;
	flight_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"}, {20, "commit 1", "cancel 0"},
	     {21, "commit 0", ""}, {22, "stopped 0", ""}, {23, "next", ""}, {90, "ok 1", "return 1"});
	PLAY(&f, {100, "begin", "send 0 a; wait 10"}, {110, "next", "send 1 b"}, {120, "commit 0", "cancel 1"},
	     {130, "ok 0", "return 0"}, {140, "stopped 1", ""});
	fixture_free(&f);
}

TEST(a_stopped_attempt_counts_nowhere) {
	struct fixture f;
	flight_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"}, {20, "ok 0", "cancel 1; return 0"},
	     {21, "break 1", ""});
	CHECK_INT(count_cancelled(&f, "b"), 1);
	CHECK_INT(fixture_snapshot(&f, "b", 22).failures, 0);
	PLAY(&f, {30, "begin", "send 0 a; wait 10"}, {40, "next", "send 1 b"}, {42, "commit 0", "cancel 1"},
	     {43, "ok 1", ""}, {44, "ok 0", "return 0"});
	CHECK_INT(count_cancelled(&f, "b"), 2);
	fixture_free(&f);
}

TEST(a_failure_ends_nothing_while_another_is_in_flight) {
	static const char *const failures[] = {"throttle 0", "break 0", "deny 0", "reject 0", "refuse 0", "stopped 0"};
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		struct fixture f;
		flight_init(&f, "a b c");
		PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"}, {20, failures[i], ""},
		     {30, "ok 1", "return 1"});
		fixture_free(&f);
	}
}

TEST(the_last_attempt_to_end_decides) {
	struct fixture f;
	flight_init(&f, "a b c d");
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"}, {20, "reject 0", ""},
	     {30, "break 1", "send 2 c"}, {40, "ok 2", "return 2"});
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"}, {20, "break 0", ""},
	     {30, "reject 1", "fail failed 1 after 1000"});
	fixture_free(&f);
}

TEST(a_retry_of_the_last_attempt_goes_to_its_own_model) {
	struct fixture f;
	flight_init(&f, "a b c");
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_RETRY, .outcome = OUTCOME_FAIL_FAST};
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"}, {20, "break 0", ""},
	     {30, "break 1", "send 2 b"}, {40, "ok 2", "return 2"});
	CHECK(route_request_has_tried(f.request, fixture_model(&f, "a")));
	fixture_free(&f);
}

TEST(a_cancelled_request_stops_both) {
	struct fixture f;
	flight_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"},
	     {20, "cancel", "cancel 0; cancel 1; fail cancelled 1"}, {21, "ok 1", ""}, {22, "stopped 0", ""});
	CHECK_INT(fixture_snapshot(&f, "a", 30).inflight + fixture_snapshot(&f, "b", 30).inflight, 0);
	CHECK_INT(count_cancelled(&f, "b"), 1);
	fixture_free(&f);
}

TEST(an_attempt_may_end_before_its_cancel_step) {
	struct fixture f;
	flight_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"});
	struct attempt_result broken = result_of("break");
	struct step step = route_cancel(f.request, 30);
	CHECK_INT(step.kind, STEP_CANCEL);
	CHECK_INT(step.attempt, 0);
	step = route_attempt_ended(f.request, 1, &broken, 30);
	CHECK_INT(step.kind, STEP_FAIL);
	CHECK_INT(step.error, ROUTE_CANCELLED);
	CONTINUE(&f, {31, "stopped 0", ""});
	CHECK_INT(count_cancelled(&f, "b"), 1);
	fixture_free(&f);
}

TEST(an_attempt_that_the_driver_stops_is_not_retried) {
	struct fixture f;
	flight_init(&f, "a b c");
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"}, {20, "stopped 0", ""},
	     {30, "break 1", "send 2 c"}, {40, "stopped 2", "fail stopped 2"});
	// If the driver stops the committed attempt, the request ends, though a loser is still stopping.
	PLAY(&f, {100, "begin", "send 0 a; wait 10"}, {110, "next", "send 1 b"}, {120, "commit 1", "cancel 0"},
	     {130, "stopped 1", "fail stopped 1"}, {140, "stopped 0", ""});
	fixture_free(&f);
}

int main(void) {
	RUN(the_first_success_stops_the_other);
	RUN(a_commit_stops_the_other);
	RUN(a_stopped_attempt_counts_nowhere);
	RUN(a_failure_ends_nothing_while_another_is_in_flight);
	RUN(the_last_attempt_to_end_decides);
	RUN(a_retry_of_the_last_attempt_goes_to_its_own_model);
	RUN(a_cancelled_request_stops_both);
	RUN(an_attempt_may_end_before_its_cancel_step);
	RUN(an_attempt_that_the_driver_stops_is_not_retried);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Several attempts of one request in flight: who decides, who is stopped, and that losers count nowhere.
#include "fixture.h"

static uint64_t count_cancelled(struct fixture *f, const char *name) {
	struct model_statistics statistics;
	model_state_statistics(fixture_model(f, name)->state, &statistics);
	return statistics.cancelled;
}

TEST(the_first_success_stops_the_others) {
	struct fixture f;
	fixture_init(&f, "a b c");
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", "send 1 b"}, {20, "another", "send 2 c"},
	     {30, "ok 1", "cancel 0; cancel 2; return 1"}, {31, "stopped 0", ""}, {32, "stopped 2", ""});
	CHECK_INT(count_cancelled(&f, "a"), 1);
	CHECK_INT(count_cancelled(&f, "b"), 0);
	CHECK_INT(count_cancelled(&f, "c"), 1);
	fixture_free(&f);
}

TEST(a_commit_stops_the_others) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", "send 1 b"}, {20, "commit 1", "cancel 0"}, {21, "commit 0", ""},
	     {22, "stopped 0", ""}, {23, "another", ""}, {90, "ok 1", "return 1"});
	PLAY(&f, {100, "begin", "send 0 a"}, {110, "another", "send 1 b"}, {120, "commit 0", "cancel 1"},
	     {130, "ok 0", "return 0"}, {140, "stopped 1", ""});
	fixture_free(&f);
}

TEST(what_was_told_to_stop_counts_nowhere) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", "send 1 b"}, {20, "ok 0", "cancel 1; return 0"},
	     {21, "break 1", ""});
	CHECK_INT(count_cancelled(&f, "b"), 1);
	CHECK_INT(fixture_snapshot(&f, "b", 22).failures, 0);
	PLAY(&f, {30, "begin", "send 0 a"}, {31, "another", "send 1 b"}, {32, "commit 0", "cancel 1"}, {33, "ok 1", ""},
	     {34, "ok 0", "return 0"});
	CHECK_INT(count_cancelled(&f, "b"), 2);
	fixture_free(&f);
}

TEST(a_failure_ends_nothing_while_another_is_in_flight) {
	static const char *const failures[] = {"throttle 0", "break 0", "deny 0", "reject 0", "refuse 0", "stopped 0"};
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		struct fixture f;
		fixture_init(&f, "a b c");
		PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", "send 1 b"}, {20, failures[i], ""},
		     {30, "ok 1", "return 1"});
		fixture_free(&f);
	}
}

TEST(the_last_to_end_decides) {
	struct fixture f;
	fixture_init(&f, "a b c d");
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", "send 1 b"}, {20, "reject 0", ""}, {30, "break 1", "send 2 c"},
	     {40, "ok 2", "return 2"});
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", "send 1 b"}, {20, "break 0", ""},
	     {30, "reject 1", "fail failed 1 after 1000"});
	fixture_free(&f);
}

TEST(a_retry_of_the_last_goes_to_its_own_model) {
	struct fixture f;
	fixture_init(&f, "a b c");
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_RETRY, .outcome = OUTCOME_FAIL_FAST};
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", "send 1 b"}, {20, "break 0", ""}, {30, "break 1", "send 2 b"},
	     {40, "ok 2", "return 2"});
	CHECK(route_request_has_tried(f.request, fixture_model(&f, "a")));
	fixture_free(&f);
}

TEST(another_needs_a_free_model) {
	struct fixture f;
	fixture_init(&f, "a b c");
	fixture_break(&f, "b", 0);
	fixture_rest(&f, "c", 5000, false, 0);
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", ""}, {20, "ok 0", "return 0"});
	PLAY(&f, {6000, "begin", "send 0 a"}, {6010, "another", "send 1 c"});
	f.selects_none = true;
	GO_ON(&f, {6020, "another", ""}, {6030, "ok 0", "cancel 1; return 0"}, {6040, "stopped 1", ""});
	fixture_free(&f);
}

TEST(another_comes_of_nothing_out_of_turn) {
	struct fixture f;
	fixture_init(&f, "a b c");
	f.pool.limits.deadline_ms = 1000;
	PLAY(&f, {0, "begin", "send 0 a"}, {1000, "another", ""}, {1001, "ok 0", "return 0"}, {1002, "another", ""});
	PLAY(&f, {2000, "begin", "send 0 a"}, {2010, "commit 0", ""}, {2020, "another", ""}, {2030, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(attempts_beside_are_bounded_too) {
	struct fixture f;
	fixture_init(&f, "a b c d e");
	f.pool.limits.max_retries = 1;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "another", "send 1 b"}, {2, "another", "send 2 c"}, {3, "another", ""},
	     {4, "break 0", ""}, {5, "break 1", ""}, {6, "break 2", "send 3 d"}, {7, "another", ""},
	     {8, "break 3", "fail exhausted 3 after 1000"});
	fixture_free(&f);
}

TEST(a_cancelled_request_stops_them_all) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", "send 1 b"},
	     {20, "cancel", "cancel 0; cancel 1; fail cancelled 1"}, {21, "ok 1", ""}, {22, "stopped 0", ""});
	CHECK_INT(fixture_snapshot(&f, "a", 30).inflight + fixture_snapshot(&f, "b", 30).inflight, 0);
	CHECK_INT(count_cancelled(&f, "b"), 1);
	fixture_free(&f);
}

TEST(an_end_may_come_before_its_stop_was_told) {
	struct fixture f;
	fixture_init(&f, "a b c");
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", "send 1 b"}, {20, "another", "send 2 c"});
	struct attempt_result ok = result_of("ok"), broken = result_of("break");
	struct step step = route_attempt_ended(f.request, 0, &ok, 30);
	CHECK_INT(step.kind, STEP_CANCEL);
	CHECK_INT(step.attempt, 1);
	step = route_attempt_ended(f.request, 2, &broken, 30);
	CHECK_INT(step.kind, STEP_RETURN);
	CHECK_INT(step.attempt, 0);
	GO_ON(&f, {31, "stopped 1", ""});
	fixture_free(&f);
}

TEST(what_the_driver_stops_by_itself_is_not_tried_again) {
	struct fixture f;
	fixture_init(&f, "a b c");
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "another", "send 1 b"}, {20, "stopped 0", ""}, {30, "break 1", "send 2 c"},
	     {40, "stopped 2", "fail cancelled 2"});
	// An answer that its driver stops is the end, though a loser is still stopping.
	PLAY(&f, {100, "begin", "send 0 a"}, {110, "another", "send 1 b"}, {120, "commit 1", "cancel 0"},
	     {130, "stopped 1", "fail cancelled 1"}, {140, "stopped 0", ""});
	fixture_free(&f);
}

int main(void) {
	RUN(the_first_success_stops_the_others);
	RUN(a_commit_stops_the_others);
	RUN(what_was_told_to_stop_counts_nowhere);
	RUN(a_failure_ends_nothing_while_another_is_in_flight);
	RUN(the_last_to_end_decides);
	RUN(a_retry_of_the_last_goes_to_its_own_model);
	RUN(another_needs_a_free_model);
	RUN(another_comes_of_nothing_out_of_turn);
	RUN(attempts_beside_are_bounded_too);
	RUN(a_cancelled_request_stops_them_all);
	RUN(an_end_may_come_before_its_stop_was_told);
	RUN(what_the_driver_stops_by_itself_is_not_tried_again);
	return check_summary();
}

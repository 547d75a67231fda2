// SPDX-License-Identifier: Apache-2.0
// Hedges: when a second model is tried, when not, and the budget of hedges and retries.
#include "fixture.h"
#include "route/retry_budget.h"

TEST(the_hedge_delay_counts_from_the_sending_of_each_attempt) {
	struct fixture f;
	fixture_init(&f, "a b c");
	f.options.hedge_after_ms = 100;
	PLAY(&f, {0, "begin", "send 0 a; wait 100"}, {40, "next", "wait 60"}, {50, "break 0", "send 1 b; wait 100"},
	     {100, "next", "wait 50"}, {150, "next", "send 2 c"}, {151, "next", ""}, {160, "ok 2", "cancel 1; return 2"},
	     {161, "stopped 1", ""}, {400, "next", ""});
	CHECK_INT(f.selections, 3);
	// Neither the tried model nor the one in flight is a candidate.
	CHECK_INT(f.listed.count, 1);
	CHECK(f.listed.list[0] == fixture_model(&f, "c"));
	fixture_free(&f);
}

TEST(an_attempt_is_hedged_once) {
	struct fixture f;
	fixture_init(&f, "a b c");
	f.hedges_after_ms = 100;
	PLAY(&f, {0, "begin", "send 0 a; wait 100"}, {100, "next", "send 1 b"}, {110, "break 1", ""}, {200, "next", ""},
	     {300, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(the_attempt_that_is_left_may_be_hedged_in_turn) {
	struct fixture f;
	fixture_init(&f, "a b c");
	f.options.hedge_after_ms = 100;
	PLAY(&f, {0, "begin", "send 0 a; wait 100"}, {100, "next", "send 1 b"}, {120, "break 0", "wait 80"},
	     {200, "next", "send 2 c"}, {210, "ok 1", "cancel 2; return 1"}, {211, "stopped 2", ""});
	fixture_free(&f);
}

TEST(hedges_are_bounded_by_retries) {
	struct fixture f;
	fixture_init(&f, "a b c d e");
	f.pool.limits.max_retries = 1;
	f.options.hedge_after_ms = 10;
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"}, {11, "break 0", "wait 9"},
	     {20, "next", "send 2 c"}, {21, "break 1", ""}, {40, "next", ""}, {50, "break 2", "send 3 d"},
	     {60, "break 3", "fail exhausted 3 after 1000"});
	f.pool.limits.max_retries = 0;
	PLAY(&f, {100, "begin", "send 0 a; wait 10"}, {110, "next", "send 1 b"}, {111, "break 1", ""},
	     {120, "break 0", "fail exhausted 0 after 1000"});
	fixture_free(&f);
}

TEST(nothing_is_hedged_after_the_commit) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.hedges_after_ms = 100;
	PLAY(&f, {0, "begin", "send 0 a; wait 100"}, {50, "commit 0", ""}, {100, "next", ""}, {300, "ok 0", "return 0"});
	PLAY(&f, {0, "begin", "send 0 a; wait 100"}, {50, "cancel", "cancel 0; fail cancelled 0"}, {100, "next", ""},
	     {101, "stopped 0", ""});
	fixture_free(&f);
}

TEST(a_hedge_needs_an_available_selected_model) {
	struct fixture f;
	fixture_init(&f, "a b c");
	f.hedges_after_ms = 10;
	fixture_break(&f, "b", 0);
	fixture_cool_down(&f, "c", 5000, false, 0);
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", ""}, {6000, "next", ""}, {6001, "ok 0", "return 0"});
	PLAY(&f, {6010, "begin", "send 0 a; wait 10"});
	f.selects_none = true;
	CONTINUE(&f, {6020, "next", ""}, {6025, "next", ""}, {6030, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(no_hedge_is_sent_near_the_deadline) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.pool.limits.deadline_ms = 1000;
	f.hedges_after_ms = 500;
	PLAY(&f, {0, "begin", "send 0 a; wait 500"}, {500, "next", "send 1 b"}, {999, "break 0", ""},
	     {999, "break 1", "fail exhausted 1 after 1000"});
	// The hedge would have less time than the first attempt has had.
	PLAY(&f, {0, "begin", "send 0 a; wait 500"}, {501, "next", ""}, {999, "ok 0", "return 0"});
	f.hedges_after_ms = 501;
	PLAY(&f, {0, "begin", "send 0 a"}, {501, "next", ""}, {999, "ok 0", "return 0"});
	f.pool.limits.deadline_ms = 0;
	f.hedges_after_ms = UINT64_MAX;
	PLAY(&f, {0, "begin", "send 0 a; wait 300000"}, {10, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(hedges_take_from_the_budget) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.route.retry_budget = retry_budget_new();
	f.pool.limits.hedge_budget = 0.2;
	f.hedges_after_ms = 10;
	for (int i = 0; i < 10; i++)
		PLAY(&f, {1000, "begin", "send 0 a; wait 10"}, {1010, "next", "send 1 b"}, {1020, "ok 0", "cancel 1; return 0"},
		     {1021, "stopped 1", ""});
	PLAY(&f, {2000, "begin", "send 0 a; wait 10"}, {2010, "next", ""}, {2020, "ok 0", "return 0"});
	// A hedge without a model returns what it took.
	fixture_break(&f, "b", 62000);
	for (int i = 0; i < 12; i++)
		PLAY(&f, {62000, "begin", "send 0 a; wait 10"}, {62010, "next", ""}, {62020, "ok 0", "return 0"});
	model_state_reset_breaker(fixture_model(&f, "b")->state, 62030);
	PLAY(&f, {62030, "begin", "send 0 a; wait 10"}, {62040, "next", "send 1 b"}, {62050, "ok 0", "cancel 1; return 0"},
	     {62051, "stopped 1", ""});
	// A fifth of the requests of the last minute, once that is more than ten.
	f.hedges_after_ms = 0;
	for (int i = 0; i < 96; i++)
		PLAY(&f, {200000, "begin", "send 0 a"}, {200000, "ok 0", "return 0"});
	f.hedges_after_ms = 10;
	size_t hedges = 0;
	for (int i = 0; i < 24; i++) {
		PLAY(&f, {200000, "begin", "send 0 a; wait 10"});
		hedges += route_next(f.request, 200010).kind == STEP_SEND;
		route_cancel(f.request, 200010);
		while (route_next(f.request, 200010).kind != STEP_NONE)
			;
		struct attempt_result stopped = result_of("stopped");
		for (uint32_t j = 0; j < route_request_attempts(f.request); j++)
			route_attempt_ended(f.request, j, &stopped, 200010);
	}
	CHECK_INT(hedges, 24);
	PLAY(&f, {200010, "begin", "send 0 a; wait 10"}, {200020, "next", ""}, {200030, "ok 0", "return 0"});
	retry_budget_free(f.route.retry_budget);
	fixture_free(&f);
}

TEST(a_retry_beyond_the_budget_is_a_failover) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.route.retry_budget = retry_budget_new();
	f.pool.limits.hedge_budget = 0.2;
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_RETRY, .outcome = OUTCOME_FAIL_FAST, .after_ms = 5};
	for (int i = 0; i < 10; i++)
		PLAY(&f, {0, "begin", "send 0 a"}, {0, "break 0", "wait 5"}, {5, "next", "send 1 a"}, {6, "ok 1", "return 1"});
	PLAY(&f, {7, "begin", "send 0 a"}, {7, "break 0", "send 1 b"}, {8, "ok 1", "return 1"});
	CHECK(route_request_has_tried(f.request, fixture_model(&f, "a")));
	// Neither failovers nor escalations take from it.
	f.classifies = false;
	f.pool.limits.tier_escalation = (struct tier_ladder){{TIER_PRIORITY}, 1};
	PLAY(&f, {10, "begin", "send 0 a"}, {10, "throttle 0", "send 1 a up to priority"}, {10, "break 1", "send 2 b"},
	     {10, "ok 2", "return 2"});
	retry_budget_free(f.route.retry_budget);
	fixture_free(&f);
}

TEST(a_retry_that_is_not_sent_is_returned_to_the_budget) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.route.retry_budget = retry_budget_new();
	f.pool.limits.hedge_budget = 0.2;
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_RETRY, .outcome = OUTCOME_FAIL_FAST, .after_ms = 5};
	for (int i = 0; i < 20; i++) {
		PLAY(&f, {0, "begin", "send 0 a"}, {0, "break 0", "wait 5"});
		model_state_force_open(fixture_model(&f, "a")->state, 0);
		CONTINUE(&f, {5, "next", "send 1 b"}, {6, "ok 1", "return 1"});
		model_state_force_close(fixture_model(&f, "a")->state, 6);
	}
	for (int i = 0; i < 20; i++)
		PLAY(&f, {7, "begin", "send 0 a"}, {7, "break 0", "wait 5"}, {8, "cancel", "fail cancelled 0"});
	f.pool.limits.deadline_ms = 10;
	for (int i = 0; i < 20; i++)
		PLAY(&f, {9, "begin", "send 0 a"}, {9, "break 0", "wait 5"}, {19, "next", "fail deadline 0 after 1000"});
	retry_budget_free(f.route.retry_budget);
	fixture_free(&f);
}

TEST(the_budget_is_a_share_of_the_last_minutes_requests) {
	struct retry_budget *budget = retry_budget_new();
	uint64_t ticket, taken = 0;
	CHECK(!retry_budget_take(budget, 0, 1000, &ticket));
	while (retry_budget_take(budget, 0.01, 1000, &ticket))
		taken++;
	CHECK_INT(taken, 10);
	for (int i = 0; i < 100; i++)
		retry_budget_count(budget, 1000);
	while (retry_budget_take(budget, 0.2, 2000, &ticket))
		taken++;
	CHECK_INT(taken, 20);
	retry_budget_return(budget, ticket, 2000);
	CHECK(!retry_budget_take(budget, 0.2, 2000, &ticket));
	CHECK(retry_budget_take(budget, 0.21, 2000, &ticket));
	retry_budget_return(budget, ticket, 2000);
	CHECK(retry_budget_take(budget, 0.21, 2000, &ticket));
	// The requests and the first ten are a minute old.
	for (taken = 0; retry_budget_take(budget, 0.2, 62000, &ticket); taken++)
		;
	CHECK_INT(taken, 0);
	for (taken = 0; retry_budget_take(budget, 0.2, 63000, &ticket); taken++)
		;
	CHECK_INT(taken, 10);
	retry_budget_free(budget);
	retry_budget_free(NULL);
	retry_budget_count(NULL, 0);
	CHECK(retry_budget_take(NULL, 0, 0, &ticket));
	retry_budget_return(NULL, ticket, 0);
}

int main(void) {
	RUN(the_hedge_delay_counts_from_the_sending_of_each_attempt);
	RUN(an_attempt_is_hedged_once);
	RUN(the_attempt_that_is_left_may_be_hedged_in_turn);
	RUN(hedges_are_bounded_by_retries);
	RUN(nothing_is_hedged_after_the_commit);
	RUN(a_hedge_needs_an_available_selected_model);
	RUN(no_hedge_is_sent_near_the_deadline);
	RUN(hedges_take_from_the_budget);
	RUN(a_retry_beyond_the_budget_is_a_failover);
	RUN(a_retry_that_is_not_sent_is_returned_to_the_budget);
	RUN(the_budget_is_a_share_of_the_last_minutes_requests);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Tiers in a request's life: where attempts start, escalation of a throttled attempt to the next tier, and models that
// lack a tier.
#include "fixture.h"

static void ladder_init(struct fixture *f, const char *names) {
	fixture_init(f, names);
	f->pool.limits.tier_escalation = (struct tier_ladder){{TIER_PRIORITY, TIER_RESERVED}, 2};
}

static struct model_statistics statistics_of(struct fixture *f, const char *name) {
	struct model_statistics statistics;
	model_state_counts(fixture_model(f, name)->state, &statistics);
	return statistics;
}

TEST(attempts_start_at_the_selected_tier) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_model(&f, "a")->tier = TIER_FLEX;
	PLAY(&f, {0, "begin", "send 0 a at flex"}, {1, "break 0", "send 1 b"}, {2, "ok 1", "return 1"});
	CHECK_INT(f.failed_tier, TIER_FLEX);
	// The client's own tier is in its request already.
	f.attributes.tier = TIER_PRIORITY;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "break 0", "send 1 b"}, {2, "ok 1", "return 1"});
	CHECK_INT(f.failed_tier, TIER_PRIORITY);
	f.options.tier = TIER_RESERVED;
	PLAY(&f, {0, "begin", "send 0 a at reserved"}, {1, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(a_throttled_model_is_tried_once_more_at_the_next_tier) {
	struct fixture f;
	ladder_init(&f, "a b");
	f.pool.limits.max_retries = 0;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 a up to priority"}, {2, "ok 1", "return 1"});
	CHECK_INT(f.selections, 1);
	CHECK_INT(fixture_count_events(&f, "tier-escalation"), 1);
	CHECK_INT(fixture_count_events(&f, "tier-escalation-success"), 1);
	CHECK_INT(fixture_count_events(&f, "tier-escalation-failure"), 0);
	CHECK_INT(fixture_event(&f, EVENT_ATTEMPT_STARTED, 1)->attempt_started.tier, TIER_PRIORITY);
	CHECK_INT(fixture_event(&f, EVENT_ATTEMPT_ENDED, 1)->attempt_ended.start.tier, TIER_PRIORITY);
	CHECK_INT(statistics_of(&f, "a").rate_limit, 1);
	CHECK_INT(statistics_of(&f, "a").success, 1);
	fixture_free(&f);
}

TEST(a_failed_escalation_fails_over) {
	static const char *const failures[] = {"throttle 1", "break 1", "refuse 1", "deny 1"};
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		struct fixture f;
		ladder_init(&f, "a b");
		f.pool.limits.max_retries = 1;
		PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 a up to priority"}, {1, failures[i], "send 2 b"},
		     {3, "throttle 2", "send 3 b up to priority"}, {4, "throttle 3", "fail exhausted 3 after 1000"});
		CHECK_INT(fixture_count_events(&f, "tier-escalation-failure"), 2);
		CHECK_INT(f.failed_tier, TIER_PRIORITY);
		fixture_free(&f);
	}
}

TEST(the_ladder_starts_at_the_attempts_own_tier) {
	struct fixture f;
	ladder_init(&f, "a b");
	f.attributes.tier = TIER_PRIORITY;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 a up to reserved"}, {2, "ok 1", "return 1"});
	f.attributes.tier = TIER_RESERVED;
	PLAY(&f, {2000, "begin", "send 0 a"}, {2001, "throttle 0", "send 1 b"},
	     {2002, "throttle 1", "fail exhausted 1 after 1000"});
	CHECK_INT(fixture_count_events(&f, "tier-escalation"), 1);
	fixture_free(&f);
}

TEST(a_prepared_tier_is_the_tier_that_failed) {
	struct fixture f;
	ladder_init(&f, "a b");
	f.decide.prepare = fixture_prepare;
	f.edits.tier = TIER_PRIORITY;
	PLAY(&f, {0, "begin", "send 0 a at priority"});
	// An escalated attempt keeps its tier.
	f.edits.tier = TIER_FLEX;
	CONTINUE(&f, {1, "throttle 0", "send 1 a up to reserved"});
	CHECK_INT(f.failed_tier, TIER_PRIORITY);
	f.edits.tier = TIER_NONE;
	CONTINUE(&f, {2, "throttle 1", "send 2 b"});
	CHECK_INT(f.failed_tier, TIER_RESERVED);
	CONTINUE(&f, {3, "ok 2", "return 2"});
	fixture_free(&f);
}

TEST(a_prepared_tier_may_be_missing) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_model(&f, "a")->tier = TIER_RESERVED;
	f.decide.prepare = fixture_prepare;
	f.edits.tier = TIER_FLEX;
	PLAY(&f, {0, "begin", "send 0 a at flex"}, {1, "lack 0", "send 1 a at reserved"});
	CHECK(f.request->attempts[0].lacked_tier);
	CONTINUE(&f, {2, "ok 1", "return 1"});
	PLAY(&f, {3, "begin", "send 0 a at reserved"}, {4, "lack 0", "send 1 a"},
	     {5, "lack 1", "fail failed 1 after 1000"});
	// The client gets the error about its own tier, even if `prepare` sets the same.
	f.attributes.tier = TIER_FLEX;
	PLAY(&f, {10, "begin", "send 0 a"}, {11, "lack 0", "fail failed 0 after 1000"});
	fixture_free(&f);
}

TEST(a_policy_may_escalate_after_any_failure_or_not_at_all) {
	struct fixture f;
	ladder_init(&f, "a b");
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_ESCALATE, .outcome = OUTCOME_FAIL_FAST};
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "break 0", "send 1 a up to priority"}, {2, "break 1", "send 2 b"},
	     {3, "ok 2", "return 2"});
	f.classification = (struct classification){.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_RATE_LIMIT};
	PLAY(&f, {10, "begin", "send 0 a"}, {11, "throttle 0", "send 1 b"}, {12, "ok 1", "return 1"});
	fixture_free(&f);
}

TEST(a_retry_of_an_escalated_attempt_keeps_its_tier) {
	struct fixture f;
	ladder_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 a up to priority"});
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_RETRY, .outcome = OUTCOME_RATE_LIMIT, .after_ms = 9};
	CONTINUE(&f, {2, "throttle 1", "wait 9"}, {11, "next", "send 2 a up to priority"}, {12, "ok 2", "return 2"});
	fixture_free(&f);
}

TEST(a_cooldown_is_that_of_the_throttled_tier) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.pool.limits.tier_escalation = (struct tier_ladder){{TIER_PRIORITY}, 1};
	f.pool.limits.max_retries = 1;
	PLAY(&f, {0, "begin", "send 0 a"}, {0, "throttle 0", "send 1 a up to priority"}, {500, "ok 1", "return 1"});
	CHECK_INT(fixture_snapshot(&f, "a", 999).cooldown_until_ms, 1000);
	// Requests start at the next rung, which is their one escalation.
	PLAY(&f, {600, "begin", "send 0 a up to priority"});
	struct route_request *first = f.request;
	PLAY(&f, {600, "begin", "send 0 a up to priority"}, {601, "break 0", "send 1 b"}, {602, "ok 1", "return 1"});
	struct line line = {610, "ok 0", "return 0"};
	play_line(__FILE__, __LINE__, first, &line);
	CHECK_INT(fixture_count_events(&f, "tier-escalation"), 3);
	CHECK_INT(fixture_count_events(&f, "tier-escalation-success"), 2);
	// A request for another tier isn't affected, a request for this one is.
	f.attributes.tier = TIER_FLEX;
	PLAY(&f, {700, "begin", "send 0 a"}, {701, "ok 0", "return 0"});
	f.attributes.tier = TIER_DEFAULT;
	PLAY(&f, {700, "begin", "send 0 a up to priority"}, {701, "ok 0", "return 0"});
	f.attributes.tier = TIER_PRIORITY;
	PLAY(&f, {700, "begin", "send 0 a"}, {701, "throttle 0", "send 1 b"}, {702, "ok 1", "return 1"});
	// Now both tiers cool down, and so does the model.
	f.attributes.tier = TIER_NONE;
	PLAY(&f, {800, "begin", "send 0 b"}, {801, "ok 0", "return 0"});
	CHECK_INT(fixture_snapshot(&f, "a", 999).cooldown_until_ms, 1701);
	PLAY(&f, {1701, "begin", "send 0 a"}, {1702, "ok 0", "return 0"});
	fixture_free(&f);
}

// It would be sent at the tier that was just throttled.
TEST(a_request_whose_tier_is_fixed_is_not_escalated) {
	struct fixture f;
	ladder_init(&f, "a b");
	f.attributes.is_tier_fixed = true;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 b"}, {2, "ok 1", "return 1"});
	CHECK_INT(fixture_count_events(&f, "tier-escalation"), 0);
	// Nor does it start above a tier that cools down.
	PLAY(&f, {10, "begin", "send 0 b"}, {11, "ok 0", "return 0"});
	f.attributes.is_tier_fixed = false;
	PLAY(&f, {20, "begin", "send 0 a up to priority"}, {21, "ok 0", "return 0"});
	// If the policy escalates it in spite of that, it fails over.
	f.attributes.is_tier_fixed = f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_ESCALATE, .outcome = OUTCOME_FAIL_FAST};
	PLAY(&f, {2000, "begin", "send 0 a"}, {2001, "break 0", "send 1 b"}, {2002, "ok 1", "return 1"});
	fixture_free(&f);
}

TEST(a_cooldown_of_the_whole_model_is_that_of_no_tier) {
	struct fixture f;
	ladder_init(&f, "a b");
	fixture_cool_down(&f, "a", 1000, false, 0);
	PLAY(&f, {1, "begin", "send 0 b"}, {2, "ok 0", "return 0"});
	// A throttle doesn't make it one of a tier.
	f.attributes.tier = TIER_PRIORITY;
	fixture_cool_down(&f, "b", 5000, false, 500);
	PLAY(&f, {501, "begin", "send 0 a"}, {502, "throttle 0", "send 1 a up to reserved"}, {503, "ok 1", "return 1"});
	f.attributes.tier = TIER_FLEX;
	PLAY(&f, {504, "begin", "send 0 a"});
	struct route_request *first = f.request;
	PLAY(&f, {504, "begin", "fail no-models unavailable after 998"});
	struct line line = {505, "ok 0", "return 0"};
	play_line(__FILE__, __LINE__, first, &line);
	fixture_free(&f);
}

TEST(a_tiers_cooldown_ends_with_the_models_or_with_time) {
	struct fixture f;
	ladder_init(&f, "a");
	PLAY(&f, {0, "begin", "send 0 a"}, {0, "throttle 0", "send 1 a up to priority"}, {0, "ok 1", "return 1"});
	PLAY(&f, {1, "begin", "send 0 a up to priority"}, {1, "ok 0", "return 0"});
	// The model is deprioritized, which is no cooldown.
	fixture_cool_down(&f, "a", 5000, true, 1000);
	PLAY(&f, {1001, "begin", "send 0 a"}, {1001, "throttle 0", "send 1 a up to priority"}, {1002, "ok 1", "return 1"});
	// A cooldown by the policy is one of the model: one attempt at a time, at the selected tier.
	PLAY(&f, {1003, "begin", "send 0 a up to priority"}, {1003, "ok 0", "return 0"});
	fixture_cool_down(&f, "a", 1, false, 1004);
	PLAY(&f, {1005, "begin", "send 0 a"}, {1006, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(without_a_ladder_the_model_cools_down) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {0, "throttle 0", "send 1 b"}, {1, "ok 1", "return 1"});
	f.options.tier = TIER_PRIORITY;
	f.attributes.tier = TIER_FLEX;
	PLAY(&f, {2, "begin", "send 0 b at priority"}, {3, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(a_selected_tier_may_cool_down_too) {
	struct fixture f;
	ladder_init(&f, "a b");
	f.options.tier = TIER_PRIORITY;
	PLAY(&f, {0, "begin", "send 0 a at priority"}, {0, "throttle 0", "send 1 a up to reserved"},
	     {1, "ok 1", "return 1"});
	PLAY(&f, {2, "begin", "send 0 a up to reserved"}, {3, "throttle 0", "send 1 b at priority"},
	     {4, "ok 1", "return 1"});
	// No higher rung is free of a cooldown: the attempt is not admitted.
	PLAY(&f, {5, "begin", "send 0 b at priority"}, {6, "ok 0", "return 0"});
	CHECK_INT(f.listed.count, 1);
	f.options.tier = TIER_NONE;
	PLAY(&f, {7, "begin", "send 0 a"}, {8, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(a_success_of_an_escalation_does_not_affect_the_throttled_tier) {
	struct fixture f;
	fixture_init(&f, "a");
	f.pool.limits.tier_escalation = (struct tier_ladder){{TIER_PRIORITY}, 1};
	PLAY(&f, {0, "begin", "send 0 a"}, {0, "throttle 0", "send 1 a up to priority"}, {500, "ok 1", "return 1"});
	// So the next cooldown is longer.
	PLAY(&f, {1000, "begin", "send 0 a"}, {1000, "throttle 0", "send 1 a up to priority"},
	     {1001, "throttle 1", "fail exhausted 1 after 2000"});
	// A success at the tier itself ends the doubling.
	PLAY(&f, {3001, "begin", "send 0 a"}, {3001, "ok 0", "return 0"});
	PLAY(&f, {3001, "begin", "send 0 a"}, {3001, "throttle 0", "send 1 a up to priority"},
	     {3002, "throttle 1", "fail exhausted 1 after 1000"});
	fixture_free(&f);
}

TEST(an_escalation_needs_an_admission) {
	struct fixture f;
	ladder_init(&f, "a b");
	f.classifies = true;
	f.classification =
	    (struct classification){.verdict = VERDICT_ESCALATE, .outcome = OUTCOME_FAIL_FAST, .counts = true};
	fixture_model(&f, "a")->breaker.failure_threshold = 1;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "break 0", "send 1 b"}, {2, "ok 1", "return 1"});
	f.pool.limits.max_retries = 0;
	PLAY(&f, {40000, "begin", "send 0 a"}, {40001, "break 0", "fail exhausted 0 after 1000"});
	CHECK_INT(fixture_count_events(&f, "tier-escalation"), 0);
	fixture_free(&f);
}

TEST(a_throttle_beside_another_attempt_escalates_nothing) {
	struct fixture f;
	ladder_init(&f, "a b c");
	f.hedges_after_ms = 10;
	PLAY(&f, {0, "begin", "send 0 a; wait 10"}, {10, "next", "send 1 b"}, {20, "throttle 0", ""},
	     {30, "throttle 1", "send 2 b up to priority"}, {40, "ok 2", "return 2"});
	fixture_free(&f);
}

TEST(a_starting_tier_that_is_missing_is_dropped_at_once) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.pool.limits.max_retries = 0;
	fixture_model(&f, "a")->tier = TIER_FLEX;
	PLAY(&f, {0, "begin", "send 0 a at flex"}, {1, "lack 0", "send 1 a"}, {2, "ok 1", "return 1"});
	CHECK(f.request->attempts[0].lacked_tier);
	CHECK(!f.request->attempts[1].lacked_tier);
	CHECK_INT(statistics_of(&f, "a").fail_fast + statistics_of(&f, "a").rate_limit, 0);
	CHECK_INT(statistics_of(&f, "a").cancelled, 1);
	CHECK_NEAR(fixture_snapshot(&f, "a", 3).error_rate, 0, 0);
	// It is remembered for that model until a reset.
	PLAY(&f, {10, "begin", "send 0 a"}, {11, "ok 0", "return 0"});
	fixture_model(&f, "b")->tier = TIER_FLEX;
	f.selects = fixture_model(&f, "b");
	PLAY(&f, {20, "begin", "send 0 b at flex"}, {21, "ok 0", "return 0"});
	f.selects = NULL;
	model_state_reset_breaker(fixture_model(&f, "a")->state, 30);
	PLAY(&f, {30, "begin", "send 0 a at flex"}, {31, "ok 0", "return 0"});
	fixture_free(&f);
}

// Some errors only quote what the client wrote: they must not take the tier from all requests.
TEST(a_tier_that_has_served_is_never_missing) {
	struct fixture f;
	fixture_init(&f, "a");
	f.pool.limits.max_retries = 0;
	fixture_model(&f, "a")->tier = TIER_FLEX;
	PLAY(&f, {0, "begin", "send 0 a at flex"}, {1, "ok 0", "return 0"});
	PLAY(&f, {10, "begin", "send 0 a at flex"}, {11, "lack 0", "send 1 a"},
	     {12, "reject 1", "fail failed 1 after 1000"});
	PLAY(&f, {20, "begin", "send 0 a at flex"}, {21, "refuse 0", "fail exhausted 0 refused after 1000"});
	// Another tier has not served, nor has this one since the reset.
	f.options.tier = TIER_RESERVED;
	PLAY(&f, {30, "begin", "send 0 a at reserved"}, {31, "lack 0", "send 1 a at flex"}, {32, "ok 1", "return 1"});
	PLAY(&f, {40, "begin", "send 0 a at flex"}, {41, "ok 0", "return 0"});
	model_state_reset_breaker(fixture_model(&f, "a")->state, 50);
	f.options.tier = TIER_NONE;
	PLAY(&f, {50, "begin", "send 0 a at flex"}, {51, "lack 0", "send 1 a"}, {52, "ok 1", "return 1"});
	PLAY(&f, {60, "begin", "send 0 a"}, {61, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(an_operation_without_tiers_is_sent_without_one) {
	struct fixture f;
	ladder_init(&f, "a b");
	f.attributes.is_tierless = true;
	fixture_model(&f, "a")->tier = TIER_FLEX;
	f.options.tier = TIER_RESERVED;
	f.decide.prepare = fixture_prepare;
	f.edits.tier = TIER_FLEX;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 b"}, {2, "ok 1", "return 1"});
	fixture_free(&f);
}

TEST(a_tier_that_could_not_be_written_has_not_served) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_model(&f, "a")->tier = TIER_FLEX;
	PLAY(&f, {0, "begin", "send 0 a at flex"});
	route_attempt_drop_tier(f.request, 0);
	CONTINUE(&f, {1, "ok 0", "return 0"});
	PLAY(&f, {10, "begin", "send 0 a at flex"}, {11, "lack 0", "send 1 a"}, {12, "ok 1", "return 1"});
	PLAY(&f, {20, "begin", "send 0 a"}, {21, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(each_missing_tier_is_dropped_in_turn) {
	struct fixture f;
	fixture_init(&f, "a");
	f.pool.limits.max_retries = 0;
	fixture_model(&f, "a")->tier = TIER_FLEX;
	f.options.tier = TIER_RESERVED;
	PLAY(&f, {0, "begin", "send 0 a at reserved"}, {1, "lack 0", "send 1 a at flex"}, {2, "lack 1", "send 2 a"},
	     {3, "lack 2", "fail failed 2 after 1000"});
	// Even if a reset forgets the model's tiers meanwhile.
	model_state_reset_breaker(fixture_model(&f, "a")->state, 10);
	PLAY(&f, {10, "begin", "send 0 a at reserved"}, {11, "lack 0", "send 1 a at flex"});
	model_state_reset_breaker(fixture_model(&f, "a")->state, 12);
	CONTINUE(&f, {12, "lack 1", "send 2 a"}, {13, "ok 2", "return 2"});
	fixture_free(&f);
}

TEST(an_error_about_the_clients_own_tier_goes_to_the_client) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.attributes.tier = TIER_FLEX;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "lack 0", "fail failed 0 after 1000"});
	CHECK_INT(statistics_of(&f, "a").fail_fast, 1);
	f.attributes.tier = TIER_NONE;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "lack 0", "fail failed 0 after 1000"});
	CHECK_INT(model_state_missing_tiers(fixture_model(&f, "a")->state), 0);
	fixture_free(&f);
}

TEST(a_missing_rung_leads_to_the_next_model) {
	struct fixture f;
	ladder_init(&f, "a b");
	f.pool.limits.max_retries = 1;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 a up to priority"}, {2, "lack 1", "send 2 b"},
	     {3, "ok 2", "return 2"});
	CHECK_INT(fixture_count_events(&f, "tier-escalation-failure"), 1);
	// The next request skips the missing rung.
	PLAY(&f, {2000, "begin", "send 0 a"}, {2001, "throttle 0", "send 1 a up to reserved"}, {2002, "lack 1", "send 2 b"},
	     {2003, "ok 2", "return 2"});
	// Then there is no rung left. The last failure is the throttle.
	f.pool.limits.max_retries = 0;
	PLAY(&f, {9000, "begin", "send 0 a"}, {9001, "throttle 0", "fail exhausted 0 after 1000"});
	model_state_reset_breaker(fixture_model(&f, "a")->state, 9002);
	PLAY(&f, {9002, "begin", "send 0 a"}, {9003, "throttle 0", "send 1 a up to priority"},
	     {9004, "lack 1", "fail exhausted 0 after 1000"});
	fixture_free(&f);
}

// The throttle was another request's, so there is no upstream error to forward: the client may retry after the
// cooldown.
TEST(a_model_below_a_missing_rung_cools_down) {
	for (uint64_t retries = 0; retries < 2; retries++) {
		struct fixture f;
		fixture_init(&f, "a b");
		f.pool.limits.tier_escalation = (struct tier_ladder){{TIER_PRIORITY}, 1};
		f.pool.limits.max_retries = retries;
		model_state_force_open(fixture_model(&f, "b")->state, 0);
		PLAY(&f, {0, "begin", "send 0 a"}, {0, "throttle 0", "send 1 a up to priority"});
		struct route_request *first = f.request;
		PLAY(&f, {1, "begin", "send 0 a up to priority"}, {2, "lack 0", "fail exhausted 0 after 998"});
		CHECK_INT(f.request->final.why, NO_MODELS_UNAVAILABLE);
		struct line line = {2, "lack 1", "fail exhausted 0 after 998"};
		play_line(__FILE__, __LINE__, first, &line);
		fixture_free(&f);
	}
}

TEST(a_missing_tier_beside_another_attempt_ends_nothing) {
	struct fixture f;
	fixture_init(&f, "a b c");
	fixture_model(&f, "a")->tier = TIER_FLEX;
	f.hedges_after_ms = 10;
	PLAY(&f, {0, "begin", "send 0 a at flex; wait 10"}, {10, "next", "send 1 b"}, {20, "lack 0", ""},
	     {30, "break 1", "send 2 a"}, {40, "ok 2", "return 2"});
	f.hedges_after_ms = 0;
	PLAY(&f, {100, "begin", "send 0 a"}, {110, "cancel", "cancel 0; fail cancelled 0"}, {120, "lack 0", ""});
	fixture_free(&f);
}

TEST(a_breaker_that_opens_before_an_attempt_without_its_tier_is_a_failover) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.pool.limits.max_retries = 1;
	fixture_model(&f, "a")->tier = TIER_FLEX;
	PLAY(&f, {0, "begin", "send 0 a at flex"});
	model_state_force_open(fixture_model(&f, "a")->state, 1);
	CONTINUE(&f, {1, "lack 0", "send 1 b"}, {2, "break 1", "fail exhausted 1 after 1000"});
	fixture_free(&f);
}

TEST(selected_headers_outlive_the_decision) {
	struct fixture f;
	ladder_init(&f, "a");
	char name[] = "x-one", value[] = "1";
	struct header header = {slice_from(name), slice_from(value)};
	f.options.headers = (struct headers){&header, 1};
	fixture_new_request(&f, 0);
	struct step step = route_begin(f.request, 0);
	name[0] = value[0] = '?';
	header = (struct header){0};
	struct attempt_result result = result_of("throttle");
	for (int i = 0; i < 2; i++) {
		CHECK_INT(step.kind, STEP_SEND);
		CHECK_INT(step.options.headers.count, 1);
		CHECK_SLICE(step.options.headers.list[0].name, SLICE("x-one"));
		CHECK_SLICE(step.options.headers.list[0].value, SLICE("1"));
		step = route_attempt_ended(f.request, step.attempt, &result, 1);
	}
	CHECK_INT(step.kind, STEP_FAIL);
	fixture_free(&f);
}

int main(void) {
	RUN(attempts_start_at_the_selected_tier);
	RUN(a_throttled_model_is_tried_once_more_at_the_next_tier);
	RUN(a_failed_escalation_fails_over);
	RUN(the_ladder_starts_at_the_attempts_own_tier);
	RUN(a_prepared_tier_is_the_tier_that_failed);
	RUN(a_prepared_tier_may_be_missing);
	RUN(a_policy_may_escalate_after_any_failure_or_not_at_all);
	RUN(a_retry_of_an_escalated_attempt_keeps_its_tier);
	RUN(a_cooldown_is_that_of_the_throttled_tier);
	RUN(a_request_whose_tier_is_fixed_is_not_escalated);
	RUN(a_cooldown_of_the_whole_model_is_that_of_no_tier);
	RUN(a_tiers_cooldown_ends_with_the_models_or_with_time);
	RUN(without_a_ladder_the_model_cools_down);
	RUN(a_selected_tier_may_cool_down_too);
	RUN(a_success_of_an_escalation_does_not_affect_the_throttled_tier);
	RUN(an_escalation_needs_an_admission);
	RUN(a_throttle_beside_another_attempt_escalates_nothing);
	RUN(a_starting_tier_that_is_missing_is_dropped_at_once);
	RUN(a_tier_that_has_served_is_never_missing);
	RUN(an_operation_without_tiers_is_sent_without_one);
	RUN(a_tier_that_could_not_be_written_has_not_served);
	RUN(each_missing_tier_is_dropped_in_turn);
	RUN(an_error_about_the_clients_own_tier_goes_to_the_client);
	RUN(a_missing_rung_leads_to_the_next_model);
	RUN(a_model_below_a_missing_rung_cools_down);
	RUN(a_missing_tier_beside_another_attempt_ends_nothing);
	RUN(a_breaker_that_opens_before_an_attempt_without_its_tier_is_a_failover);
	RUN(selected_headers_outlive_the_decision);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// One request after the other, played from scripts: every way that a request can end, retries, waiting, deadlines.
#include "fixture.h"

TEST(the_first_response_is_returned) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {5, "next", ""}, {10, "ok 0", "return 0"}, {11, "next", ""}, {12, "cancel", ""});
	CHECK(route_request_is_over(f.request));
	CHECK_INT(route_request_elapsed_ms(f.request), 12);
	CHECK_INT(route_request_attempts(f.request), 1);
	fixture_free(&f);
}

TEST(a_failing_model_is_failed_over_without_delay) {
	static const char *const failures[] = {"throttle 0", "break 0", "deny 0", "refuse 0"};
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		struct fixture f;
		fixture_init(&f, "a b");
		PLAY(&f, {0, "begin", "send 0 a"}, {10, failures[i], "send 1 b"}, {20, "ok 1", "return 1"});
		CHECK(route_request_has_tried(f.request, fixture_model(&f, "a")));
		CHECK(!route_request_has_tried(f.request, fixture_model(&f, "b")));
		CHECK(route_request_attempt_model(f.request, 1) == fixture_model(&f, "b"));
		fixture_free(&f);
	}
}

TEST(the_callers_error_ends_a_request) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "reject 0", "fail failed 0 after 1000"}, {11, "next", ""});
	fixture_free(&f);
}

// What the gateway lacks ends the request, and the model's state is as if it had not been asked; nor is the policy.
TEST(nothing_is_learnt_of_a_model_from_what_the_gateway_lacks) {
	struct fixture f;
	struct model_statistics statistics;
	fixture_init(&f, "a b");
	f.classifies = true;
	f.classification =
	    (struct classification){.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_FAIL_FAST, .counts = true};
	for (int i = 0; i < 20; i++)
		PLAY(&f, {0, "begin", "send 0 a"}, {10, "choke 0", "fail failed 0 after 1000"}, {11, "next", ""});
	CHECK_INT(fixture_count_events(&f, "breaker-opened"), 0);
	CHECK_INT(fixture_count_events(&f, "cooldown-started"), 0);
	model_state_counts(fixture_model(&f, "a")->state, &statistics);
	CHECK_INT(statistics.fail_fast, 0);
	CHECK_INT(statistics.cancelled, 20);
	fixture_free(&f);
}

TEST(retries_are_bounded) {
	static const struct {
		uint64_t max_retries;
		const char *last[4];
	} cases[] = {
	    {0, {"fail exhausted 0 after 1000"}},
	    {1, {"send 1 b", "fail exhausted 1 after 1000"}},
	    {2, {"send 1 b", "send 2 c", "fail exhausted 2 after 1000"}},
	};
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;
		fixture_init(&f, "a b c d e");
		f.pool.limits.max_retries = cases[i].max_retries;
		PLAY(&f, {0, "begin", "send 0 a"}, {1, "break 0", cases[i].last[0]});
		if (cases[i].last[1])
			CONTINUE(&f, {2, "break 1", cases[i].last[1]});
		if (cases[i].last[2])
			CONTINUE(&f, {3, "break 2", cases[i].last[2]});
		fixture_free(&f);
	}
}

TEST(with_all_models_failed_retries_are_exhausted) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 b"},
	     {301, "throttle 1", "fail exhausted 1 after 700"});
	fixture_free(&f);
}

TEST(refusals_alone_are_reported_as_such) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "refuse 0", "send 1 b"},
	     {2, "refuse 1", "fail exhausted 1 refused after 1000"});
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "refuse 0", "send 1 b"}, {2, "break 1", "fail exhausted 1 after 1000"});
	CHECK_INT(fixture_count_events(&f, "refusal-detected"), 3);
	fixture_free(&f);
}

TEST(a_whole_response_may_be_refused) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.decide.accept = fixture_accept;
	f.refuses = "a";
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "whole 0", "send 1 b"}, {2, "whole 1", "return 1"});
	CHECK_INT(fixture_count_events(&f, "refusal-detected"), 1);
	CHECK_SLICE(fixture_event(&f, EVENT_ATTEMPT_ENDED, 0)->attempt_ended.reason, SLICE("not good enough"));
	CHECK(route_request_has_tried(f.request, fixture_model(&f, "a")));
	struct model_statistics statistics;
	model_state_counts(fixture_model(&f, "a")->state, &statistics);
	CHECK_INT(statistics.refusal, 1);
	CHECK_INT(statistics.success + statistics.fail_fast, 0);
	// `accept` isn't called for a stream, after a commit, or for a stopped attempt.
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "ok 0", "return 0"});
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "cancel", "cancel 0; fail cancelled 0"}, {2, "whole 0", ""});
	model_state_counts(fixture_model(&f, "a")->state, &statistics);
	CHECK_INT(statistics.refusal, 1);
	f.pool.limits.max_retries = 0;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "whole 0", "fail exhausted 0 refused after 1000"});
	fixture_free(&f);
}

// The policy failed, and says that the request ends then: no model gets it, no response gets out.
TEST(an_undecided_policy_ends_the_request) {
	static const struct {
		const char *hook, *input, *end;
		uint64_t success, cancelled, fail_fast;
	} rows[] = {
	    {"classify", "break 0", "fail undecided 0 after 1000", 0, 0, 1},
	    {"accept", "whole 0", "fail undecided 0 after 1000", 1, 0, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture f;
		struct model_statistics statistics;
		fixture_init(&f, "a b");
		f.decide.accept = fixture_accept;
		f.decide.finish = fixture_finish;
		f.undecided = rows[i].hook;
		PLAY(&f, {0, "begin", "send 0 a"}, {1, rows[i].input, rows[i].end});
		CHECK_INT(f.finished.status, 503);
		CHECK_SLICE(f.finished.error, SLICE("ServiceUnavailableException"));
		CHECK_INT(f.finishes, 1);
		model_state_counts(fixture_model(&f, "a")->state, &statistics);
		CHECK_INT(statistics.success, rows[i].success);
		CHECK_INT(statistics.cancelled, rows[i].cancelled);
		CHECK_INT(statistics.fail_fast, rows[i].fail_fast);
		fixture_free(&f);
	}
}

TEST(nothing_is_sent_while_the_policy_is_undecided) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.decide.prepare = fixture_prepare;
	f.undecided = "select";
	PLAY(&f, {0, "begin", "fail undecided after 1000"}, {1, "next", ""});
	f.undecided = "prepare";
	PLAY(&f, {2, "begin", "fail undecided 0 after 1000"}, {3, "next", ""});
	CHECK_INT(fixture_count_events(&f, "model-invocation-start"), 1);
	CHECK_INT(fixture_count_events(&f, "model-invocation-complete"), 1);
	struct model_statistics statistics;
	model_state_counts(fixture_model(&f, "a")->state, &statistics);
	CHECK_INT(statistics.cancelled, 1);
	CHECK_INT(fixture_snapshot(&f, "a", 4).inflight, 0);
	// At a later attempt, too: the first one's failure is not what the client gets.
	f.undecided = NULL;
	PLAY(&f, {4, "begin", "send 0 a"});
	f.undecided = "select";
	CONTINUE(&f, {5, "break 0", "fail undecided 0 after 1000"});
	CHECK_INT(f.request->response.status, 503);
	CHECK(!f.request->response.from_upstream);
	fixture_free(&f);
}

TEST(an_undecided_hedge_leaves_the_first_attempt_alone) {
	static const char *const hooks[] = {"select", "prepare"};
	for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
		struct fixture f;
		fixture_init(&f, "a b");
		f.decide.prepare = fixture_prepare;
		f.hedges_after_ms = 100;
		PLAY(&f, {0, "begin", "send 0 a; wait 100"});
		f.undecided = hooks[i];
		CONTINUE(&f, {100, "next", ""}, {150, "ok 0", "return 0"});
		fixture_free(&f);
	}
}

TEST(a_request_without_a_model_says_why) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_serves(&f, "a", "x*");
	fixture_serves(&f, "b", "y*");
	PLAY(&f, {0, "begin", "fail no-models unserved after 0"}, {1, "next", ""});
	f.attributes.asked = SLICE("xyz");
	f.selects_none = true;
	PLAY(&f, {0, "begin", "fail no-models unselected after 5000"});
	f.selects_none = false;
	fixture_break(&f, "a", 1000);
	PLAY(&f, {2000, "begin", "fail no-models unavailable after 29000"});
	model_state_force_open(fixture_model(&f, "a")->state, 3000);
	PLAY(&f, {60000, "begin", "fail no-models unavailable after 5000"});
	fixture_free(&f);
}

TEST(a_reason_for_selecting_none_is_an_event) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.selects_none = true;
	PLAY(&f, {0, "begin", "fail no-models unselected after 5000"});
	CHECK_INT(fixture_count_events(&f, "model-selected"), 0);
	f.reason = SLICE("over budget");
	PLAY(&f, {1, "begin", "fail no-models unselected after 5000"});
	const struct event *selected = fixture_event(&f, EVENT_MODEL_SELECTED, 0);
	CHECK(selected->model == NULL);
	CHECK_SLICE(selected->selected.reason, SLICE("over budget"));
	fixture_free(&f);
}

TEST(none_selected_after_a_failure_is_exhausted) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"});
	f.selects_none = true;
	CONTINUE(&f, {1, "break 0", "fail exhausted 0 after 5000"});
	fixture_free(&f);
}

TEST(a_selection_that_is_no_candidate_falls_to_the_default) {
	struct fixture f;
	fixture_init(&f, "a b");
	char name[] = "stranger";
	struct model stranger = {.name = name, .index = 0};
	f.selects = &stranger;
	fixture_break(&f, "a", 0);
	PLAY(&f, {1, "begin", "send 0 b"});
	f.selects = fixture_model(&f, "a");
	CONTINUE(&f, {2, "ok 0", "return 0"});
	PLAY(&f, {3, "begin", "send 0 b"}, {4, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(a_retry_waits_and_counts) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_RETRY, .outcome = OUTCOME_FAIL_FAST, .after_ms = 200};
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "break 0", "wait 200"}, {110, "next", "wait 100"},
	     {210, "next", "send 1 a"}, {220, "break 1", "wait 200"}, {420, "next", "send 2 a"},
	     {430, "break 2", "wait 200"}, {630, "next", "send 3 a"}, {640, "break 3", "fail exhausted 3 after 1000"});
	CHECK_INT(f.selections, 1);
	f.classification.after_ms = 0;
	PLAY(&f, {700, "begin", "send 0 a"}, {710, "break 0", "send 1 a"}, {720, "ok 1", "return 1"});
	fixture_free(&f);
}

TEST(a_retry_ignores_cooldowns_but_not_the_breaker) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.classifies = true;
	f.classification = (struct classification){
	    .verdict = VERDICT_RETRY, .outcome = OUTCOME_RATE_LIMIT, .cooldown_ms = 5000, .after_ms = 10};
	PLAY(&f, {0, "begin", "send 0 a"}, {5, "throttle 0", "wait 10"}, {15, "next", "send 1 a"},
	     {20, "throttle 1", "wait 10"});
	model_state_force_open(fixture_model(&f, "a")->state, 21);
	CONTINUE(&f, {30, "next", "send 2 b"}, {31, "ok 2", "return 2"});
	CHECK(route_request_has_tried(f.request, fixture_model(&f, "a")));
	fixture_free(&f);
}

TEST(extreme_limits_are_capped) {
	struct fixture f;
	fixture_init(&f, "a b c d e f g h i j k l m");
	f.pool.limits.max_retries = UINT64_MAX;
	PLAY(&f, {0, "begin", "send 0 a"});
	struct attempt_result result = result_of("break");
	for (uint32_t i = 0; i < 10; i++)
		CHECK_INT(route_attempt_ended(f.request, i, &result, 1).kind, STEP_SEND);
	CHECK_INT(route_attempt_ended(f.request, 10, &result, 1).kind, STEP_FAIL);
	f.classifies = true;
	f.classification =
	    (struct classification){.verdict = VERDICT_RETRY, .outcome = OUTCOME_FAIL_FAST, .after_ms = UINT64_MAX};
	PLAY(&f, {2, "begin", "send 0 a"}, {3, "break 0", "wait 600000"}, {4, "cancel", "fail cancelled 0"});
	fixture_free(&f);
}

TEST(time_never_goes_back) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.pool.limits.deadline_ms = 1000;
	PLAY(&f, {100, "begin", "send 0 a"}, {700, "break 0", "send 1 b"}, {300, "next", ""});
	CHECK_INT(route_request_elapsed_ms(f.request), 600);
	CONTINUE(&f, {200, "ok 1", "return 1"});
	fixture_free(&f);
}

TEST(escalation_without_tiers_is_failover) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_ESCALATE, .outcome = OUTCOME_RATE_LIMIT};
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 b"}, {2, "ok 1", "return 1"});
	fixture_free(&f);
}

TEST(a_cancelled_request_stops_its_attempt) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {5, "cancel", "cancel 0; fail cancelled 0"}, {6, "cancel", ""},
	     {7, "stopped 0", ""}, {8, "next", ""});
	CHECK_INT(fixture_snapshot(&f, "a", 9).inflight, 0);
	struct model_statistics statistics;
	model_state_counts(fixture_model(&f, "a")->state, &statistics);
	CHECK_INT(statistics.cancelled, 1);
	CHECK_INT(statistics.success + statistics.fail_fast + statistics.rate_limit + statistics.refusal, 0);
	fixture_free(&f);
}

TEST(it_can_be_cancelled_at_any_point) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "cancel", "fail cancelled"}, {1, "begin", ""});
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_RETRY, .after_ms = 100};
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "break 0", "wait 100"}, {2, "cancel", "fail cancelled 0"},
	     {200, "next", ""});
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "commit 0", ""}, {2, "cancel", "cancel 0; fail cancelled 0"},
	     {3, "ok 0", ""});
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "stopped 0", "fail stopped 0"});
	fixture_free(&f);
}

// Also by its driver: before it begins, and when an attempt can't be made.
TEST(it_can_be_refused) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "forbid", "fail refused after 1000"}, {1, "begin", ""});
	CHECK_INT(f.request->result.status, 400);
	CHECK_INT(f.request->result.outcome, OUTCOME_FAIL_FAST);
	PLAY(&f, {0, "begin", "send 0 a"}, {0, "forbid", "cancel 0; fail refused 0 after 1000"}, {0, "stopped 0", ""});
	CHECK_SLICE(f.request->result.error, SLICE("ValidationException"));
	CHECK_SLICE(f.request->response.message, SLICE("The body is no JSON object."));
	CHECK_INT(fixture_snapshot(&f, "a", 9).inflight, 0);
	fixture_free(&f);
}

TEST(nothing_is_sent_after_the_commit) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {5, "commit 0", ""}, {9, "ok 0", "return 0"});
	PLAY(&f, {10, "begin", "send 0 a"}, {15, "commit 0", ""}, {16, "commit 0", ""},
	     {19, "break 0", "fail failed 0 after 1000"});
	CHECK_INT(fixture_snapshot(&f, "a", 20).failures, 1);
	PLAY(&f, {30, "begin", "send 0 a"}, {35, "commit 0", ""}, {39, "throttle 0", "fail failed 0 after 1000"});
	CHECK_INT(fixture_snapshot(&f, "a", 40).cooldown_until_ms, 1039);
	PLAY(&f, {2000, "begin", "send 0 a"}, {2005, "commit 0", ""}, {2009, "refuse 0", "return 0"});
	fixture_free(&f);
}

TEST(the_commit_of_a_probe_admits_another) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_break(&f, "a", 0);
	PLAY(&f, {30000, "begin", "send 0 a"}, {30010, "commit 0", ""});
	struct route_request *first = f.request;
	CHECK_INT(fixture_snapshot(&f, "a", 30010).successes, 1);
	PLAY(&f, {30020, "begin", "send 0 a"}, {30030, "commit 0", ""});
	CHECK_INT(fixture_snapshot(&f, "a", 30030).breaker, BREAKER_CLOSED);
	CHECK_INT(fixture_count_events(&f, "breaker-changed"), 2);
	CONTINUE(&f, {90000, "ok 0", "return 0"});
	struct line line = {90010, "break 0", "fail failed 0 after 1000"};
	play_line(__FILE__, __LINE__, first, &line);
	CHECK_INT(fixture_snapshot(&f, "a", 90010).failures, 1);
	fixture_free(&f);
}

TEST(timeouts_end_at_the_deadline) {
	struct fixture f;
	fixture_init(&f, "a b c");
	f.pool.limits.deadline_ms = 10000;
	fixture_new_request(&f, 500);
	struct step step = route_begin(f.request, 500);
	CHECK_INT(step.options.timeout_ms, 10000);
	CHECK_INT(step.options.ttft_ms, 10000);
	f.options = (struct attempt_options){.timeout_ms = 3000, .ttft_ms = 700};
	struct attempt_result result = result_of("break");
	step = route_attempt_ended(f.request, 0, &result, 6500);
	CHECK_INT(step.options.timeout_ms, 3000);
	CHECK_INT(step.options.ttft_ms, 700);
	step = route_attempt_ended(f.request, 1, &result, 9500);
	CHECK_INT(step.options.timeout_ms, 1000);
	CHECK_INT(step.options.ttft_ms, 700);
	CONTINUE(&f, {10500, "break 2", "fail deadline 2 after 1000"});
	fixture_free(&f);
}

TEST(options_default_to_the_model_then_to_the_policy) {
	struct fixture f;
	fixture_init(&f, "a");
	struct model *a = fixture_model(&f, "a");
	a->timeout_ms = 7000;
	a->ttft_ms = 0;
	fixture_new_request(&f, 0);
	struct step step = route_begin(f.request, 0);
	CHECK_INT(step.options.timeout_ms, 7000);
	CHECK_INT(step.options.ttft_ms, 30000);
	CONTINUE(&f, {1, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(the_deadline_ends_a_request) {
	struct fixture f;
	fixture_init(&f, "a b c");
	f.pool.limits.deadline_ms = 1000;
	PLAY(&f, {0, "begin", "send 0 a"}, {1000, "break 0", "fail deadline 0 after 1000"});
	PLAY(&f, {0, "begin", "send 0 a"}, {999, "break 0", "send 1 b"}, {1000, "reject 1", "fail failed 1 after 1000"});
	PLAY(&f, {0, "begin", "send 0 a"}, {900, "commit 0", ""}, {9000, "ok 0", "return 0"});
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_RETRY, .outcome = OUTCOME_FAIL_FAST, .after_ms = 500};
	PLAY(&f, {0, "begin", "send 0 a"}, {400, "break 0", "wait 500"}, {1200, "next", "fail deadline 0 after 1000"});
	PLAY(&f, {0, "begin", "send 0 a"}, {500, "break 0", "fail deadline 0 after 1000"});
	fixture_free(&f);
}

TEST(a_request_waits_for_a_model_to_return) {
	struct fixture f;
	fixture_init(&f, "a");
	f.pool.limits.max_wait_ms = 40000;
	fixture_break(&f, "a", 1000);
	PLAY(&f, {2000, "begin", "wait 29000"}, {31000, "next", "send 0 a"});
	struct route_request *first = f.request;
	// The only probe is in flight: the next request polls.
	PLAY(&f, {31000, "begin", "wait 50"}, {31050, "next", "wait 50"});
	struct line success = {31060, "ok 0", "return 0"};
	play_line(__FILE__, __LINE__, first, &success);
	CONTINUE(&f, {31100, "next", "send 0 a"}, {31110, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(a_wait_has_its_bounds) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.pool.limits.max_wait_ms = 10000;
	fixture_break(&f, "a", 0);
	fixture_break(&f, "b", 0);
	PLAY(&f, {0, "begin", "wait 10000"}, {10000, "next", "fail no-models unavailable after 20000"});
	f.pool.limits.deadline_ms = 4000;
	PLAY(&f, {0, "begin", "wait 4000"}, {4000, "next", "fail deadline after 26000"});
	f.pool.limits.deadline_ms = 0;
	PLAY(&f, {0, "begin", "wait 10000"}, {500, "cancel", "fail cancelled"});
	model_state_force_open(fixture_model(&f, "a")->state, 0);
	model_state_force_open(fixture_model(&f, "b")->state, 0);
	PLAY(&f, {0, "begin", "fail no-models unavailable after 5000"});
	fixture_free(&f);
}

TEST(tried_models_are_not_waited_for) {
	struct fixture f;
	fixture_init(&f, "a");
	f.pool.limits.max_wait_ms = 10000;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "fail exhausted 0 after 1000"});
	fixture_free(&f);
}

static void open_breaker_of_a(struct fixture *f) {
	if (f->selections == 1)
		model_state_force_open(fixture_model(f, "a")->state, 0);
}

TEST(a_breaker_that_opens_before_sending_means_another_selection) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.pool.limits.max_retries = 0;
	f.before_send = open_breaker_of_a;
	PLAY(&f, {0, "begin", "send 0 b"}, {1, "ok 0", "return 0"});
	CHECK_INT(f.selections, 2);
	fixture_free(&f);
}

// The selected model no longer admits when it is sent to, and the others admit again.
static void open_breaker_of_first(struct fixture *f) {
	for (size_t i = 0; i < f->pool.count; i++)
		model_state_reset_breaker(f->pool.models[i].state, 0);
	model_state_force_open(f->listed.list[0]->state, 0);
}

TEST(repeated_losses_of_admission_end_the_selection) {
	struct fixture f;
	fixture_init(&f, "a b c");
	f.pool.limits.max_wait_ms = 100;
	f.before_send = open_breaker_of_first;
	PLAY(&f, {0, "begin", "wait 50"});
	CHECK_INT(f.selections, 3);
	f.before_send = NULL;
	CONTINUE(&f, {50, "next", "send 0 a"}, {51, "ok 0", "return 0"});
	fixture_free(&f);
}

static struct permit taken;

static void take_the_last_resort(struct fixture *f) {
	struct state_changes changes;
	const struct model *a = fixture_model(f, "a");
	CHECK(model_state_admit(a->state, ADMISSION_REQUEST(a), ADMIT_LAST_RESORT, 1, &taken, &changes));
}

TEST(a_last_resort_that_is_lost_before_sending_is_busy) {
	struct fixture f;
	struct state_changes changes;
	struct settlement settlement = {.outcome = OUTCOME_CANCELLED, .ttft_ms = -1};
	fixture_init(&f, "a");
	fixture_cool_down(&f, "a", 1000, false, 0);
	f.before_send = take_the_last_resort;
	PLAY(&f, {1, "begin", "fail no-models unavailable after 999"});
	const struct model *a = fixture_model(&f, "a");
	model_state_settle(a->state, ADMISSION_REQUEST(a), &taken, &settlement, 2, &changes);
	f.before_send = NULL;
	PLAY(&f, {3, "begin", "send 0 a"}, {4, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(a_failure_stays_a_failure_whatever_the_policy_says) {
	static const enum outcome outcomes[] = {OUTCOME_SUCCESS, OUTCOME_FAIL_FAST, OUTCOME_REFUSAL, OUTCOME_CANCELLED};
	struct fixture f;
	fixture_init(&f, "a");
	f.classifies = true;
	for (size_t i = 0; i < 4; i++) {
		f.classification = (struct classification){.verdict = VERDICT_FAIL, .outcome = outcomes[i]};
		PLAY(&f, {0, "begin", "send 0 a"}, {1, "break 0", "fail failed 0 after 1000"});
	}
	struct model_statistics statistics;
	model_state_counts(fixture_model(&f, "a")->state, &statistics);
	CHECK_INT(statistics.fail_fast, 4);
	fixture_free(&f);
}

TEST(without_memory_there_is_no_request) {
	struct fixture f;
	fixture_init(&f, "a b");
	arena_init(&f.arena, 64);
	CHECK_INT(route_request_new(&f.route, &f.attributes, &f.arena, 0, &f.request), ERROR_MEMORY);
	CHECK(f.request == NULL);
	fixture_free(&f);
}

int main(void) {
	RUN(the_first_response_is_returned);
	RUN(a_failing_model_is_failed_over_without_delay);
	RUN(the_callers_error_ends_a_request);
	RUN(nothing_is_learnt_of_a_model_from_what_the_gateway_lacks);
	RUN(retries_are_bounded);
	RUN(with_all_models_failed_retries_are_exhausted);
	RUN(refusals_alone_are_reported_as_such);
	RUN(a_whole_response_may_be_refused);
	RUN(an_undecided_policy_ends_the_request);
	RUN(nothing_is_sent_while_the_policy_is_undecided);
	RUN(an_undecided_hedge_leaves_the_first_attempt_alone);
	RUN(a_request_without_a_model_says_why);
	RUN(a_reason_for_selecting_none_is_an_event);
	RUN(none_selected_after_a_failure_is_exhausted);
	RUN(a_selection_that_is_no_candidate_falls_to_the_default);
	RUN(a_retry_waits_and_counts);
	RUN(a_retry_ignores_cooldowns_but_not_the_breaker);
	RUN(extreme_limits_are_capped);
	RUN(time_never_goes_back);
	RUN(escalation_without_tiers_is_failover);
	RUN(a_cancelled_request_stops_its_attempt);
	RUN(it_can_be_cancelled_at_any_point);
	RUN(it_can_be_refused);
	RUN(nothing_is_sent_after_the_commit);
	RUN(the_commit_of_a_probe_admits_another);
	RUN(timeouts_end_at_the_deadline);
	RUN(options_default_to_the_model_then_to_the_policy);
	RUN(the_deadline_ends_a_request);
	RUN(a_request_waits_for_a_model_to_return);
	RUN(a_wait_has_its_bounds);
	RUN(tried_models_are_not_waited_for);
	RUN(a_breaker_that_opens_before_sending_means_another_selection);
	RUN(repeated_losses_of_admission_end_the_selection);
	RUN(a_last_resort_that_is_lost_before_sending_is_busy);
	RUN(a_failure_stays_a_failure_whatever_the_policy_says);
	RUN(without_memory_there_is_no_request);
	return check_summary();
}

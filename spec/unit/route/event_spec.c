// SPDX-License-Identifier: Apache-2.0
// The events of requests: each kind of record with its fields, over the ways that a request can take; and
// one end for each attempt that has started.
#include "fixture.h"

// The names of all events so far, separated by " "; the names of one event are separated by "+".
static const char *event_names_of(const struct fixture *f) {
	static char text[2048];
	size_t used = 0;
	*text = '\0';
	for (size_t i = 0; i < f->event_count; i++) {
		const char *names[EVENT_NAMES_MAX];
		size_t count = event_names(&f->events[i].event, names);
		for (size_t j = 0; j < count; j++)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", j ? "+" : i ? " " : "", names[j]);
	}
	return text;
}

static const struct attempt_ended *attempt_end(const struct fixture *f, size_t number) {
	return &fixture_event(f, EVENT_ATTEMPT_ENDED, number)->attempt_ended;
}

// Each attempt and each request that has started has exactly one end, with the same start.
static void check_ends(const char *file, int line, const struct fixture *f) {
	size_t starts = 0, ends = 0, requests = 0;
	for (size_t i = 0; i < f->event_count; i++) {
		const struct event *event = &f->events[i].event;
		CHECK(event->request == &f->attributes);
		starts += event->kind == EVENT_ATTEMPT_STARTED;
		ends += event->kind == EVENT_ATTEMPT_ENDED;
		requests += event->kind == EVENT_REQUEST_ENDED;
	}
	if (starts != ends || requests != 1 || starts != route_request_attempts(f->request))
		check_report(file, line, "ends");
	for (size_t i = 0; i < ends; i++) {
		const struct event *end = fixture_event(f, EVENT_ATTEMPT_ENDED, i);
		const struct event *start = fixture_event(f, EVENT_ATTEMPT_STARTED, end->attempt);
		CHECK_INT(start->attempt, end->attempt);
		CHECK(start->model == end->model);
		CHECK_INT(start->attempt_started.started_ms, end->attempt_ended.start.started_ms);
		CHECK_INT(start->attempt_started.cause, end->attempt_ended.start.cause);
	}
}
#define CHECK_ENDS(f) check_ends(__FILE__, __LINE__, f)

TEST(a_success) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.reason = SLICE("the cheapest");
	fixture_model(&f, "a")->region = memory_string(SLICE("us-west-2"));
	PLAY(&f, {1000, "begin", "send 0 a"}, {1010, "ok 0", "return 0"});
	CHECK_STRING(event_names_of(&f), "request model-selected model-invocation-start model-invocation-complete success");
	CHECK_ENDS(&f);
	const struct event *selected = fixture_event(&f, EVENT_MODEL_SELECTED, 0);
	CHECK_STRING(selected->model->name, "a");
	CHECK_INT(selected->at_ms, 1000);
	CHECK_INT(selected->selected.candidates.count, 2);
	CHECK_SLICE(selected->selected.reason, SLICE("the cheapest"));
	const struct event *start = fixture_event(&f, EVENT_ATTEMPT_STARTED, 0);
	CHECK_INT(start->attempt_started.cause, CAUSE_SELECTION);
	CHECK_STRING(start->attempt_started.region, "us-west-2");
	CHECK_INT(start->attempt_started.tier, TIER_NONE);
	CHECK_INT(start->attempt_started.started_ms, 1000);
	const struct attempt_ended *end = attempt_end(&f, 0);
	CHECK_INT(end->outcome, OUTCOME_SUCCESS);
	CHECK(!end->failure && !end->classification && !end->is_stopped && !end->is_committed && !end->lacked_tier);
	CHECK_INT(end->latency_ms, 10);
	CHECK_INT(end->ttft_ms, -1);
	CHECK_INT(end->usage.input_tokens, -1);
	CHECK_INT(fixture_event(&f, EVENT_ATTEMPT_ENDED, 0)->at_ms, 1010);
	const struct event *over = fixture_event(&f, EVENT_REQUEST_ENDED, 0);
	CHECK_STRING(over->model->name, "a");
	CHECK_INT(over->at_ms, 1010);
	CHECK_INT(over->request_ended.started_ms, 1000);
	CHECK(!over->request_ended.has_failed);
	CHECK_INT(over->request_ended.result->outcome, OUTCOME_SUCCESS);
	CHECK_INT(over->request_ended.result->attempts, 1);
	CHECK_INT(over->request_ended.result->latency_ms, 10);
	fixture_free(&f);
}

TEST(a_failover) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "starve 0", "send 1 b"}, {2, "ok 1", "return 1"});
	CHECK_STRING(event_names_of(&f), "request model-selected model-invocation-start model-invocation-complete "
	                                 "model-cooldown model-selected model-invocation-start model-invocation-complete "
	                                 "success");
	CHECK_ENDS(&f);
	const struct attempt_ended *end = attempt_end(&f, 0);
	CHECK_INT(end->outcome, OUTCOME_RATE_LIMIT);
	CHECK_SLICE(end->failure->name, SLICE("ThrottlingException"));
	CHECK_INT(end->status, 429);
	CHECK_INT(end->classification->verdict, VERDICT_FAILOVER);
	const struct event *cooldown = fixture_event(&f, EVENT_COOLDOWN_STARTED, 0);
	CHECK_STRING(cooldown->model->name, "a");
	CHECK_INT(cooldown->cooldown.length_ms, 1000);
	CHECK_INT(cooldown->cooldown.tier, TIER_NONE);
	CHECK(!cooldown->cooldown.is_deprioritized && cooldown->cooldown.failure);
	CHECK_INT(fixture_event(&f, EVENT_ATTEMPT_STARTED, 1)->attempt_started.cause, CAUSE_SELECTION);
	CHECK_STRING(fixture_event(&f, EVENT_ATTEMPT_STARTED, 1)->attempt_started.region, "eu-west-1");
	fixture_free(&f);
}

// What a log with one line for each request shows of it.
TEST(the_end_of_a_request_has_a_summary_of_each_attempt) {
	struct fixture f;
	struct attempt_summary first, second;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "starve 0", "send 1 b"}, {2, "ok 1", "return 1"});
	const struct route_request *routing = fixture_event(&f, EVENT_REQUEST_ENDED, 0)->request_ended.routing;
	CHECK_INT(route_request_attempts(routing), 2);
	route_request_attempt(routing, 0, &first);
	CHECK_STRING(first.model->name, "a");
	CHECK(first.is_over);
	CHECK_INT(first.outcome, OUTCOME_RATE_LIMIT);
	CHECK_SLICE(first.error, SLICE("ThrottlingException"));
	CHECK_INT(first.latency_ms, 10);
	route_request_attempt(routing, 1, &second);
	CHECK_STRING(second.model->name, "b");
	CHECK_INT(second.outcome, OUTCOME_SUCCESS);
	CHECK_INT(second.error.len, 0);
	fixture_free(&f);
}

TEST(a_failure_with_its_breaker) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_model(&f, "a")->breaker.failure_threshold = 1;
	f.pool.limits.max_retries = 0;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "break 0", "fail exhausted 0 after 1000"});
	CHECK_STRING(event_names_of(&f), "request model-selected model-invocation-start model-invocation-complete "
	                                 "breaker-changed error");
	CHECK_ENDS(&f);
	const struct event *opened = fixture_event(&f, EVENT_BREAKER_CHANGED, 0);
	CHECK_STRING(opened->model->name, "a");
	CHECK_INT(opened->breaker.from, BREAKER_CLOSED);
	CHECK_INT(opened->breaker.to, BREAKER_OPEN);
	CHECK_INT(opened->breaker.cause, BREAKER_BY_FAILURES);
	CHECK_INT(opened->breaker.failure->status, 503);
	const struct event *over = fixture_event(&f, EVENT_REQUEST_ENDED, 0);
	CHECK(over->request_ended.has_failed);
	CHECK_INT(over->request_ended.error, ROUTE_RETRIES_EXHAUSTED);
	CHECK_INT(over->request_ended.result->outcome, OUTCOME_FAIL_FAST);
	CHECK_INT(over->request_ended.result->status, 503);
	f.event_count = 0;
	PLAY(&f, {2, "begin", "send 0 b"}, {3, "ok 0", "return 0"});
	CHECK_STRING(event_names_of(&f), "request model-circuit-open-skipped model-selected model-invocation-start "
	                                 "model-invocation-complete success");
	CHECK_STRING(fixture_event(&f, EVENT_MODEL_SKIPPED, 0)->model->name, "a");
	fixture_free(&f);
}

TEST(a_breaker_that_recovers) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_model(&f, "a")->breaker = (struct breaker_settings){1, 1000, 1, 60000, 1};
	fixture_break(&f, "a", 0);
	PLAY(&f, {2000, "begin", "send 0 a"}, {2001, "break 0", "fail exhausted 0 after 1000"});
	PLAY(&f, {4000, "begin", "send 0 a"}, {4001, "ok 0", "return 0"});
	static const struct {
		enum breaker_state from, to;
		enum breaker_cause cause;
	} expected[] = {
	    {BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_BY_RECOVERY},
	    {BREAKER_HALF_OPEN, BREAKER_OPEN, BREAKER_BY_PROBE},
	    {BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_BY_RECOVERY},
	    {BREAKER_HALF_OPEN, BREAKER_CLOSED, BREAKER_BY_SUCCESSES},
	};
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		const struct breaker_changed *change = &fixture_event(&f, EVENT_BREAKER_CHANGED, i)->breaker;
		CHECK_INT(change->from, expected[i].from);
		CHECK_INT(change->to, expected[i].to);
		CHECK_INT(change->cause, expected[i].cause);
	}
	CHECK_INT(fixture_count_events(&f, "breaker-changed"), 4);
	fixture_free(&f);
}

TEST(the_operators_errors_deprioritize_a_model) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "deny 0", "send 1 b"}, {2, "ok 1", "return 1"});
	const struct cooldown_started *cooldown = &fixture_event(&f, EVENT_COOLDOWN_STARTED, 0)->cooldown;
	CHECK(cooldown->is_deprioritized);
	CHECK_INT(cooldown->length_ms, 30000);
	CHECK_INT(cooldown->failure->status, 403);
	fixture_free(&f);
}

TEST(a_hedge_and_the_attempt_that_it_beats) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.hedges_after_ms = 50;
	PLAY(&f, {0, "begin", "send 0 a; wait 50"}, {50, "next", "send 1 b"}, {60, "commit 1", "cancel 0"},
	     {61, "ok 0", ""}, {70, "ok 1", "return 1"});
	CHECK_ENDS(&f);
	CHECK_INT(fixture_event(&f, EVENT_ATTEMPT_STARTED, 1)->attempt_started.cause, CAUSE_HEDGE);
	CHECK_INT(fixture_event(&f, EVENT_ATTEMPT_STARTED, 1)->at_ms, 50);
	const struct attempt_ended *beaten = attempt_end(&f, 0), *winner = attempt_end(&f, 1);
	CHECK_INT(beaten->outcome, OUTCOME_CANCELLED);
	CHECK(beaten->is_stopped && !beaten->is_committed);
	CHECK_INT(winner->outcome, OUTCOME_SUCCESS);
	CHECK(winner->is_committed && !winner->is_stopped);
	CHECK_INT(winner->start.started_ms, 50);
	fixture_free(&f);
}

TEST(a_retry) {
	struct fixture f;
	fixture_init(&f, "a");
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_RETRY, .outcome = OUTCOME_FAIL_FAST, .after_ms = 20};
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "break 0", "wait 20"}, {21, "next", "send 1 a"}, {22, "ok 1", "return 1"});
	CHECK_ENDS(&f);
	CHECK_INT(attempt_end(&f, 0)->classification->verdict, VERDICT_RETRY);
	CHECK_INT(fixture_event(&f, EVENT_ATTEMPT_STARTED, 1)->attempt_started.cause, CAUSE_RETRY);
	CHECK_INT(fixture_count_events(&f, "model-selected"), 1);
	fixture_free(&f);
}

TEST(an_escalation) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.pool.limits.tier_escalation = (struct tier_ladder){{TIER_PRIORITY}, 1};
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 a up to priority"}, {2, "ok 1", "return 1"});
	CHECK_STRING(event_names_of(&f), "request model-selected model-invocation-start model-invocation-complete "
	                                 "model-cooldown tier-escalation+model-invocation-start "
	                                 "model-invocation-complete+tier-escalation-success success");
	CHECK_ENDS(&f);
	CHECK_INT(fixture_event(&f, EVENT_COOLDOWN_STARTED, 0)->cooldown.tier, TIER_DEFAULT);
	const struct attempt_ended *end = attempt_end(&f, 1);
	CHECK_INT(end->start.cause, CAUSE_ESCALATION);
	CHECK_INT(end->start.tier, TIER_PRIORITY);
	CHECK(end->start.is_escalated);
	fixture_free(&f);
}

TEST(a_tier_that_is_missing) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_model(&f, "a")->tier = TIER_FLEX;
	PLAY(&f, {0, "begin", "send 0 a at flex"}, {1, "lack 0", "send 1 a"}, {2, "ok 1", "return 1"});
	CHECK_ENDS(&f);
	const struct attempt_ended *end = attempt_end(&f, 0);
	CHECK_INT(end->outcome, OUTCOME_CANCELLED);
	CHECK(end->lacked_tier && !end->is_stopped && !end->failure);
	CHECK_INT(end->start.tier, TIER_FLEX);
	CHECK_INT(fixture_event(&f, EVENT_ATTEMPT_STARTED, 1)->attempt_started.cause, CAUSE_MISSING_TIER);
	fixture_free(&f);
}

TEST(a_refusal) {
	struct fixture f;
	fixture_init(&f, "a b");
	f.decide.accept = fixture_accept;
	f.refuses = "a";
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "whole 0", "send 1 b"}, {2, "whole 1", "return 1"});
	CHECK_STRING(event_names_of(&f), "request model-selected model-invocation-start "
	                                 "model-invocation-complete+refusal-detected model-selected model-invocation-start "
	                                 "model-invocation-complete success");
	CHECK_ENDS(&f);
	CHECK_INT(attempt_end(&f, 0)->outcome, OUTCOME_REFUSAL);
	CHECK_SLICE(attempt_end(&f, 0)->reason, SLICE("not good enough"));
	CHECK(!attempt_end(&f, 0)->failure);
	fixture_free(&f);
}

TEST(a_client_that_leaves) {
	struct fixture f;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "break 0", "send 1 b"}, {2, "cancel", "cancel 1; fail cancelled 1"},
	     {3, "stopped 1", ""});
	CHECK_ENDS(&f);
	const struct request_ended *over = &fixture_event(&f, EVENT_REQUEST_ENDED, 0)->request_ended;
	CHECK_INT(over->error, ROUTE_CANCELLED);
	CHECK_INT(over->result->outcome, OUTCOME_CANCELLED);
	CHECK_INT(over->result->status, 0);
	CHECK_INT(attempt_end(&f, 1)->outcome, OUTCOME_CANCELLED);
	CHECK(attempt_end(&f, 1)->is_stopped);
	fixture_free(&f);
}

TEST(a_request_that_no_model_serves) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_serves(&f, "a", "x*");
	PLAY(&f, {0, "begin", "fail no-models unserved after 0"});
	CHECK_STRING(event_names_of(&f), "request error");
	const struct event *over = fixture_event(&f, EVENT_REQUEST_ENDED, 0);
	CHECK(!over->model);
	CHECK_INT(over->request_ended.error, ROUTE_NO_MODELS_AVAILABLE);
	CHECK_INT(over->request_ended.why, NO_MODELS_NOT_SERVED);
	CHECK_INT(over->request_ended.result->status, 404);
	fixture_free(&f);
}

int main(void) {
	RUN(a_success);
	RUN(a_failover);
	RUN(the_end_of_a_request_has_a_summary_of_each_attempt);
	RUN(a_failure_with_its_breaker);
	RUN(a_breaker_that_recovers);
	RUN(the_operators_errors_deprioritize_a_model);
	RUN(a_hedge_and_the_attempt_that_it_beats);
	RUN(a_retry);
	RUN(an_escalation);
	RUN(a_tier_that_is_missing);
	RUN(a_refusal);
	RUN(a_client_that_leaves);
	RUN(a_request_that_no_model_serves);
	return check_summary();
}

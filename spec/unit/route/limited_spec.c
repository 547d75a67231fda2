// SPDX-License-Identifier: Apache-2.0
// Requests over models with quotas: which models are left out, what is given back, and retry-after.
#include <pthread.h>

#include "fixture.h"

TEST(a_model_without_room_is_left_out) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_quota(&f, "a", 2, 0);
	for (uint64_t i = 0; i < 2; i++)
		PLAY(&f, {1000 + i, "begin", "send 0 a"}, {1001 + i, "ok 0", "return 0"});
	f.selections = 0;
	PLAY(&f, {1002, "begin", "send 0 b"}, {1003, "ok 0", "return 0"});
	CHECK_INT(f.selections, 1);
	CHECK_INT(f.listed.count, 1);
	PLAY(&f, {61999, "begin", "send 0 b"}, {61999, "ok 0", "return 0"});
	PLAY(&f, {62000, "begin", "send 0 a"}, {62000, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(retry_after_is_when_there_is_room) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_quota(&f, "a", 0, 1000);
	f.attributes.input_tokens = 100;
	f.attributes.max_tokens = 500;
	PLAY(&f, {5500, "begin", "send 0 a"}, {6000, "ok 0", "return 0"});
	PLAY(&f, {7000, "begin", "fail no-models unavailable after 59000"});
	f.attributes.max_tokens = 300;
	PLAY(&f, {7000, "begin", "send 0 a"}, {8000, "break 0", "fail exhausted 0 after 58000"});
	f.pool.limits.max_wait_ms = 60000;
	f.attributes.max_tokens = 500;
	PLAY(&f, {8000, "begin", "wait 58000"}, {66000, "next", "send 0 a"}, {66001, "ok 0", "return 0"});
	fixture_free(&f);
}

TEST(unused_reservations_are_room_again) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_quota(&f, "a", 0, 1000);
	f.attributes.input_tokens = 100;
	f.attributes.max_tokens = 800;
	PLAY(&f, {0, "begin", "send 0 a"});
	struct route_request *first = f.request;
	PLAY(&f, {1, "begin", "send 0 b"}, {2, "ok 0", "return 0"});
	CHECK_NEAR(fixture_snapshot(&f, "a", 2).headroom, 0.1, 1e-9);
	CHECK_NEAR(fixture_snapshot(&f, "b", 2).headroom, 1, 1e-9);
	struct attempt_result result = result_of("ok");
	result.usage = (struct token_usage){70, 30, -1, -1};
	CHECK_INT(route_attempt_ended(first, 0, &result, 3).kind, STEP_RETURN);
	CHECK_NEAR(fixture_snapshot(&f, "a", 3).headroom, 0.9, 1e-9);
	PLAY(&f, {4, "begin", "send 0 a"}, {5, "reject 0", "fail failed 0 after 1000"});
	CHECK_NEAR(fixture_snapshot(&f, "a", 5).headroom, 0.9, 1e-9);
	PLAY(&f, {6, "begin", "send 0 a"}, {7, "cancel", "cancel 0; fail cancelled 0"}, {8, "stopped 0", ""});
	CHECK_NEAR(fixture_snapshot(&f, "a", 8).headroom, 0.8, 1e-9);
	// The input counts for a throttle in the middle of a stream.
	f.attributes.max_tokens = 10;
	PLAY(&f, {9, "begin", "send 0 a"}, {10, "commit 0", ""});
	result = result_of("throttle");
	result.failure.kind = FAILURE_STREAM;
	result.ttft_ms = 1;
	CHECK_INT(route_attempt_ended(f.request, 0, &result, 11).kind, STEP_FAIL);
	CHECK_NEAR(fixture_snapshot(&f, "a", 11).headroom, 0.7, 1e-9);
	fixture_free(&f);
}

TEST(a_request_that_waits_for_tokens_gets_those_given_back) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_quota(&f, "a", 2, 1000);
	f.pool.limits.max_wait_ms = 90000;
	f.attributes.input_tokens = 100;
	f.attributes.max_tokens = 800;
	PLAY(&f, {0, "begin", "send 0 a"});
	struct route_request *first = f.request;
	PLAY(&f, {10, "begin", "wait 50"}, {60, "next", "wait 50"});
	struct attempt_result result = result_of("ok");
	result.usage = (struct token_usage){70, 30, -1, -1};
	CHECK_INT(route_attempt_ended(first, 0, &result, 100).kind, STEP_RETURN);
	CONTINUE(&f, {110, "next", "send 0 a"});
	struct route_request *second = f.request;
	// Only time gives requests back, and tokens don't shorten a cooldown.
	PLAY(&f, {120, "begin", "wait 60880"}, {130, "cancel", "fail cancelled"});
	fixture_quota(&f, "a", 3, 1000);
	fixture_cool_down(&f, "a", 500, false, 130);
	PLAY(&f, {140, "begin", "wait 60860"}, {141, "cancel", "fail cancelled"});
	fixture_quota(&f, "a", 9, 1000);
	PLAY(&f, {140, "begin", "wait 490"}, {630, "next", "wait 50"}, {640, "cancel", "fail cancelled"});
	struct line line = {700, "ok 0", "return 0"};
	play_line(__FILE__, __LINE__, second, &line);
	PLAY(&f, {710, "begin", "wait 60290"}, {720, "cancel", "fail cancelled"});
	fixture_free(&f);
}

TEST(no_room_is_kept_for_a_large_request_that_waits) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_quota(&f, "a", 0, 1000);
	f.pool.limits.max_wait_ms = 60000;
	f.attributes.input_tokens = 500;
	PLAY(&f, {1000, "begin", "send 0 a"}, {1001, "ok 0", "return 0"});
	f.attributes.input_tokens = 900;
	PLAY(&f, {1500, "begin", "wait 60000"});
	struct route_request *large = f.request;
	f.attributes.input_tokens = 200;
	PLAY(&f, {30000, "begin", "send 0 a"}, {30001, "ok 0", "return 0"});
	f.request = large;
	CONTINUE(&f, {61000, "next", "wait 500"}, {61500, "next", "fail no-models unavailable after 29500"});
	fixture_free(&f);
}

TEST(without_max_tokens_the_input_alone_is_reserved) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_quota(&f, "a", 0, 1000);
	f.attributes.input_tokens = 100;
	f.attributes.max_tokens = -1;
	PLAY(&f, {1000, "begin", "send 0 a"});
	CHECK_NEAR(fixture_snapshot(&f, "a", 1000).headroom, 0.9, 1e-9);
	struct attempt_result result = result_of("ok");
	result.usage = (struct token_usage){100, 400, -1, -1};
	CHECK_INT(route_attempt_ended(f.request, 0, &result, 1100).kind, STEP_RETURN);
	CHECK_NEAR(fixture_snapshot(&f, "a", 1100).headroom, 0.5, 1e-9);
	fixture_free(&f);
}

TEST(a_request_beyond_the_whole_quota_runs_alone) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_quota(&f, "a", 0, 1000);
	f.attributes.input_tokens = 5000;
	PLAY(&f, {0, "begin", "send 0 a"});
	struct route_request *first = f.request;
	PLAY(&f, {1, "begin", "fail no-models unavailable after 60999"});
	f.attributes.input_tokens = 1;
	PLAY(&f, {2, "begin", "fail no-models unavailable after 60998"});
	struct line line = {3, "throttle 0", "fail exhausted 0 after 1000"};
	play_line(__FILE__, __LINE__, first, &line);
	fixture_free(&f);
}

TEST(a_throttle_shows_the_use_of_others) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_quota(&f, "a", 0, 600);
	fixture_quota(&f, "b", 50, 0);
	f.attributes.input_tokens = 10;
	PLAY(&f, {0, "begin", "send 0 a"}, {0, "starve 0", "send 1 b"}, {0, "starve 1", "fail exhausted 1 after 1000"});
	CHECK_NEAR(fixture_snapshot(&f, "a", 0).headroom, 0, 1e-9);
	CHECK_NEAR(fixture_snapshot(&f, "b", 0).headroom, 0.98, 1e-9);
	// A second after the throttle the cooldown is over, and a sixtieth of the quota is free.
	PLAY(&f, {1000, "begin", "send 0 a"}, {1000, "ok 0", "return 0"});
	PLAY(&f, {1001, "begin", "send 0 b"}, {1001, "ok 0", "return 0"});
	PLAY(&f, {2000, "begin", "send 0 a"}, {2000, "ok 0", "return 0"});
	// An operator's reset forgets the use of others, but not our own.
	model_state_reset_breaker(fixture_model(&f, "a")->state, 2000);
	CHECK_NEAR(fixture_snapshot(&f, "a", 2000).headroom, 580.0 / 600, 1e-9);
	fixture_free(&f);
}

TEST(an_attempt_that_follows_a_throttle_is_not_held_up_by_it) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_quota(&f, "a", 3, 1000);
	f.attributes.input_tokens = 10;
	f.pool.limits.tier_escalation = (struct tier_ladder){{TIER_PRIORITY}, 1};
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "starve 0", "send 1 a up to priority"});
	f.classifies = true;
	f.classification = (struct classification){.verdict = VERDICT_RETRY, .outcome = OUTCOME_RATE_LIMIT};
	// Our own requests do count: three are three.
	CONTINUE(&f, {2, "starve 1", "send 2 a up to priority"}, {3, "starve 2", "send 3 b"}, {4, "ok 3", "return 3"});
	fixture_free(&f);
}

static void reserve_the_room(struct fixture *f) {
	const struct model *a = fixture_model(f, "a");
	struct permit permit;
	struct state_changes changes;
	struct settlement settlement = {.outcome = OUTCOME_CANCELLED, .ttft_ms = -1, .quota_use = QUOTA_UNTOUCHED};
	const struct admission_request admission_request = admission_request_of(a, (struct quota_demand){0});
	if (model_state_admit(a->state, &admission_request, ADMIT_AVAILABLE, 1, &permit, &changes))
		model_state_settle(a->state, &admission_request, &permit, &settlement, 1, &changes);
}

TEST(room_lost_before_sending_means_another_selection) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_quota(&f, "a", 1, 0);
	f.before_send = reserve_the_room;
	f.pool.limits.max_retries = 0;
	PLAY(&f, {1, "begin", "send 0 b"}, {2, "ok 0", "return 0"});
	CHECK_INT(f.selections, 2);
	fixture_free(&f);
}

TEST(a_last_resort_needs_room_too) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_quota(&f, "a", 1, 0);
	PLAY(&f, {0, "begin", "send 0 a"}, {0, "throttle 0", "send 1 b"}, {0, "ok 1", "return 1"});
	fixture_cool_down(&f, "b", 5000, false, 0);
	PLAY(&f, {10, "begin", "send 0 b"}, {20, "ok 0", "return 0"});
	model_state_force_open(fixture_model(&f, "b")->state, 30);
	PLAY(&f, {30, "begin", "fail no-models unavailable after 60970"});
	// Nor before the cooldown is over, nor before the breaker admits an attempt.
	f.pool.limits.max_wait_ms = 60000;
	PLAY(&f, {40001, "begin", "wait 20999"}, {40002, "cancel", "fail cancelled"});
	fixture_quota(&f, "a", 2, 0);
	fixture_cool_down(&f, "a", 40000, false, 41000);
	PLAY(&f, {41000, "begin", "wait 40000"}, {41001, "cancel", "fail cancelled"});
	fixture_quota(&f, "a", 0, 0);
	fixture_break(&f, "a", 101500);
	fixture_quota(&f, "a", 1, 0);
	PLAY(&f, {101500, "begin", "wait 30000"}, {101501, "cancel", "fail cancelled"});
	fixture_model(&f, "a")->breaker.recovery_time_ms = 100;
	PLAY(&f, {101502, "begin", "wait 498"}, {101503, "cancel", "fail cancelled"});
	fixture_free(&f);
}

TEST(a_policy_without_a_quota_has_headroom) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_quota(&f, "a", 1, 0);
	PLAY(&f, {0, "begin", "send 0 a"}, {0, "ok 0", "return 0"});
	CHECK_NEAR(fixture_snapshot(&f, "a", 0).headroom, 0, 1e-9);
	fixture_quota(&f, "a", 0, 0);
	PLAY(&f, {1, "begin", "send 0 a"}, {1, "ok 0", "return 0"});
	CHECK_NEAR(fixture_snapshot(&f, "a", 1).headroom, 1, 1e-9);
	fixture_free(&f);
}

enum { WORKERS = 3, EACH = 4000, LIMIT = 5000, TOKENS = 7 };

struct worker {
	struct fixture *f;
	uint64_t sent;
	pthread_t thread;
};

static void *run_worker(void *argument) {
	struct worker *worker = argument;
	const struct model *model = &worker->f->pool.models[0];
	const struct admission_request admission_request =
	    admission_request_of(model, (struct quota_demand){TOKENS, TOKENS});
	const struct settlement unused = {.outcome = OUTCOME_CANCELLED, .ttft_ms = -1, .quota_use = QUOTA_UNTOUCHED};
	const struct settlement used = {
	    .outcome = OUTCOME_SUCCESS, .ttft_ms = -1, .quota_use = QUOTA_WHOLE, .usage = {TOKENS, 0, -1, -1}};
	struct permit permit;
	struct state_changes changes;
	for (uint64_t i = 0; i < EACH; i++) {
		model_state_has_room(model->state, &model->quota, admission_request.demand);
		if (!model_state_admit(model->state, &admission_request, ADMIT_AVAILABLE, 1000 + i % 50000, &permit, &changes))
			continue;
		bool is_used = worker->sent++ % 2 == 0;
		model_state_settle(model->state, &admission_request, &permit, is_used ? &used : &unused, 50000, &changes);
	}
	return NULL;
}

TEST(workers_share_a_quota_exactly) {
	struct fixture f;
	struct worker workers[WORKERS] = {0};
	fixture_init(&f, "a");
	fixture_quota(&f, "a", LIMIT, 1000000);
	uint64_t sent = 0, used = 0;
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i].f = &f;
		CHECK_INT(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]), 0);
	}
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		sent += workers[i].sent;
		used += (workers[i].sent + 1) / 2;
	}
	CHECK_INT(sent, LIMIT);
	uint64_t requests, tokens;
	quota_used(&f.pool.models[0].state->quota, 50000, &requests, &tokens);
	CHECK_INT(requests, LIMIT);
	CHECK_INT(tokens, used * TOKENS);
	quota_used(&f.pool.models[0].state->quota, 120000, &requests, &tokens);
	CHECK_INT(requests + tokens, 0);
	fixture_free(&f);
}

int main(void) {
	RUN(a_model_without_room_is_left_out);
	RUN(retry_after_is_when_there_is_room);
	RUN(unused_reservations_are_room_again);
	RUN(a_request_that_waits_for_tokens_gets_those_given_back);
	RUN(no_room_is_kept_for_a_large_request_that_waits);
	RUN(without_max_tokens_the_input_alone_is_reserved);
	RUN(a_request_beyond_the_whole_quota_runs_alone);
	RUN(a_throttle_shows_the_use_of_others);
	RUN(an_attempt_that_follows_a_throttle_is_not_held_up_by_it);
	RUN(room_lost_before_sending_means_another_selection);
	RUN(a_last_resort_needs_room_too);
	RUN(a_policy_without_a_quota_has_headroom);
	RUN(workers_share_a_quota_exactly);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Which models are candidates: names, families, cooldowns, the last resort, the operator's errors.
#include "fixture.h"

// Lists for a new request at `now_ms`, as "a c".
static void check_listed(int line, struct fixture *f, uint64_t now_ms, const char *expected) {
	char listed[256] = "";
	struct eligible eligible;
	fixture_new_request(f, now_ms);
	eligible_list(f->request, &eligible);
	for (size_t i = 0; i < eligible.candidates.count; i++)
		snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%s%s", i ? " " : "",
		         eligible.candidates.list[i]->name);
	check_slice(__FILE__, line, "listed", slice_from(listed), slice_from(expected));
}
#define CHECK_LISTED(f, now_ms, expected) check_listed(__LINE__, f, now_ms, expected)

TEST(models_that_serve_the_name_are_listed_in_pool_order) {
	struct fixture f;
	fixture_init(&f, "a b ~c d");
	fixture_serves(&f, "b", "other");
	fixture_serves(&f, "d", "ch*");
	CHECK_LISTED(&f, 0, "a c d");
	f.attributes.asked = SLICE("b");
	CHECK_LISTED(&f, 0, "a b c");
	fixture_free(&f);
}

TEST(a_body_of_one_family_stays_in_the_family) {
	struct fixture f;
	fixture_init(&f, "nova claude1 claude2 nova2 claude3");
	fixture_family(&f, "nova", "nova");
	fixture_family(&f, "nova2", "nova");
	fixture_family(&f, "claude1", "claude");
	fixture_family(&f, "claude2", "claude");
	fixture_family(&f, "claude3", "claude");
	fixture_serves(&f, "claude2", "none");
	f.attributes.family_bound = true;
	// No model has the id that is asked for: the first that serves it decides.
	CHECK_LISTED(&f, 0, "nova nova2");
	f.attributes.asked = SLICE("claude3");
	CHECK_LISTED(&f, 0, "claude1 claude3");
	f.attributes.asked = SLICE("claude2");
	CHECK_LISTED(&f, 0, "claude1 claude2 claude3");
	f.attributes.family_bound = false;
	f.attributes.asked = SLICE("claude1");
	CHECK_LISTED(&f, 0, "nova claude1 nova2 claude3");
	fixture_free(&f);
}

TEST(without_a_family_only_models_of_the_same_id_are_listed) {
	struct fixture f;
	fixture_init(&f, "a b c d");
	// c is the same model as a under another name, say in another region.
	free(f.pool.models[2].id);
	f.pool.models[2].id = memory_string(SLICE("a"));
	fixture_family(&f, "b", "claude");
	f.attributes.family_bound = true;
	CHECK_LISTED(&f, 0, "a c");
	f.attributes.asked = SLICE("b");
	CHECK_LISTED(&f, 0, "b");
	f.attributes.asked = SLICE("d");
	CHECK_LISTED(&f, 0, "d");
	f.attributes.asked = SLICE("c");
	CHECK_LISTED(&f, 0, "a c");
	fixture_free(&f);
}

TEST(models_with_a_cooldown_or_an_open_breaker_are_left_out) {
	struct fixture f;
	fixture_init(&f, "a b c");
	fixture_cool_down(&f, "a", 1000, false, 0);
	fixture_break(&f, "b", 0);
	CHECK_LISTED(&f, 999, "c");
	CHECK_LISTED(&f, 1000, "a c");
	CHECK_LISTED(&f, 29999, "a c");
	CHECK_LISTED(&f, 30000, "a b c");
	fixture_free(&f);
}

TEST(listing_admits_nothing) {
	struct fixture f;
	fixture_init(&f, "a");
	fixture_break(&f, "a", 0);
	CHECK_LISTED(&f, 30000, "a");
	CHECK_LISTED(&f, 30000, "a");
	CHECK_INT(fixture_model(&f, "a")->state->breaker.state, BREAKER_OPEN);
	PLAY(&f, {30000, "begin", "send 0 a"});
	struct route_request *first = f.request;
	CHECK_LISTED(&f, 30001, "");
	struct line line = {30002, "reject 0", "fail failed 0 after 1000"};
	play_line(__FILE__, __LINE__, first, &line);
	CHECK_LISTED(&f, 30003, "a");
	fixture_free(&f);
}

TEST(if_all_cool_down_the_first_to_return_is_listed) {
	struct fixture f;
	fixture_init(&f, "a b c");
	fixture_cool_down(&f, "a", 3000, false, 0);
	fixture_cool_down(&f, "b", 2000, false, 0);
	fixture_break(&f, "c", 0);
	CHECK_LISTED(&f, 0, "b");
	model_state_force_open(fixture_model(&f, "b")->state, 0);
	CHECK_LISTED(&f, 0, "a");
	fixture_free(&f);
}

TEST(a_last_resort_gets_one_attempt_at_a_time) {
	struct fixture f;
	fixture_init(&f, "a");
	PLAY(&f, {0, "begin", "send 0 a"}, {10, "throttle 0", "fail exhausted 0 after 1000"});
	PLAY(&f, {100, "begin", "send 0 a"});
	struct route_request *first = f.request;
	PLAY(&f, {110, "begin", "fail no-models unavailable after 900"});
	struct line line = {200, "throttle 0", "fail exhausted 0 after 1000"};
	play_line(__FILE__, __LINE__, first, &line);
	// Sent during the cooldown: no doubling. The next last resort may follow.
	PLAY(&f, {210, "begin", "send 0 a"}, {220, "commit 0", ""});
	first = f.request;
	// After a commit the next one may follow.
	PLAY(&f, {230, "begin", "send 0 a"}, {240, "ok 0", "return 0"});
	line = (struct line){250, "ok 0", "return 0"};
	play_line(__FILE__, __LINE__, first, &line);
	// After the cooldown any number is admitted.
	PLAY(&f, {1200, "begin", "send 0 a"});
	first = f.request;
	PLAY(&f, {1201, "begin", "send 0 a"}, {1202, "ok 0", "return 0"});
	line = (struct line){1203, "ok 0", "return 0"};
	play_line(__FILE__, __LINE__, first, &line);
	fixture_free(&f);
}

TEST(a_busy_last_resort_can_be_waited_for) {
	struct fixture f;
	fixture_init(&f, "a");
	f.pool.limits.max_wait_ms = 1000;
	fixture_cool_down(&f, "a", 300, false, 0);
	PLAY(&f, {0, "begin", "send 0 a"});
	struct route_request *first = f.request;
	PLAY(&f, {0, "begin", "wait 50"}, {270, "next", "wait 30"}, {300, "next", "send 0 a"}, {310, "ok 0", "return 0"});
	struct line line = {400, "ok 0", "return 0"};
	play_line(__FILE__, __LINE__, first, &line);
	fixture_free(&f);
}

TEST(the_operators_errors_only_order_models) {
	struct fixture f;
	fixture_init(&f, "a b ~c");
	fixture_cool_down(&f, "a", 30000, true, 0);
	CHECK_LISTED(&f, 1, "b c");
	fixture_cool_down(&f, "b", 30000, true, 0);
	CHECK_LISTED(&f, 1, "c");
	fixture_cool_down(&f, "c", 30000, true, 0);
	CHECK_LISTED(&f, 1, "a b c");
	// Nor is there a limit of one attempt at a time.
	PLAY(&f, {1, "begin", "send 0 a"});
	struct route_request *first = f.request;
	PLAY(&f, {1, "begin", "send 0 a"}, {2, "ok 0", "return 0"});
	struct line line = {3, "ok 0", "return 0"};
	play_line(__FILE__, __LINE__, first, &line);
	// A success ends it.
	CHECK_LISTED(&f, 4, "a");
	fixture_free(&f);
}

TEST(a_deprioritized_model_comes_before_one_that_cools_down) {
	struct fixture f;
	fixture_init(&f, "a b");
	fixture_cool_down(&f, "a", 1000, false, 0);
	fixture_cool_down(&f, "b", 30000, true, 0);
	PLAY(&f, {1, "begin", "send 0 b"}, {2, "deny 0", "send 1 a"}, {3, "ok 1", "return 1"});
	fixture_free(&f);
}

TEST(deprioritized_models_alone_are_no_throttle) {
	struct fixture f;
	fixture_init(&f, "a b");
	for (uint64_t now_ms = 0; now_ms < 1000; now_ms += 100)
		PLAY(&f, {now_ms, "begin", "send 0 a"}, {now_ms, "deny 0", "send 1 b"},
		     {now_ms, "deny 1", "fail exhausted 1 after 1000"});
	fixture_free(&f);
}

TEST(retry_after_is_when_the_first_model_returns) {
	struct fixture f;
	fixture_init(&f, "a b c");
	fixture_serves(&f, "c", "other");
	fixture_break(&f, "a", 0);
	fixture_cool_down(&f, "b", 12000, false, 0);
	fixture_new_request(&f, 2000);
	CHECK_INT(eligible_retry_after_ms(f.request), 10000);
	fixture_break(&f, "b", 0);
	CHECK_INT(eligible_retry_after_ms(f.request), 28000);
	model_state_force_open(fixture_model(&f, "a")->state, 0);
	CHECK_INT(eligible_retry_after_ms(f.request), 28000);
	model_state_force_open(fixture_model(&f, "b")->state, 0);
	CHECK_INT(eligible_retry_after_ms(f.request), 5000);
	model_state_reset_breaker(fixture_model(&f, "a")->state, 0);
	CHECK_INT(eligible_retry_after_ms(f.request), 1000);
	fixture_free(&f);
}

int main(void) {
	RUN(models_that_serve_the_name_are_listed_in_pool_order);
	RUN(a_body_of_one_family_stays_in_the_family);
	RUN(without_a_family_only_models_of_the_same_id_are_listed);
	RUN(models_with_a_cooldown_or_an_open_breaker_are_left_out);
	RUN(listing_admits_nothing);
	RUN(if_all_cool_down_the_first_to_return_is_listed);
	RUN(a_last_resort_gets_one_attempt_at_a_time);
	RUN(a_busy_last_resort_can_be_waited_for);
	RUN(the_operators_errors_only_order_models);
	RUN(a_deprioritized_model_comes_before_one_that_cools_down);
	RUN(deprioritized_models_alone_are_no_throttle);
	RUN(retry_after_is_when_the_first_model_returns);
	return check_summary();
}

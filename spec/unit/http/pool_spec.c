// SPDX-License-Identifier: Apache-2.0
// Connections over several exchanges: kept, reused, replaced, expired; and exchanges cut short at every point.
#include "fixture.h"
#include "http/upstream.h"

static bool none_idle(void *owner) {
	return upstreams_idle(owner) == 0;
}

TEST(a_connection_is_reused) {
	static const struct script script[] = {{.step = ACCEPT}, {ROUNDS, NULL, 50},  {.step = REQUEST}, {SEND, OK_2, 0},
	                                       {AGAIN, NULL, 2}, {.step = AWAIT_END}, {.step = DONE}};
	struct fixture fixture;
	begin(&fixture, script);
	for (int i = 0; i < 50; i++)
		CHECK_INT(run_one(&fixture), 200);
	CHECK_INT(upstreams_idle(fixture.upstreams), 1);
	CHECK_INT(fixture.server.accepted, 1);
	finish(&fixture);
	CHECK(strstr(fixture.server.request, "POST /path?query HTTP/1.1\r\nhost: spec.test\r\ncontent-length: 4\r\n\r\n") ==
	      fixture.server.request);
}

TEST(the_same_endpoint_is_the_same_upstream) {
	struct loop *loop = loop_new();
	struct upstreams *upstreams = upstreams_new(loop, &quick_settings);
	struct upstream *plain = upstreams_get(upstreams, false, SLICE("Host"), 80);
	CHECK(upstreams_get(upstreams, false, SLICE("host"), 80) == plain);
	CHECK(upstreams_get(upstreams, true, SLICE("host"), 80) != plain);
	CHECK(upstreams_get(upstreams, false, SLICE("host"), 81) != plain);
	CHECK(upstreams_get(upstreams, false, SLICE("hos"), 80) != plain);
	upstreams_free(upstreams);
	loop_close(loop);
}

TEST(the_connection_that_went_idle_last_is_taken_first) {
	struct loop *loop = loop_new();
	struct upstreams *upstreams = upstreams_new(loop, &quick_settings);
	struct upstream *upstream = upstreams_get(upstreams, false, SLICE("127.0.0.1"), 80);
	struct upstream_connection *connections[2];
	int descriptors[2];
	CHECK(upstream_take_idle(upstream) == NULL);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors), 0);
	for (size_t i = 0; i < 2; i++) {
		connections[i] = upstream_connection_new(upstream, socket_new(loop, descriptors[i], NULL, NULL));
		upstream_connection_keep(connections[i]);
	}
	CHECK_INT(upstreams_idle(upstreams), 2);
	CHECK(upstream_take_idle(upstream) == connections[1]);
	CHECK(upstream_take_idle(upstream) == connections[0]);
	CHECK_INT(upstreams_idle(upstreams), 0);
	for (size_t i = 0; i < 2; i++)
		upstream_connection_close(connections[i]);
	upstreams_free(upstreams);
	loop_close(loop);
}

TEST(a_dead_pooled_connection_is_replaced) {
	static const struct script scripts[][8] = {
	    {{.step = ACCEPT},
	     {.step = REQUEST},
	     {SEND, OK_2, 0},
	     {.step = REQUEST},
	     {.step = END},
	     {.step = ACCEPT},
	     {.step = REQUEST},
	     {SEND, OK_2, 0}},
	    {{.step = ACCEPT},
	     {.step = REQUEST},
	     {SEND, OK_2, 0},
	     {.step = REQUEST},
	     {.step = RESET},
	     {.step = ACCEPT},
	     {.step = REQUEST},
	     {SEND, OK_2, 0}},
	};
	for (size_t i = 0; i < 2; i++) {
		struct script script[9] = {0};
		struct fixture fixture;
		memcpy(script, scripts[i], sizeof(scripts[i]));
		begin(&fixture, script);
		CHECK_INT(run_one(&fixture), 200);
		CHECK_INT(run_one(&fixture), 200);
		CHECK_INT(fixture.server.accepted, 2);
		CHECK_INT(fixture.server.requests, 3);
		finish(&fixture);
	}
}

TEST(it_is_replaced_once_only_and_a_new_one_never) {
	static const struct script script[] = {{.step = ACCEPT},  {.step = REQUEST}, {SEND, OK_2, 0},
	                                       {.step = REQUEST}, {.step = END},     {.step = ACCEPT},
	                                       {.step = REQUEST}, {.step = END},     {.step = DONE}};
	struct fixture fixture;
	begin(&fixture, script);
	CHECK_INT(run_one(&fixture), 200);
	CHECK_INT(run_one(&fixture), -1 - EXCHANGE_CLOSED);
	CHECK_INT(fixture.server.accepted, 2);
	finish(&fixture);
}

TEST(it_is_not_replaced_after_a_byte_of_the_response) {
	static const struct script script[] = {{.step = ACCEPT}, {.step = REQUEST}, {SEND, OK_2, 0}, {.step = REQUEST},
	                                       {SEND, "H", 0},   {.step = END},     {.step = DONE}};
	struct fixture fixture;
	begin(&fixture, script);
	CHECK_INT(run_one(&fixture), 200);
	CHECK_INT(run_one(&fixture), -1 - EXCHANGE_TRUNCATED);
	CHECK_INT(fixture.server.accepted, 1);
	finish(&fixture);
}

static void say_go(void *owner) {
	scripted_server_go(owner);
}

TEST(it_is_not_replaced_when_it_fails_late) {
	static const struct script script[] = {{.step = ACCEPT},   {.step = REQUEST}, {SEND, OK_2, 0}, {.step = REQUEST},
	                                       {.step = AWAIT_GO}, {.step = END},     {.step = DONE}};
	struct fixture fixture;
	struct timer later;
	begin(&fixture, script);
	timer_init(&later, fixture.loop, say_go, &fixture.server);
	CHECK_INT(run_one(&fixture), 200);
	timer_start(&later, 1100);
	CHECK_INT(run_one(&fixture), -1 - EXCHANGE_CLOSED);
	CHECK_INT(fixture.server.accepted, 1);
	finish(&fixture);
}

TEST(an_idle_connection_that_closes_or_sends_is_dropped) {
	static const struct script closes[] = {{.step = ACCEPT},   {.step = REQUEST}, {SEND, OK_2, 0},
	                                       {.step = AWAIT_GO}, {.step = END},     {.step = DONE}};
	static const struct script speaks[] = {{.step = ACCEPT}, {.step = REQUEST},   {SEND, OK_2, 0}, {.step = AWAIT_GO},
	                                       {SEND, OK_2, 0},  {.step = AWAIT_END}, {.step = DONE}};
	static const struct script breaks[] = {{.step = ACCEPT},   {.step = REQUEST}, {SEND, OK_2, 0},
	                                       {.step = AWAIT_GO}, {.step = RESET},   {.step = DONE}};
	const struct script *const scripts[] = {closes, speaks, breaks};
	for (size_t i = 0; i < 3; i++) {
		struct fixture fixture;
		begin(&fixture, scripts[i]);
		CHECK_INT(run_one(&fixture), 200);
		CHECK_INT(upstreams_idle(fixture.upstreams), 1);
		scripted_server_go(&fixture.server);
		CHECK(await(fixture.loop, none_idle, fixture.upstreams));
		finish(&fixture);
	}
}

TEST(an_idle_connection_expires) {
	static const struct script script[] = {
	    {.step = ACCEPT}, {.step = REQUEST}, {SEND, OK_2, 0}, {.step = AWAIT_END}, {.step = DONE}};
	struct upstream_settings settings = quick_settings;
	struct fixture fixture;
	settings.pool_idle_ms = 20;
	begin_with(&fixture, script, &settings);
	CHECK_INT(run_one(&fixture), 200);
	CHECK_INT(upstreams_idle(fixture.upstreams), 1);
	CHECK(await(fixture.loop, none_idle, fixture.upstreams));
	finish(&fixture);
}

// Starts the next exchange from within the end of the one before.
static void chain(struct recorded *record) {
	struct fixture *fixture = record->on_over_owner;
	int left = record->rounds;
	if (record->failures || left == 0) {
		loop_stop(record->loop);
		return;
	}
	start(fixture, SLICE("body"));
	fixture->record.on_over = chain;
	fixture->record.on_over_owner = fixture;
	fixture->record.rounds = left - 1;
}

TEST(an_event_may_start_the_next_exchange) {
	static const struct script script[] = {{.step = ACCEPT}, {ROUNDS, NULL, 10},  {.step = REQUEST}, {SEND, OK_2, 0},
	                                       {AGAIN, NULL, 2}, {.step = AWAIT_END}, {.step = DONE}};
	struct fixture fixture;
	begin(&fixture, script);
	start(&fixture, SLICE("body"));
	fixture.record.on_over = chain;
	fixture.record.on_over_owner = &fixture;
	fixture.record.rounds = 9;
	loop_run(fixture.loop);
	CHECK_INT(fixture.record.failure, -1);
	CHECK_INT(fixture.server.accepted, 1);
	CHECK_INT(upstreams_idle(fixture.upstreams), 1);
	finish(&fixture);
	CHECK_INT(fixture.server.requests, 10);
}

int main(void) {
	alarm(60);
	RUN(a_connection_is_reused);
	RUN(the_same_endpoint_is_the_same_upstream);
	RUN(the_connection_that_went_idle_last_is_taken_first);
	RUN(a_dead_pooled_connection_is_replaced);
	RUN(it_is_replaced_once_only_and_a_new_one_never);
	RUN(it_is_not_replaced_after_a_byte_of_the_response);
	RUN(it_is_not_replaced_when_it_fails_late);
	RUN(an_idle_connection_that_closes_or_sends_is_dropped);
	RUN(an_idle_connection_expires);
	RUN(an_event_may_start_the_next_exchange);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Bodies larger than any buffer, in both directions: back-pressure, early responses; exchanges cut short at every
// point; and ten thousand exchanges with faults.
#include "fixture.h"

#define OK_LONG "HTTP/1.1 200 OK\r\ncontent-length: 8388608\r\n\r\n"
// The second is more than the kernel's buffers take.
enum { LONG_BYTES = 8388608, UPLOAD_BYTES = 64 << 20 };

static bool has_head(void *owner) {
	struct recorded *record = owner;
	return record->heads == 1;
}

struct growth {
	atomic_size_t *of;
	size_t bytes;
	int same;
};

// True when the number hasn't changed for 20 calls.
static bool stands_still(void *owner) {
	struct growth *growth = owner;
	size_t bytes = atomic_load(growth->of);
	growth->same = bytes == growth->bytes ? growth->same + 1 : 0;
	growth->bytes = bytes;
	return growth->same > 20;
}

TEST(a_paused_response_waits_at_the_server) {
	static const struct script script[] = {{.step = ACCEPT},    {.step = REQUEST},
	                                       {SEND, OK_LONG, 0},  {SEND_FILLER, NULL, LONG_BYTES},
	                                       {.step = AWAIT_END}, {.step = DONE}};
	struct fixture fixture;
	begin(&fixture, script);
	start(&fixture, SLICE("body"));
	fixture.record.pause_on_head = true;
	CHECK(await(fixture.loop, has_head, &fixture.record));
	struct growth growth = {.of = &fixture.server.sent_bytes};
	CHECK(await(fixture.loop, stands_still, &growth));
	// Apart from the kernel's buffers, at most one read was taken.
	CHECK(growth.bytes < LONG_BYTES);
	CHECK(fixture.record.body_bytes <= 65536);
	CHECK_INT(fixture.record.ends, 0);
	exchange_resume(fixture.record.exchange);
	loop_run(fixture.loop);
	CHECK_INT(fixture.record.ends, 1);
	CHECK_INT(fixture.record.body_bytes, LONG_BYTES);
	CHECK_INT(upstreams_idle(fixture.upstreams), 1);
	finish(&fixture);
}

static void resume(void *owner) {
	struct recorded *record = owner;
	if (record->exchange) {
		exchange_pause(record->exchange);
		exchange_resume(record->exchange);
	}
}

TEST(pausing_before_the_connection_is_made_holds_the_response) {
	static const struct script script[] = {
	    {.step = ACCEPT}, {.step = REQUEST}, {SEND, OK_2, 0}, {.step = AWAIT_END}, {.step = DONE}};
	struct fixture fixture;
	begin(&fixture, script);
	start(&fixture, SLICE("body"));
	exchange_pause(fixture.record.exchange);
	struct growth growth = {.of = &fixture.server.sent_bytes, .bytes = 1};
	CHECK(await(fixture.loop, stands_still, &growth));
	CHECK_INT(fixture.record.heads, 0);
	resume(&fixture.record);
	loop_run(fixture.loop);
	CHECK_INT(fixture.record.ends, 1);
	CHECK_INT(fixture.server.requests, 1);
	finish(&fixture);
}

TEST(a_large_request_goes_out_as_it_is_read) {
	static const struct script script[] = {{.step = ACCEPT},       {.step = REQUEST_HEAD}, {.step = AWAIT_GO},
	                                       {.step = REQUEST_BODY}, {SEND, OK_2, 0},        {.step = AWAIT_END},
	                                       {.step = DONE}};
	struct fixture fixture;
	char *body = calloc(1, UPLOAD_BYTES);
	begin(&fixture, script);
	start(&fixture, slice_of(body, UPLOAD_BYTES));
	scripted_server_go(&fixture.server);
	loop_run(fixture.loop);
	CHECK_INT(fixture.record.ends, 1);
	CHECK_INT(fixture.record.status, 200);
	CHECK_INT(upstreams_idle(fixture.upstreams), 1);
	finish(&fixture);
	free(body);
}

TEST(an_early_refusal_is_delivered) {
	static const struct script scripts[][5] = {
	    {{.step = ACCEPT},
	     {.step = REQUEST_HEAD},
	     {SEND, "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno", 0},
	     {.step = END}},
	    {{.step = ACCEPT},
	     {.step = REQUEST_HEAD},
	     {SEND, "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno", 0},
	     {.step = AWAIT_END}},
	    {{.step = ACCEPT},
	     {.step = REQUEST_HEAD},
	     {SEND, "HTTP/1.1 413 Too Large\r\n\r\nno", 0},
	     {.step = END_SENDING},
	     {.step = AWAIT_END}},
	};
	char *body = calloc(1, UPLOAD_BYTES);
	for (size_t i = 0; i < 3; i++) {
		struct script script[6] = {0};
		struct fixture fixture;
		memcpy(script, scripts[i], sizeof(scripts[i]));
		begin(&fixture, script);
		start(&fixture, slice_of(body, UPLOAD_BYTES));
		loop_run(fixture.loop);
		CHECK_INT(fixture.record.status, 413);
		CHECK_INT(fixture.record.failure, -1);
		CHECK_SLICE(buffer_slice(&fixture.record.body), SLICE("no"));
		CHECK_INT(upstreams_idle(fixture.upstreams), 0);
		finish(&fixture);
	}
	free(body);
}

TEST(a_refusal_ends_the_sending) {
	static const struct script script[] = {{.step = ACCEPT},
	                                       {.step = REQUEST_HEAD},
	                                       {SEND, "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n", 0},
	                                       {.step = AWAIT_END},
	                                       {.step = DONE}};
	struct fixture fixture;
	char *body = calloc(1, UPLOAD_BYTES);
	begin(&fixture, script);
	start(&fixture, slice_of(body, UPLOAD_BYTES));
	CHECK(await(fixture.loop, has_head, &fixture.record));
	struct growth growth = {.of = &fixture.server.dropped_bytes};
	CHECK(await(fixture.loop, stands_still, &growth));
	CHECK(growth.bytes < UPLOAD_BYTES);
	exchange_cancel(fixture.record.exchange);
	finish(&fixture);
	free(body);
}

TEST(a_server_that_breaks_off_the_request_has_reset_it) {
	static const struct script script[] = {{.step = ACCEPT}, {.step = REQUEST_HEAD}, {.step = RESET}, {.step = DONE}};
	struct fixture fixture;
	char *body = calloc(1, UPLOAD_BYTES);
	begin(&fixture, script);
	start(&fixture, slice_of(body, UPLOAD_BYTES));
	loop_run(fixture.loop);
	CHECK_INT(fixture.record.failure, EXCHANGE_RESET);
	finish(&fixture);
	free(body);
}

TEST(cancelling_at_once_leaves_nothing) {
	static const struct script script[] = {{.step = DONE}};
	struct fixture fixture;
	begin(&fixture, script);
	start(&fixture, SLICE("body"));
	exchange_cancel(fixture.record.exchange);
	CHECK_INT(upstreams_busy(fixture.upstreams), 0);
	loop_run(fixture.loop);
	CHECK_INT(fixture.record.heads + fixture.record.ends + fixture.record.failures, 0);
	finish(&fixture);
}

static bool has_accepted(void *owner) {
	struct scripted_server *server = owner;
	return atomic_load(&server->accepted) == 1;
}

static bool has_request(void *owner) {
	struct scripted_server *server = owner;
	return atomic_load(&server->requests) > 0;
}

static bool has_body(void *owner) {
	struct recorded *record = owner;
	return record->body_bytes > 0;
}

TEST(cancelling_midway_closes_the_connection_without_an_event) {
	static const struct script stalls[] = {{.step = ACCEPT}, {.step = REQUEST}, {.step = AWAIT_END}, {.step = DONE}};
	static const struct script stalls_in_head[] = {
	    {.step = ACCEPT}, {.step = REQUEST}, {SEND, "HTTP/1.1 200 OK\r\na", 0}, {.step = AWAIT_END}, {.step = DONE}};
	static const struct script stalls_in_body[] = {
	    {.step = ACCEPT}, {.step = REQUEST}, {SEND, OK_LONG "x", 0}, {.step = AWAIT_END}, {.step = DONE}};
	struct fixture fixture;
	const struct {
		const struct script *script;
		bool (*until)(void *owner);
		void *owner;
		int heads;
	} points[] = {
	    {stalls, has_accepted, &fixture.server, 0},        {stalls, has_request, &fixture.server, 0},
	    {stalls_in_head, has_request, &fixture.server, 0}, {stalls_in_body, has_head, &fixture.record, 1},
	    {stalls_in_body, has_body, &fixture.record, 1},
	};
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		begin(&fixture, points[i].script);
		start(&fixture, SLICE("body"));
		CHECK(await(fixture.loop, points[i].until, points[i].owner));
		exchange_cancel(fixture.record.exchange);
		CHECK_INT(upstreams_busy(fixture.upstreams), 0);
		CHECK_INT(upstreams_idle(fixture.upstreams), 0);
		loop_run(fixture.loop);
		CHECK_INT(fixture.record.heads, points[i].heads);
		CHECK_INT(fixture.record.ends + fixture.record.failures, 0);
		finish(&fixture);
	}
}

TEST(cancelling_from_within_an_event) {
	static const struct script script[] = {
	    {.step = ACCEPT}, {.step = REQUEST}, {SEND, OK_2, 0}, {.step = AWAIT_END}, {.step = DONE}};
	static const struct {
		int cancel, ends;
		size_t body_bytes, idle;
	} cases[] = {{CANCEL_ON_HEAD, 0, 0, 0}, {CANCEL_ON_BODY, 0, 2, 0}, {CANCEL_ON_END, 1, 2, 1}};
	for (size_t i = 0; i < 3; i++) {
		struct fixture fixture;
		begin(&fixture, script);
		start(&fixture, SLICE("body"));
		fixture.record.cancel = (unsigned)cases[i].cancel;
		loop_run(fixture.loop);
		CHECK_INT(fixture.record.heads, 1);
		CHECK_INT(fixture.record.body_bytes, cases[i].body_bytes);
		CHECK_INT(fixture.record.ends, cases[i].ends);
		CHECK_INT(fixture.record.failures, 0);
		CHECK_INT(upstreams_idle(fixture.upstreams), cases[i].idle);
		finish(&fixture);
	}
}

TEST(ten_thousand_exchanges_with_faults_leave_nothing) {
	// Ten exchanges a round: eight succeed (one of them on a connection that replaces a dead one), two fail.
	static const struct script script[] = {{ROUNDS, NULL, 1000},
	                                       {.step = ACCEPT},
	                                       {.step = REQUEST},
	                                       {SEND, OK_2, 0},
	                                       {.step = REQUEST},
	                                       {SEND, OK_2, 0},
	                                       {.step = REQUEST},
	                                       {SEND, OK_2, 0},
	                                       {.step = REQUEST},
	                                       {SEND, OK_2, 0},
	                                       {.step = REQUEST},
	                                       {SEND, OK_2, 0},
	                                       {.step = REQUEST},
	                                       {SEND, OK_2, 0},
	                                       {.step = REQUEST},
	                                       {SEND, OK_2, 0},
	                                       {.step = REQUEST},
	                                       {.step = END},
	                                       {.step = ACCEPT},
	                                       {.step = REQUEST},
	                                       {SEND, OK_2, 0},
	                                       {.step = REQUEST},
	                                       {SEND, "HTTP/1.1 200 OK\r\nx", 0},
	                                       {.step = RESET},
	                                       {.step = ACCEPT},
	                                       {.step = REQUEST},
	                                       {SEND, "garbage\r\n", 0},
	                                       {.step = AWAIT_END},
	                                       {AGAIN, NULL, 27},
	                                       {.step = DONE}};
	struct fixture fixture;
	int answered = 0, failed = 0;
	begin(&fixture, script);
	CHECK_INT(run_one(&fixture), 200);
	size_t before = open_descriptors();
	for (int i = 1; i < 10000; i++) {
		run_one(&fixture);
		answered += fixture.record.ends;
		failed += fixture.record.failures;
	}
	CHECK_INT(answered, 7999);
	CHECK_INT(failed, 2000);
	CHECK(open_descriptors() <= before);
	finish(&fixture);
}

int main(void) {
	alarm(120);
	RUN(a_paused_response_waits_at_the_server);
	RUN(pausing_before_the_connection_is_made_holds_the_response);
	RUN(a_large_request_goes_out_as_it_is_read);
	RUN(an_early_refusal_is_delivered);
	RUN(a_refusal_ends_the_sending);
	RUN(a_server_that_breaks_off_the_request_has_reset_it);
	RUN(cancelling_at_once_leaves_nothing);
	RUN(cancelling_midway_closes_the_connection_without_an_event);
	RUN(cancelling_from_within_an_event);
	RUN(ten_thousand_exchanges_with_faults_leave_nothing);
	return check_summary();
}

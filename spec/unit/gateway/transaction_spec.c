// SPDX-License-Identifier: Apache-2.0
// A data listener with a fake server and a fake engine (fakes.h): what the engine receives, what the client receives
// for each way the engine can end a request, and that each request leaves exactly one access line.
#include <stdlib.h>

#include "fakes.h"

TEST(the_engine_gets_the_request_without_credentials) {
	struct fixture fixture;
	fixture_begin(&fixture, "POST", "/model/a%3Ab/converse");
	fixture_send(&fixture);
	CHECK_INT(engine.submitted, 1);
	CHECK_INT(engine.call.operation, OPERATION_CONVERSE);
	CHECK_SLICE(engine.call.model, SLICE("a:b"));
	CHECK_SLICE(engine.call.body, SLICE("{\"prompt\":\"SECRET\"}"));
	CHECK_INT(engine.call.request_id.len, 36);
	CHECK_STRING(engine.headers, "Host: 127.0.0.1:8080\ncontent-type: application/json\nx-signalbox-hop: me\n");
	CHECK(!fixture.call.is_over);
	server_events->on_gone(server_owner, &fixture.call, fixture.call.owner);
	fixture_end(&fixture);
}

TEST(hops_are_appended_to) {
	struct header list[] = {{SLICE("X-Signalbox-Hop"), SLICE("one, two")}, {SLICE("x-signalbox-hop"), SLICE("three")}};
	struct fixture fixture;
	fixture_begin(&fixture, "POST", "/model/m/converse");
	fixture.request.headers = (struct headers){list, 2};
	fixture_send(&fixture);
	CHECK_STRING(engine.headers, "x-signalbox-hop: one, two, three, me\n");
	server_events->on_gone(server_owner, &fixture.call, fixture.call.owner);
	fixture_end(&fixture);
}

TEST(a_whole_response_is_passed_on) {
	struct header upstream[] = {{SLICE("content-type"), SLICE("application/json")},
	                            {SLICE("x-amzn-requestid"), SLICE("up-1")}};
	struct fixture fixture;
	char text[8192];
	fixture_begin(&fixture, "POST", "/model/m/converse");
	fixture_send(&fixture);
	engine.now_ms += 25;
	engine.sink->on_head(engine.owner, &(struct mux_head){200, {upstream, 2}, 4, SLICE("chat"), 2});
	CHECK(engine.sink->on_body(engine.owner, SLICE("{..}")));
	struct mux_result result = {.outcome = OUTCOME_SUCCESS, .model = SLICE("chat"), .attempts = 2, .status = 200};
	engine.sink->on_done(engine.owner, &result);
	CHECK_INT(fixture.call.status, 200);
	CHECK_INT(fixture.call.content_length, 4);
	CHECK_STRING(fixture.call.headers, "content-type: application/json\nx-amzn-requestid: up-1\nx-signalbox-model: "
	                                   "chat\nx-signalbox-attempts: 2\n");
	CHECK_SLICE(buffer_slice(&fixture.call.body), SLICE("{..}"));
	CHECK(fixture.call.is_over && !fixture.call.is_aborted);
	const char *line = logged_line(text, sizeof text);
	CHECK(strstr(line, "\"message\":\"request\",\"request_id\":\"") == line);
	CHECK(strstr(line,
	             "\"upstream_id\":\"up-1\",\"client\":\"127.0.0.1:5000\",\"operation\":\"Converse\",\"model\":\"chat\","
	             "\"attempts\":2,"
	             "\"outcome\":\"success\",\"status\":200,\"bytes_in\":19,\"bytes_out\":4,\"milliseconds\":25}\n"));
	CHECK(strstr(text, "SECRET") == NULL);
	CHECK_INT(count_logged_lines(), 1);
	fixture_end(&fixture);
}

TEST(a_stream_waits_for_its_reader) {
	struct fixture fixture;
	fixture_begin(&fixture, "POST", "/model/m/converse-stream");
	fixture_send(&fixture);
	engine.sink->on_head(engine.owner, &(struct mux_head){200, {0}, -1, SLICE("chat"), 1});
	CHECK_INT(fixture.call.content_length, -1);
	fixture.call.is_full = true;
	CHECK(!engine.sink->on_body(engine.owner, SLICE("frame")));
	CHECK_INT(engine.resumed, 0);
	fixture.call.is_full = false;
	server_events->on_writable(server_owner, &fixture.call, fixture.call.owner);
	CHECK_INT(engine.resumed, 1);
	CHECK(engine.sink->on_body(engine.owner, SLICE("frame")));
	struct mux_result result = {.outcome = OUTCOME_FAIL_FAST, .failed = true, .status = 200};
	engine.sink->on_done(engine.owner, &result);
	CHECK(fixture.call.is_over && !fixture.call.is_aborted);
	CHECK_SLICE(buffer_slice(&fixture.call.body), SLICE("frameframe"));
	fixture_end(&fixture);
}

TEST(a_body_shorter_than_its_length_is_aborted) {
	struct fixture fixture;
	fixture_begin(&fixture, "POST", "/model/m/converse");
	fixture_send(&fixture);
	engine.sink->on_head(engine.owner, &(struct mux_head){200, {0}, 10, SLICE("chat"), 1});
	engine.sink->on_body(engine.owner, SLICE("short"));
	engine.sink->on_done(engine.owner, &(struct mux_result){.outcome = OUTCOME_SUCCESS, .status = 200});
	CHECK(fixture.call.is_aborted);
	fixture_end(&fixture);
}

TEST(an_error_has_the_services_form) {
	struct fixture fixture;
	char text[8192];
	fixture_begin(&fixture, "POST", "/model/m/converse");
	fixture_send(&fixture);
	struct mux_result result = {
	    .outcome = OUTCOME_RATE_LIMIT,
	    .failed = true,
	    .error = {.status = 429,
	              .exception = SLICE("ThrottlingException"),
	              .message = SLICE("all \"rest\""),
	              .retry_after_ms = 2500,
	              .code = SLICE("RETRIES_EXHAUSTED")},
	    .model = SLICE("chat"),
	    .attempts = 3,
	    .status = 429,
	};
	engine.sink->on_done(engine.owner, &result);
	CHECK_INT(fixture.call.status, 429);
	CHECK_SLICE(buffer_slice(&fixture.call.body), SLICE("{\"message\":\"all \\\"rest\\\"\"}"));
	CHECK(strstr(fixture.call.headers, "x-signalbox-model: chat\nx-signalbox-attempts: 3\ncontent-type: "
	                                   "application/json\nx-amzn-errortype: ThrottlingException\nx-signalbox-error: "
	                                   "RETRIES_EXHAUSTED\nx-amz-retry-after: 2500\nretry-after: 3\n"));
	CHECK(strstr(logged_line(text, sizeof text), "\"outcome\":\"rate_limit\",\"status\":429,") != NULL);
	CHECK_INT(count_logged_lines(), 1);
	fixture_end(&fixture);
}

TEST(an_upstreams_error_passes_unchanged) {
	struct header upstream[] = {{SLICE("content-type"), SLICE("their/type")}, {SLICE("x-amzn-requestid"), SLICE("up")}};
	struct fixture fixture;
	char text[8192];
	fixture_begin(&fixture, "POST", "/model/m/converse");
	fixture_send(&fixture);
	struct mux_result result = {
	    .outcome = OUTCOME_FAIL_FAST,
	    .failed = true,
	    .error = {.status = 502,
	              .exception = SLICE("ServiceUnavailableException"),
	              .retry_after_ms = -1,
	              .from_upstream = true,
	              .headers = {upstream, 2},
	              .body = SLICE("{\"message\":\"theirs\"}")},
	    .model = SLICE("chat"),
	    .attempts = 1,
	};
	engine.sink->on_done(engine.owner, &result);
	CHECK_INT(fixture.call.status, 502);
	CHECK_SLICE(buffer_slice(&fixture.call.body), SLICE("{\"message\":\"theirs\"}"));
	CHECK(strstr(fixture.call.headers, "content-type: their/type\n") != NULL);
	CHECK(strstr(fixture.call.headers, "x-amzn-requestid: up\n") != NULL);
	CHECK(strstr(fixture.call.headers, "x-amzn-errortype: ServiceUnavailableException\n") != NULL);
	CHECK(strstr(logged_line(text, sizeof text), "\"upstream_id\":\"up\"") != NULL);
	fixture_end(&fixture);
}

TEST(a_client_that_disconnects_cancels) {
	static const struct {
		bool started;
		const char *model, *logged;
	} rows[] = {
	    {false, NULL, "\"model\":\"\",\"attempts\":0,\"outcome\":\"cancelled\",\"status\":499,"},
	    {false, "slow", "\"model\":\"slow\",\"attempts\":2,\"outcome\":\"cancelled\",\"status\":499,"},
	    {true, "chat", "\"model\":\"chat\",\"attempts\":2,\"outcome\":\"cancelled\",\"status\":200,"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		char text[8192];
		fixture_begin(&fixture, "POST", "/model/m/converse-stream");
		fixture_send(&fixture);
		engine.model = rows[i].model;
		if (rows[i].started)
			engine.sink->on_head(engine.owner, &(struct mux_head){200, {0}, -1, slice_from(rows[i].model), 2});
		server_events->on_gone(server_owner, &fixture.call, fixture.call.owner);
		CHECK_INT(engine.cancelled, 1);
		CHECK(strstr(logged_line(text, sizeof text), rows[i].logged) != NULL);
		CHECK_INT(count_logged_lines(), 1);
		fixture_end(&fixture);
	}
}

TEST(lines_are_written_together) {
	struct fixture fixture;
	char text[8192];
	fixture_begin(&fixture, "POST", "/nothing");
	for (int i = 0; i < 1000; i++) {
		fixture.call.status = 0;
		fixture.call.is_over = false;
		fixture_send(&fixture);
	}
	ssize_t early = pread(log_file, text, sizeof text, 0);
	CHECK(early > 0 && fixture.listener.access_log.lines.len > 0);
	CHECK(fixture.listener.access_log.lines.len < 64 * 1024);
	data_listener_close(&fixture.listener);
	CHECK_INT(fixture.listener.access_log.lines.len, 0);
	size_t lines = 0;
	off_t place = 0;
	for (ssize_t length; (length = pread(log_file, text, sizeof text, place)) > 0; place += length)
		for (ssize_t i = 0; i < length; i++)
			lines += text[i] == '\n';
	CHECK_INT(lines, 1000);
	fixture_end(&fixture);
}

TEST(refusals_never_reach_the_engine) {
	static const struct {
		const char *method, *path;
		int status;
		const char *exception;
	} rows[] = {
	    {"POST", "/nothing", 404, "UnknownOperationException"},
	    {"GET", "/model/m/converse", 404, "UnknownOperationException"},
	    {"POST", "/model/%zz/converse", 400, "ValidationException"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		char expected[256], text[8192];
		fixture_begin(&fixture, rows[i].method, rows[i].path);
		fixture_send(&fixture);
		snprintf(expected, sizeof expected, "x-amzn-errortype: %s\n", rows[i].exception);
		CHECK_INT(engine.submitted, 0);
		CHECK_INT(fixture.call.status, rows[i].status);
		CHECK(strstr(fixture.call.headers, expected) != NULL);
		CHECK(strstr(fixture.call.headers, "x-amzn-requestid: ") != NULL);
		CHECK(slice_starts(buffer_slice(&fixture.call.body), SLICE("{\"message\":\"")));
		CHECK(strstr(logged_line(text, sizeof text), "\"outcome\":\"refused\"") != NULL);
		CHECK_INT(count_logged_lines(), 1);
		fixture_end(&fixture);
	}
}

TEST(an_operation_without_a_model_keeps_its_path) {
	struct fixture fixture;
	fixture_begin(&fixture, "GET", "/async-invoke");
	fixture.request.query = SLICE("maxResults=3&statusEquals=In%20Progress");
	fixture_send(&fixture);
	CHECK_INT(engine.call.operation, OPERATION_ASYNC_INVOKE);
	CHECK_SLICE(engine.call.method, SLICE("GET"));
	CHECK_SLICE(engine.call.path, SLICE("/async-invoke"));
	CHECK_SLICE(engine.call.query, SLICE("maxResults=3&statusEquals=In%20Progress"));
	CHECK_SLICE(engine.call.model, SLICE(""));
	server_events->on_gone(server_owner, &fixture.call, fixture.call.owner);
	fixture_end(&fixture);
}

static void on_drained(void *owner) {
	++*(int *)owner;
}

TEST(while_draining_requests_on_open_connections_are_served) {
	struct fixture fixture;
	int drained = 0;
	fixture_begin(&fixture, "POST", "/model/m/converse");
	data_listener_drain(&fixture.listener, on_drained, &drained);
	CHECK_INT(drained, 1);
	fixture_send(&fixture);
	CHECK_INT(engine.submitted, 1);
	server_events->on_gone(server_owner, &fixture.call, fixture.call.owner);
	fixture_end(&fixture);
}

TEST(stopping_ends_requests_in_flight_and_refuses_new_ones) {
	struct fixture fixture;
	fixture_begin(&fixture, "POST", "/model/m/converse");
	fixture_send(&fixture);
	data_listener_stop(&fixture.listener);
	CHECK_INT(engine.stopped, 1);
	CHECK_INT(fixture.call.status, 429);
	CHECK(list_is_empty(&fixture.listener.transactions));
	fixture.call.status = 0;
	fixture.call.is_over = false;
	fixture_send(&fixture);
	CHECK_INT(engine.submitted, 1);
	CHECK_INT(fixture.call.status, 429);
	CHECK(strstr(fixture.call.headers, "x-amzn-errortype: ThrottlingException\nx-amz-retry-after: 1000\n") != NULL);
	data_listener_stop(&fixture.listener);
	CHECK_INT(engine.stopped, 1);
	fixture_end(&fixture);
}

TEST(beyond_the_memory_limit_new_requests_are_refused) {
	struct fixture fixture;
	struct memory_meter memory;
	fixture_begin(&fixture, "POST", "/model/m/converse");
	memory_meter_init(&memory, 100);
	memory_meter_charge(&memory, 100);
	fixture.listener.memory = &memory;
	fixture_send(&fixture);
	CHECK_INT(engine.submitted, 0);
	CHECK_INT(fixture.call.status, 429);
	CHECK(strstr(fixture.call.headers, "x-amzn-errortype: ThrottlingException\nx-amz-retry-after: 2000\n") != NULL);
	memory_meter_release(&memory, 1);
	fixture.call.status = 0;
	fixture.call.is_over = false;
	fixture_send(&fixture);
	CHECK_INT(engine.submitted, 1);
	server_events->on_gone(server_owner, &fixture.call, fixture.call.owner);
	fixture_end(&fixture);
}

TEST(health_is_503_without_a_model_and_while_draining) {
	static const struct {
		bool draining;
		const char *body;
	} rows[] = {
	    {false, "{\"status\":\"unhealthy\",\"code\":503}"},
	    {true, "{\"status\":\"draining\",\"code\":503}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		fixture_begin(&fixture, "GET", "/health");
		fixture.is_draining = rows[i].draining;
		fixture_send(&fixture);
		CHECK_INT(fixture.call.status, 503);
		CHECK_SLICE(buffer_slice(&fixture.call.body), slice_from(rows[i].body));
		fixture_end(&fixture);
	}
}

TEST(the_servers_own_refusals_have_the_services_form) {
	struct fixture fixture;
	struct header headers[8];
	struct buffer body;
	buffer_init(&body, 4096);
	fixture_begin(&fixture, "POST", "/");
	size_t count = server_events->format_refusal(server_owner, 413, "The body is too large.", headers, &body);
	CHECK_SLICE(buffer_slice(&body), SLICE("{\"message\":\"The body is too large.\"}"));
	struct headers all = {headers, count};
	const struct slice *type = headers_find(all, SLICE("x-amzn-errortype"));
	const struct slice *id = headers_find(all, SLICE("x-amzn-requestid"));
	CHECK(type && slice_equal(*type, SLICE("RequestEntityTooLargeException")));
	CHECK(id && id->len == 36);
	CHECK(headers_find(all, SLICE("content-type")) != NULL);
	CHECK(headers_find(all, SLICE("retry-after")) == NULL);
	CHECK_INT(count_logged_lines(), 1);
	buffer_clear(&body);
	all.count = server_events->format_refusal(server_owner, 429, "there is no memory", headers, &body);
	type = headers_find(all, SLICE("x-amzn-errortype"));
	const struct slice *retry_ms = headers_find(all, SLICE("x-amz-retry-after"));
	CHECK(type && slice_equal(*type, SLICE("ThrottlingException")));
	CHECK(retry_ms && slice_equal(*retry_ms, SLICE("2000")));
	buffer_free(&body);
	fixture_end(&fixture);
}

int main(void) {
	log_file = memfd_create("log", 0);
	if (log_file < 0 || dup2(log_file, STDERR_FILENO) < 0)
		return 1;
	log_configure(LOG_INFO, LOG_JSON);
	RUN(the_engine_gets_the_request_without_credentials);
	RUN(hops_are_appended_to);
	RUN(a_whole_response_is_passed_on);
	RUN(a_stream_waits_for_its_reader);
	RUN(a_body_shorter_than_its_length_is_aborted);
	RUN(an_error_has_the_services_form);
	RUN(an_upstreams_error_passes_unchanged);
	RUN(a_client_that_disconnects_cancels);
	RUN(lines_are_written_together);
	RUN(refusals_never_reach_the_engine);
	RUN(an_operation_without_a_model_keeps_its_path);
	RUN(while_draining_requests_on_open_connections_are_served);
	RUN(stopping_ends_requests_in_flight_and_refuses_new_ones);
	RUN(beyond_the_memory_limit_new_requests_are_refused);
	RUN(health_is_503_without_a_model_and_while_draining);
	RUN(the_servers_own_refusals_have_the_services_form);
	return check_summary();
}

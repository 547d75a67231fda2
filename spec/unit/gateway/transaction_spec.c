// SPDX-License-Identifier: Apache-2.0
// The door, with a server and an engine that are played (stage.h): what a request hands to the engine, what the client
// gets for each way the engine can end it, and that exactly one access line is left.
#include <stdlib.h>

#include "stage.h"

TEST(the_engine_gets_the_request_without_credentials) {
	struct visit visit;
	begin(&visit, "POST", "/model/a%3Ab/converse");
	arrive(&visit);
	CHECK_INT(engine.submitted, 1);
	CHECK_INT(engine.call.operation, OPERATION_CONVERSE);
	CHECK_SLICE(engine.call.model, SLICE("a:b"));
	CHECK_SLICE(engine.call.body, SLICE("{\"prompt\":\"SECRET\"}"));
	CHECK_INT(engine.call.request_id.len, 36);
	CHECK_STRING(engine.headers, "Host: 127.0.0.1:8080\ncontent-type: application/json\nx-signalbox-hop: me\n");
	CHECK(!visit.call.is_over);
	server_events->on_gone(server_owner, &visit.call, visit.call.owner);
	finish(&visit);
}

TEST(hops_are_appended_to) {
	struct header list[] = {{SLICE("X-Signalbox-Hop"), SLICE("one, two")}, {SLICE("x-signalbox-hop"), SLICE("three")}};
	struct visit visit;
	begin(&visit, "POST", "/model/m/converse");
	visit.request.headers = (struct headers){list, 2};
	arrive(&visit);
	CHECK_STRING(engine.headers, "x-signalbox-hop: one, two, three, me\n");
	server_events->on_gone(server_owner, &visit.call, visit.call.owner);
	finish(&visit);
}

TEST(a_whole_response_goes_through) {
	struct header upstream[] = {{SLICE("content-type"), SLICE("application/json")},
	                            {SLICE("x-amzn-requestid"), SLICE("up-1")}};
	struct visit visit;
	char text[8192];
	begin(&visit, "POST", "/model/m/converse");
	arrive(&visit);
	engine.now_ms += 25;
	engine.sink->on_head(engine.owner, &(struct mux_head){200, {upstream, 2}, 4, SLICE("chat"), 2});
	CHECK(engine.sink->on_body(engine.owner, SLICE("{..}")));
	struct mux_result result = {.outcome = OUTCOME_SUCCESS, .model = SLICE("chat"), .attempts = 2, .status = 200};
	engine.sink->on_done(engine.owner, &result);
	CHECK_INT(visit.call.status, 200);
	CHECK_INT(visit.call.content_length, 4);
	CHECK_STRING(visit.call.headers, "content-type: application/json\nx-amzn-requestid: up-1\nx-signalbox-model: "
	                                 "chat\nx-signalbox-attempts: 2\n");
	CHECK_SLICE(buffer_slice(&visit.call.body), SLICE("{..}"));
	CHECK(visit.call.is_over && !visit.call.is_aborted);
	const char *line = logged(text, sizeof text);
	CHECK(strstr(line, "\"message\":\"request\",\"request_id\":\"") == line);
	CHECK(strstr(line,
	             "\"upstream_id\":\"up-1\",\"client\":\"127.0.0.1:5000\",\"operation\":\"Converse\",\"model\":\"chat\","
	             "\"attempts\":2,"
	             "\"outcome\":\"success\",\"status\":200,\"bytes_in\":19,\"bytes_out\":4,\"milliseconds\":25}\n"));
	CHECK(strstr(text, "SECRET") == NULL);
	CHECK_INT(logged_lines(), 1);
	finish(&visit);
}

TEST(a_stream_waits_for_its_reader) {
	struct visit visit;
	begin(&visit, "POST", "/model/m/converse-stream");
	arrive(&visit);
	engine.sink->on_head(engine.owner, &(struct mux_head){200, {0}, -1, SLICE("chat"), 1});
	CHECK_INT(visit.call.content_length, -1);
	visit.call.is_full = true;
	CHECK(!engine.sink->on_body(engine.owner, SLICE("frame")));
	CHECK_INT(engine.resumed, 0);
	visit.call.is_full = false;
	server_events->on_writable(server_owner, &visit.call, visit.call.owner);
	CHECK_INT(engine.resumed, 1);
	CHECK(engine.sink->on_body(engine.owner, SLICE("frame")));
	struct mux_result result = {.outcome = OUTCOME_FAIL_FAST, .failed = true, .status = 200};
	engine.sink->on_done(engine.owner, &result);
	CHECK(visit.call.is_over && !visit.call.is_aborted);
	CHECK_SLICE(buffer_slice(&visit.call.body), SLICE("frameframe"));
	finish(&visit);
}

TEST(a_body_that_fell_short_is_broken_off) {
	struct visit visit;
	begin(&visit, "POST", "/model/m/converse");
	arrive(&visit);
	engine.sink->on_head(engine.owner, &(struct mux_head){200, {0}, 10, SLICE("chat"), 1});
	engine.sink->on_body(engine.owner, SLICE("short"));
	engine.sink->on_done(engine.owner, &(struct mux_result){.outcome = OUTCOME_SUCCESS, .status = 200});
	CHECK(visit.call.is_aborted);
	finish(&visit);
}

TEST(an_error_has_the_services_form) {
	struct visit visit;
	char text[8192];
	begin(&visit, "POST", "/model/m/converse");
	arrive(&visit);
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
	CHECK_INT(visit.call.status, 429);
	CHECK_SLICE(buffer_slice(&visit.call.body), SLICE("{\"message\":\"all \\\"rest\\\"\"}"));
	CHECK(strstr(visit.call.headers, "x-signalbox-model: chat\nx-signalbox-attempts: 3\ncontent-type: "
	                                 "application/json\nx-amzn-errortype: ThrottlingException\nx-signalbox-error: "
	                                 "RETRIES_EXHAUSTED\nx-amz-retry-after: 2500\nretry-after: 3\n"));
	CHECK(strstr(logged(text, sizeof text), "\"outcome\":\"rate_limit\",\"status\":429,") != NULL);
	CHECK_INT(logged_lines(), 1);
	finish(&visit);
}

TEST(an_upstreams_error_passes_as_it_was) {
	struct header upstream[] = {{SLICE("content-type"), SLICE("their/type")}, {SLICE("x-amzn-requestid"), SLICE("up")}};
	struct visit visit;
	char text[8192];
	begin(&visit, "POST", "/model/m/converse");
	arrive(&visit);
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
	CHECK_INT(visit.call.status, 502);
	CHECK_SLICE(buffer_slice(&visit.call.body), SLICE("{\"message\":\"theirs\"}"));
	CHECK(strstr(visit.call.headers, "content-type: their/type\n") != NULL);
	CHECK(strstr(visit.call.headers, "x-amzn-requestid: up\n") != NULL);
	CHECK(strstr(visit.call.headers, "x-amzn-errortype: ServiceUnavailableException\n") != NULL);
	CHECK(strstr(logged(text, sizeof text), "\"upstream_id\":\"up\"") != NULL);
	finish(&visit);
}

TEST(a_client_that_leaves_cancels) {
	static const struct {
		bool started;
		const char *model, *logged;
	} rows[] = {
	    {false, NULL, "\"model\":\"\",\"attempts\":0,\"outcome\":\"cancelled\",\"status\":499,"},
	    {false, "slow", "\"model\":\"slow\",\"attempts\":2,\"outcome\":\"cancelled\",\"status\":499,"},
	    {true, "chat", "\"model\":\"chat\",\"attempts\":2,\"outcome\":\"cancelled\",\"status\":200,"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct visit visit;
		char text[8192];
		begin(&visit, "POST", "/model/m/converse-stream");
		arrive(&visit);
		engine.model = rows[i].model;
		if (rows[i].started)
			engine.sink->on_head(engine.owner, &(struct mux_head){200, {0}, -1, slice_from(rows[i].model), 2});
		server_events->on_gone(server_owner, &visit.call, visit.call.owner);
		CHECK_INT(engine.cancelled, 1);
		CHECK(strstr(logged(text, sizeof text), rows[i].logged) != NULL);
		CHECK_INT(logged_lines(), 1);
		finish(&visit);
	}
}

TEST(lines_are_written_together) {
	struct visit visit;
	char text[8192];
	begin(&visit, "POST", "/nothing");
	for (int i = 0; i < 1000; i++) {
		visit.call.status = 0;
		visit.call.is_over = false;
		arrive(&visit);
	}
	ssize_t early = pread(log_file, text, sizeof text, 0);
	CHECK(early > 0 && visit.data_listener.access.lines.len > 0);
	CHECK(visit.data_listener.access.lines.len < 64 * 1024);
	data_listener_close(&visit.data_listener);
	CHECK_INT(visit.data_listener.access.lines.len, 0);
	size_t lines = 0;
	off_t place = 0;
	for (ssize_t length; (length = pread(log_file, text, sizeof text, place)) > 0; place += length)
		for (ssize_t i = 0; i < length; i++)
			lines += text[i] == '\n';
	CHECK_INT(lines, 1000);
	finish(&visit);
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
		struct visit visit;
		char expected[256], text[8192];
		begin(&visit, rows[i].method, rows[i].path);
		arrive(&visit);
		snprintf(expected, sizeof expected, "x-amzn-errortype: %s\n", rows[i].exception);
		CHECK_INT(engine.submitted, 0);
		CHECK_INT(visit.call.status, rows[i].status);
		CHECK(strstr(visit.call.headers, expected) != NULL);
		CHECK(strstr(visit.call.headers, "x-amzn-requestid: ") != NULL);
		CHECK(slice_starts(buffer_slice(&visit.call.body), SLICE("{\"message\":\"")));
		CHECK(strstr(logged(text, sizeof text), "\"outcome\":\"refused\"") != NULL);
		CHECK_INT(logged_lines(), 1);
		finish(&visit);
	}
}

TEST(a_call_that_is_on_no_model_keeps_its_path) {
	struct visit visit;
	begin(&visit, "GET", "/async-invoke");
	visit.request.query = SLICE("maxResults=3&statusEquals=In%20Progress");
	arrive(&visit);
	CHECK_INT(engine.call.operation, OPERATION_ASYNC_INVOKE);
	CHECK_SLICE(engine.call.method, SLICE("GET"));
	CHECK_SLICE(engine.call.path, SLICE("/async-invoke"));
	CHECK_SLICE(engine.call.query, SLICE("maxResults=3&statusEquals=In%20Progress"));
	CHECK_SLICE(engine.call.model, SLICE(""));
	server_events->on_gone(server_owner, &visit.call, visit.call.owner);
	finish(&visit);
}

static void on_drained(void *owner) {
	++*(int *)owner;
}

TEST(while_draining_requests_on_open_connections_are_served) {
	struct visit visit;
	int drained = 0;
	begin(&visit, "POST", "/model/m/converse");
	data_listener_drain(&visit.data_listener, on_drained, &drained);
	CHECK_INT(drained, 1);
	arrive(&visit);
	CHECK_INT(engine.submitted, 1);
	server_events->on_gone(server_owner, &visit.call, visit.call.owner);
	finish(&visit);
}

TEST(stopping_ends_what_is_under_way_and_refuses_the_rest) {
	struct visit visit;
	begin(&visit, "POST", "/model/m/converse");
	arrive(&visit);
	data_listener_stop(&visit.data_listener);
	CHECK_INT(engine.stopped, 1);
	CHECK_INT(visit.call.status, 429);
	CHECK(list_is_empty(&visit.data_listener.replies));
	visit.call.status = 0;
	visit.call.is_over = false;
	arrive(&visit);
	CHECK_INT(engine.submitted, 1);
	CHECK_INT(visit.call.status, 429);
	CHECK(strstr(visit.call.headers, "x-amzn-errortype: ThrottlingException\nx-amz-retry-after: 1000\n") != NULL);
	data_listener_stop(&visit.data_listener);
	CHECK_INT(engine.stopped, 1);
	finish(&visit);
}

TEST(beyond_the_memory_limit_new_requests_are_refused) {
	struct visit visit;
	struct memory_meter memory;
	begin(&visit, "POST", "/model/m/converse");
	memory_meter_init(&memory, 100);
	memory_meter_charge(&memory, 100);
	visit.data_listener.memory = &memory;
	arrive(&visit);
	CHECK_INT(engine.submitted, 0);
	CHECK_INT(visit.call.status, 429);
	CHECK(strstr(visit.call.headers, "x-amzn-errortype: ThrottlingException\nx-amz-retry-after: 2000\n") != NULL);
	memory_meter_release(&memory, 1);
	visit.call.status = 0;
	visit.call.is_over = false;
	arrive(&visit);
	CHECK_INT(engine.submitted, 1);
	server_events->on_gone(server_owner, &visit.call, visit.call.owner);
	finish(&visit);
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
		struct visit visit;
		begin(&visit, "GET", "/health");
		visit.is_draining = rows[i].draining;
		arrive(&visit);
		CHECK_INT(visit.call.status, 503);
		CHECK_SLICE(buffer_slice(&visit.call.body), slice_from(rows[i].body));
		finish(&visit);
	}
}

TEST(the_servers_own_refusals_have_the_services_form) {
	struct visit visit;
	struct header headers[8];
	struct buffer body;
	buffer_init(&body, 4096);
	begin(&visit, "POST", "/");
	size_t count = server_events->format_refusal(server_owner, 413, "The body is too large.", headers, &body);
	CHECK_SLICE(buffer_slice(&body), SLICE("{\"message\":\"The body is too large.\"}"));
	struct headers all = {headers, count};
	const struct slice *type = headers_find(all, SLICE("x-amzn-errortype"));
	const struct slice *id = headers_find(all, SLICE("x-amzn-requestid"));
	CHECK(type && slice_equal(*type, SLICE("RequestEntityTooLargeException")));
	CHECK(id && id->len == 36);
	CHECK(headers_find(all, SLICE("content-type")) != NULL);
	CHECK(headers_find(all, SLICE("retry-after")) == NULL);
	CHECK_INT(logged_lines(), 1);
	buffer_clear(&body);
	all.count = server_events->format_refusal(server_owner, 429, "there is no memory", headers, &body);
	type = headers_find(all, SLICE("x-amzn-errortype"));
	const struct slice *retry_ms = headers_find(all, SLICE("x-amz-retry-after"));
	CHECK(type && slice_equal(*type, SLICE("ThrottlingException")));
	CHECK(retry_ms && slice_equal(*retry_ms, SLICE("2000")));
	buffer_free(&body);
	finish(&visit);
}

int main(void) {
	log_file = memfd_create("log", 0);
	if (log_file < 0 || dup2(log_file, STDERR_FILENO) < 0)
		return 1;
	log_configure(LOG_INFO, LOG_JSON);
	RUN(the_engine_gets_the_request_without_credentials);
	RUN(hops_are_appended_to);
	RUN(a_whole_response_goes_through);
	RUN(a_stream_waits_for_its_reader);
	RUN(a_body_that_fell_short_is_broken_off);
	RUN(an_error_has_the_services_form);
	RUN(an_upstreams_error_passes_as_it_was);
	RUN(a_client_that_leaves_cancels);
	RUN(lines_are_written_together);
	RUN(refusals_never_reach_the_engine);
	RUN(a_call_that_is_on_no_model_keeps_its_path);
	RUN(while_draining_requests_on_open_connections_are_served);
	RUN(stopping_ends_what_is_under_way_and_refuses_the_rest);
	RUN(beyond_the_memory_limit_new_requests_are_refused);
	RUN(health_is_503_without_a_model_and_while_draining);
	RUN(the_servers_own_refusals_have_the_services_form);
	return check_summary();
}

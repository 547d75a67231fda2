// SPDX-License-Identifier: Apache-2.0
// Fakes of the server and of the engine around a data listener, which record how they are called. Included by one spec,
// whose program then links none of the real ones.
#ifndef SPEC_UNIT_GATEWAY_FAKES_H
#define SPEC_UNIT_GATEWAY_FAKES_H

#include <sys/mman.h>
#include <unistd.h>

#include "../check.h"
#include "base/log.h"
#include "gateway/data_listener.h"

// The server's side.

struct server_call {
	void *owner;
	int status;
	char headers[4096];
	int64_t content_length;
	struct buffer body;
	bool is_over, is_aborted, is_full;
};

static const struct server_events *server_events;
static void *server_owner;

struct server *server_new(struct loop *loop, const struct server_limits *limits, const struct server_timeouts *timeouts,
                          const struct server_events *events, void *owner) {
	(void)loop;
	(void)limits;
	(void)timeouts;
	server_events = events;
	server_owner = owner;
	return NULL;
}

void server_close(struct server *server) {
	(void)server;
}

void server_drain(struct server *server, loop_callback on_drained, void *owner) {
	(void)server;
	on_drained(owner);
}

static void keep_head(struct server_call *call, int status, struct headers headers) {
	size_t used = 0;
	CHECK(call->status == 0 && !call->is_over);
	call->status = status;
	for (size_t i = 0; i < headers.count; i++)
		used += (size_t)snprintf(call->headers + used, sizeof call->headers - used, "%.*s: %.*s\n",
		                         SLICE_ARGS(headers.list[i].name), SLICE_ARGS(headers.list[i].value));
}

void server_respond(struct server_call *call, int status, struct headers headers, struct slice body) {
	keep_head(call, status, headers);
	buffer_append(&call->body, body);
	call->is_over = true;
}

void server_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length) {
	keep_head(call, status, headers);
	call->content_length = content_length;
}

bool server_response_write(struct server_call *call, struct slice bytes) {
	CHECK(call->status != 0 && !call->is_over);
	buffer_append(&call->body, bytes);
	return !call->is_full;
}

void server_response_end(struct server_call *call) {
	CHECK(!call->is_over);
	call->is_over = true;
}

void server_response_abort(struct server_call *call, bool reset) {
	(void)reset;
	CHECK(!call->is_over);
	call->is_over = call->is_aborted = true;
}

// The engine's side.

static struct {
	int submitted, cancelled, resumed, stopped;
	struct mux_call call;
	char headers[4096];
	const struct mux_sink *sink;
	void *owner;
	uint64_t now_ms;
	struct pool pool;
	const char *model; // of the last attempt; NULL for none so far
} engine;

uint64_t loop_now_ms(const struct loop *loop) {
	(void)loop;
	return engine.now_ms;
}

// The turn of the loop ends when the test calls end_turn.
static struct timer *end_of_turn;

void timer_init(struct timer *timer, struct loop *loop, loop_callback callback, void *owner) {
	*timer = (struct timer){.loop = loop, .callback = callback, .owner = owner};
}

void timer_start(struct timer *timer, uint64_t delay_ms) {
	CHECK_INT(delay_ms, 0);
	end_of_turn = timer;
}

void timer_stop(struct timer *timer) {
	if (end_of_turn == timer)
		end_of_turn = NULL;
}

static void end_turn(void) {
	struct timer *timer = end_of_turn;
	end_of_turn = NULL;
	if (timer)
		timer->callback(timer->owner);
}

struct policy *mux_policy(struct mux *mux) {
	(void)mux;
	return NULL;
}

const struct pool *policy_pool(const struct policy *policy) {
	(void)policy;
	return &engine.pool;
}

size_t policy_disabled(const struct policy *policy, const char *names[POLICY_HOOKS_MAX]) {
	(void)policy;
	(void)names;
	return 0;
}

size_t policy_refusing(const struct policy *policy, const char *names[POLICY_HOOKS_MAX]) {
	return policy_disabled(policy, names);
}

void policy_release(struct policy *policy) {
	(void)policy;
}

struct mux_request *mux_submit(struct mux_worker *worker, const struct mux_call *call, const struct mux_sink *sink,
                               void *owner) {
	size_t used = 0;
	(void)worker;
	engine.submitted++;
	engine.call = *call;
	engine.sink = sink;
	engine.owner = owner;
	engine.headers[0] = '\0';
	for (size_t i = 0; i < call->headers.count; i++)
		used += (size_t)snprintf(engine.headers + used, sizeof engine.headers - used, "%.*s: %.*s\n",
		                         SLICE_ARGS(call->headers.list[i].name), SLICE_ARGS(call->headers.list[i].value));
	return (struct mux_request *)&engine;
}

uint32_t mux_progress(const struct mux_request *request, struct slice *model) {
	CHECK((const void *)request == (const void *)&engine);
	CHECK_INT(engine.cancelled, 0);
	*model = slice_from(engine.model);
	return engine.model ? 2 : 0;
}

void mux_cancel(struct mux_request *request) {
	CHECK((void *)request == (void *)&engine);
	engine.cancelled++;
}

// Ends the request as the engine does when no response has begun.
void mux_stop(struct mux_request *request) {
	struct mux_error error = {.status = 429, .exception = SLICE("ThrottlingException"), .retry_after_ms = 1000};
	CHECK((void *)request == (void *)&engine);
	engine.stopped++;
	engine.sink->on_done(engine.owner,
	                     &(struct mux_result){.outcome = OUTCOME_CANCELLED, .failed = true, .error = error});
}

void mux_resume(struct mux_request *request) {
	CHECK((void *)request == (void *)&engine);
	engine.resumed++;
}

// The log is written to a file in memory.

static int log_file;

static void clear_log(void) {
	if (ftruncate(log_file, 0) != 0 || lseek(log_file, 0, SEEK_SET) != 0)
		CHECK(!"the log file can be emptied");
}

// The log from its first "message" field on.
static const char *logged_line(char *text, size_t size) {
	end_turn();
	ssize_t length = pread(log_file, text, size - 1, 0);
	text[length > 0 ? length : 0] = '\0';
	char *start = strstr(text, "\"message\"");
	return start ? start : "";
}

static size_t count_logged_lines(void) {
	char text[8192];
	size_t lines = 0;
	end_turn();
	ssize_t length = pread(log_file, text, sizeof text, 0);
	for (ssize_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	return lines;
}

// A data listener and one request to it.

struct fixture {
	atomic_bool is_draining;
	struct data_listener listener;
	struct server_call call;
	struct server_request request;
};

static const struct header client_headers[] = {
    {{"Host", 4}, {"127.0.0.1:8080", 14}},
    {{"Authorization", 13}, {"AWS4-HMAC-SHA256 SECRET", 23}},
    {{"x-amz-security-token", 20}, {"SECRET", 6}},
    {{"Cookie", 6}, {"SECRET", 6}},
    {{"content-type", 12}, {"application/json", 16}},
};

static void fixture_begin(struct fixture *fixture, const char *method, const char *path) {
	const struct data_listener_settings settings = {
	    .instance = "me", .logs_access = true, .is_draining = &fixture->is_draining};
	*fixture = (struct fixture){0};
	memset(&engine, 0, sizeof engine);
	engine.now_ms = 1000;
	clear_log();
	data_listener_init(&fixture->listener, NULL, NULL, NULL, &settings);
	random_init(&fixture->listener.random, 7);
	buffer_init(&fixture->call.body, 1 << 20);
	fixture->request = (struct server_request){
	    .method = slice_from(method),
	    .target = slice_from(path),
	    .path = slice_from(path),
	    .headers = {client_headers, 5},
	    .body = SLICE("{\"prompt\":\"SECRET\"}"),
	    .peer = SLICE("127.0.0.1:5000"),
	};
}

static void fixture_send(struct fixture *fixture) {
	server_events->on_request(server_owner, &fixture->call, &fixture->request, &fixture->call.owner);
}

static void fixture_end(struct fixture *fixture) {
	buffer_free(&fixture->call.body);
	data_listener_free(&fixture->listener);
}

#endif

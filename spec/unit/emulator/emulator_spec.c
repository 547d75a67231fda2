// SPDX-License-Identifier: Apache-2.0
// The whole emulator in virtual time: authentication, responses and their times, clients and slots, and each fault byte
// by byte.
#include "../check.h"

#include <stdio.h>

#include "aws/eventstream.h"
#include "base/error.h"
#include "base/json.h"
#include "emulator/emulator.h"

#include "base/problem.h"
#include "fake_net.h"

#define MODEL "/model/us.amazon.nova-lite-v1%3A0/"
#define CONVERSE MODEL "converse"
#define STREAM MODEL "converse-stream"
#define ASK "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hello\"}]}]}"

// One model: 100 ms to the first token, then 10 ms for each; 20 tokens, 5 to a delta.
#define WORLD                                                                                                          \
	"{\"traffic\":{\"output_tokens\":[20,20]},\"models\":{\"us.amazon.nova-lite-v1:0\":{"                              \
	"\"ttft_ms\":{\"p50\":100,\"p99\":100},\"tokens_per_second\":{\"p50\":100,\"p99\":100}%s}}}"
enum { EVENTS = 8 }; // messageStart, 4 deltas, contentBlockStop, messageStop, metadata

static struct scenario scenario;
static struct emulator *emulator;

static void open_world(const char *more, struct emulator_settings settings) {
	char text[1024];
	const char *message;
	struct document document;
	struct problems problems = {0};
	snprintf(text, sizeof text, WORLD, more);
	CHECK_INT(json_read_document(slice_from(text), &document), 0);
	CHECK_INT(scenario_read(&document, "", emulator_exception_names(), &problems, &scenario), 0);
	document_free(&document);
	problems_free(&problems);
	emulator = emulator_new(&fake_loop, &scenario, &settings, &message);
	CHECK(emulator);
}

static void open_plain(const char *more) {
	open_world(more, (struct emulator_settings){.listen = "127.0.0.1:0", .speed = 1});
}

static void close_world(void) {
	emulator_close(emulator);
	scenario_free(&scenario);
	CHECK_INT(fake_loop.count, 0);
}

static void control(const char *change) {
	struct server_call *call = call_send("POST", "/_emulator/models/us.amazon.nova-lite-v1%3A0", change, NULL);
	CHECK_INT(call->status, 200);
	call_drop(call);
}

static bool contains(const struct buffer *buffer, const char *text) {
	return buffer->len > 0 && memmem(buffer->ptr, buffer->len, text, strlen(text));
}

// The value of one counter of one operation.
static int counter(const char *operation, const char *name) {
	struct document document;
	struct server_call *call = call_send("GET", "/_emulator/requests", "", NULL);
	CHECK_INT(json_read_document(buffer_slice(&call->body), &document), 0);
	const struct document *model = document_get(document_get(&document, "models"), "us.amazon.nova-lite-v1:0");
	const struct document *number = document_get(document_get(model, operation), name);
	int found = number ? (int)number->number : 0;
	document_free(&document);
	call_drop(call);
	return found;
}

TEST(a_whole_response_is_sent_when_its_last_token_is_due) {
	open_plain("");
	struct server_call *call = call_send("POST", CONVERSE, ASK, NULL);
	pass(289);
	CHECK_INT(call->status, 0);
	pass(1);
	CHECK_INT(call->status, 200);
	CHECK(call->ended);
	CHECK(contains(&call->head, "x-amzn-requestid: "));
	CHECK(contains(&call->body, "us.amazon.nova-lite-v1:0 says:"));
	CHECK(contains(&call->body, "\"latencyMs\":290"));
	CHECK_INT(counter("Converse", "answered"), 1);
	call_drop(call);
	close_world();
}

TEST(speed_accelerates_time) {
	open_world("", (struct emulator_settings){.listen = "127.0.0.1:0", .speed = 10});
	struct server_call *call = call_send("POST", CONVERSE, ASK, NULL);
	pass(28);
	CHECK_INT(call->status, 0);
	pass(1);
	CHECK_INT(call->status, 200);
	call_drop(call);
	close_world();
}

TEST(the_limit_of_the_request_holds) {
	open_plain("");
	struct server_call *call =
	    call_send("POST", CONVERSE,
	              "{\"messages\":[{\"content\":[{\"text\":\"x\"}]}],\"inferenceConfig\":{\"maxTokens\":3}}", NULL);
	pass(120);
	CHECK(contains(&call->body, "\"stopReason\":\"max_tokens\""));
	CHECK(contains(&call->body, "\"outputTokens\":3"));
	call_drop(call);
	close_world();
}

// Writes the types of the received frames, a letter each: s d b S m, X for an exception; then an error, if any.
static void types_of(const struct server_call *call, char *types) {
	struct eventstream_decoder decoder;
	struct eventstream_frame frame;
	enum eventstream_progress progress;
	struct slice rest = buffer_slice(&call->body);
	eventstream_decoder_init(&decoder, EVENTSTREAM_FRAME_BYTES);
	while ((progress = eventstream_decoder_next(&decoder, &rest, &frame)) == EVENTSTREAM_FRAME) {
		struct slice type = eventstream_frame_text(&frame, SLICE(":event-type"));
		if (eventstream_frame_kind(&frame) != EVENTSTREAM_KIND_EVENT)
			*types++ = 'X';
		else if (slice_equal(type, SLICE("messageStop")))
			*types++ = 'S';
		else if (slice_starts(type, SLICE("contentBlock")))
			*types++ = slice_ends(type, SLICE("Stop")) ? 'b' : 'd';
		else
			*types++ = slice_equal(type, SLICE("metadata")) ? 'm' : 's';
	}
	if (progress == EVENTSTREAM_BROKEN)
		*types++ = '#';
	else if (eventstream_decoder_finish(&decoder) != EVENTSTREAM_OK)
		*types++ = '/';
	*types = '\0';
	eventstream_decoder_free(&decoder);
}

static void check_types(const struct server_call *call, const char *expected) {
	char types[256];
	types_of(call, types);
	CHECK_STRING(types, expected);
}

TEST(events_are_sent_when_their_tokens_are_due) {
	static const struct {
		uint64_t at_ms;
		const char *types;
	} steps[] = {{99, ""},     {100, "s"},    {139, "s"},    {140, "sd"},      {189, "sd"},
	             {190, "sdd"}, {240, "sddd"}, {289, "sddd"}, {290, "sddddbSm"}};
	open_plain("");
	struct server_call *call = call_send("POST", STREAM, ASK, NULL);
	uint64_t now_ms = 0;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		pass(steps[i].at_ms - now_ms);
		now_ms = steps[i].at_ms;
		check_types(call, steps[i].types);
	}
	CHECK(call->ended);
	CHECK_INT(call->length, -1);
	CHECK(contains(&call->head, "content-type: application/vnd.amazon.eventstream"));
	call_drop(call);
	close_world();
}

TEST(a_slow_client_holds_the_stream_back) {
	open_plain("");
	struct server_call *call = call_send("POST", STREAM, ASK, NULL);
	call->room = 1;
	pass(10000);
	check_types(call, "s");
	CHECK_INT(fake_loop.count, 0); // nothing is done until the client reads
	call_read_on(call, call->body.len + 1);
	check_types(call, "sddddbSm");
	CHECK(call->ended);
	call_drop(call);
	close_world();
}

TEST(a_client_that_leaves_frees_its_slot) {
	open_plain(",\"concurrency\":1");
	struct server_call *first = call_send("POST", STREAM, ASK, NULL);
	struct server_call *second = call_send("POST", STREAM, ASK, NULL);
	struct server_call *third = call_send("POST", CONVERSE, ASK, NULL);
	pass(150);
	check_types(first, "sd");
	check_types(second, "");
	call_leave(second); // while it waits
	call_leave(first);
	pass(289);
	CHECK_INT(third->status, 0);
	pass(1);
	CHECK_INT(third->status, 200);
	CHECK_INT(counter("ConverseStream", "cancelled"), 2);
	CHECK_INT(counter("Converse", "answered"), 1);
	call_drop(first);
	call_drop(second);
	call_drop(third);
	close_world();
}

TEST(a_client_may_leave_within_a_write) {
	open_plain("");
	for (int i = 0; i < 2; i++) {
		control(i ? "{\"fault\":\"truncate\",\"after\":0}" : "{\"fault\":null}");
		struct server_call *stream = call_send("POST", STREAM, ASK, NULL);
		struct server_call *whole = call_send("POST", CONVERSE, ASK, NULL);
		stream->leaves_at_write = whole->leaves_at_write = true;
		pass(1000);
		CHECK(call_is_over(stream) && call_is_over(whole));
		call_drop(stream);
		call_drop(whole);
	}
	CHECK_INT(counter("ConverseStream", "cancelled"), 1);
	CHECK_INT(counter("ConverseStream", "received"), 2);
	close_world();
}

TEST(a_long_queue_is_served_in_order) {
	enum { CALLS = 2000 };
	static struct server_call *calls[CALLS];
	open_plain(",\"concurrency\":1");
	control("{\"latency_ms\":0,\"tokens_per_second\":1000000}");
	control("{\"latency_ms\":5}");
	for (int i = 0; i < CALLS; i++)
		calls[i] = call_send("POST", CONVERSE, ASK, NULL);
	pass(5 * 1000);
	CHECK(calls[999]->ended);
	CHECK(!calls[1001]->ended);
	pass(5 * 1001);
	for (int i = 0; i < CALLS; i++) {
		CHECK_INT(calls[i]->status, 200);
		call_drop(calls[i]);
	}
	close_world();
}

struct fault_case {
	const char *change; // after {"fault":
	const char *types;  // of the stream
	enum { ENDS, ABORTS, RESETS, STAYS } stream, whole;
	int whole_status;
};

static const struct fault_case faults[] = {
    {"\"hang\"", "", STAYS, STAYS, 0},
    {"\"close_early\"", "", ABORTS, ABORTS, 0},
    {"\"reset\"", "", RESETS, RESETS, 0},
    {"\"reset\",\"after\":2", "sd", RESETS, RESETS, 200},
    {"\"truncate\"", "sdd/", ABORTS, ABORTS, 200},
    {"\"truncate\",\"after\":0", "/", ABORTS, ABORTS, 200},
    {"\"truncate\",\"after\":\"messageStop\"", "sddddbS/", ABORTS, ABORTS, 200},
    {"\"corrupt\"", "sdd#", ENDS, ENDS, 200},
    {"\"corrupt\",\"after\":\"messageStop\"", "sddddbS#", ENDS, ENDS, 200},
    {"\"stall\"", "sdd", STAYS, STAYS, 200},
    {"\"stall\",\"after\":1", "s", STAYS, STAYS, 200},
    {"\"silent_end\"", "sdd", ENDS, ENDS, 200},
    {"\"silent_end\",\"after\":1000", "sddddb", ENDS, ENDS, 200}, // always before messageStop
    {"\"garbage\"", "#", ENDS, ENDS, 200},
    {"\"lying_length\"", "sddddbSm", ABORTS, ABORTS, 200},
    {"{\"exception\":\"ModelStreamErrorException\"}", "X", ENDS, ENDS, 424},
    {"{\"exception\":\"ThrottlingException\",\"after\":3}", "sddX", ENDS, ENDS, 429},
};

static void check_end(const struct server_call *call, int end) {
	CHECK_INT(call->ended, end == ENDS);
	CHECK_INT(call->aborted, end == ABORTS || end == RESETS);
	CHECK_INT(call->reset, end == RESETS);
}

TEST(faults_are_exact) {
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		char change[256];
		open_plain(",\"concurrency\":10");
		snprintf(change, sizeof change, "{\"fault\":%s}", faults[i].change);
		control(change);
		struct server_call *stream = call_send("POST", STREAM, ASK, NULL);
		struct server_call *whole = call_send("POST", CONVERSE, ASK, NULL);
		pass(100000);
		int failures = check_failures_in_test;
		check_types(stream, faults[i].types);
		check_end(stream, faults[i].stream);
		check_end(whole, faults[i].whole);
		CHECK_INT(whole->status, faults[i].whole_status);
		CHECK_INT(counter("ConverseStream", "faults"), 1);
		CHECK_INT(counter("Converse", "faults"), 1);
		call_drop(stream);
		call_drop(whole);
		CHECK_INT(counter("ConverseStream", "cancelled"), 0);
		if (check_failures_in_test > failures)
			printf("  with %s\n", change);
		close_world();
	}
}

TEST(faults_of_bodies_are_exact) {
	open_plain("");
	static const struct {
		const char *change;
		int64_t missing; // of content-length; -1: less than half of it was sent
	} cases[] = {
	    {"{\"fault\":\"truncate\"}", -1}, {"{\"fault\":\"stall\"}", -1}, {"{\"fault\":\"lying_length\"}", 512}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		control(cases[i].change);
		struct server_call *call = call_send("POST", CONVERSE, ASK, NULL);
		pass(1000);
		int64_t sent = (int64_t)call->body.len;
		CHECK(sent > 0);
		CHECK(cases[i].missing < 0 ? sent == call->length / 2 : sent + cases[i].missing == call->length);
		call_drop(call);
	}
	control("{\"fault\":\"corrupt\"}");
	struct server_call *call = call_send("POST", CONVERSE, ASK, NULL);
	struct document document;
	pass(1000);
	CHECK_INT(json_read_document(buffer_slice(&call->body), &document), ERROR_INVALID);
	call_drop(call);
	close_world();
}

TEST(exceptions_have_the_services_form) {
	open_plain("");
	control("{\"fault\":\"ThrottlingException\",\"retry_after_ms\":2500}");
	struct server_call *call = call_send("POST", CONVERSE, ASK, NULL);
	pass(10); // a tenth of the time to the first token
	CHECK_INT(call->status, 429);
	CHECK(contains(&call->head, "x-amzn-errortype: ThrottlingException:http://"));
	CHECK(contains(&call->head, "x-amz-retry-after: 2500\n"));
	CHECK(contains(&call->head, "retry-after: 3\n"));
	CHECK_SLICE(buffer_slice(&call->body),
	            SLICE("{\"message\":\"Too many requests, please wait before trying again.\"}"));
	call_drop(call);
	control("{\"fault\":\"html\"}");
	call = call_send("POST", CONVERSE, ASK, NULL);
	pass(10);
	CHECK_INT(call->status, 502);
	CHECK(contains(&call->head, "content-type: text/html"));
	call_drop(call);
	close_world();
}

TEST(quotas_throttle) {
	open_plain(",\"quota\":{\"rpm\":2,\"tpm\":1000}");
	struct server_call *calls[3];
	for (int i = 0; i < 3; i++)
		calls[i] = call_send("POST", CONVERSE, ASK, NULL);
	pass(1000);
	CHECK_INT(calls[1]->status, 200);
	CHECK_INT(calls[2]->status, 429);
	CHECK(contains(&calls[2]->body, "Too many requests"));
	CHECK_INT(counter("Converse", "throttled"), 1);
	for (int i = 0; i < 3; i++)
		call_drop(calls[i]);
	close_world();
}

TEST(tiers_are_distinguished) {
	static const struct {
		const char *tier;
		int status;
		const char *says;
	} rows[] = {
	    {"flex", 429, "Too many requests"},
	    {"default", 200, "\"serviceTier\":{\"type\":\"default\"}"},
	    {"priority", 400, "The model does not support the service tier provided."},
	    {"reserved", 400, "Reservation not found."},
	    {"cheap", 400, "The service tier provided is invalid."},
	};
	open_plain(",\"tiers\":[\"default\",\"flex\"]");
	control("{\"fault\":\"ThrottlingException\",\"tier\":\"flex\"}");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char body[256];
		snprintf(body, sizeof body, "{\"serviceTier\":{\"type\":\"%s\"},%s", rows[i].tier, ASK + 1);
		struct server_call *call = call_send("POST", CONVERSE, body, NULL);
		pass(1000);
		CHECK_INT(call->status, rows[i].status);
		CHECK(contains(&call->body, rows[i].says));
		call_drop(call);
	}
	close_world();
}

TEST(invalid_requests_are_refused) {
	static const struct {
		const char *method, *path, *body;
		int status;
		const char *type, *message;
	} cases[] = {
	    {"POST", "/model/unknown/converse", ASK, 400, "ValidationException",
	     "The provided model identifier is invalid."},
	    {"POST", "/model//converse", ASK, 400, "ValidationException", "The provided model identifier is invalid."},
	    {"POST", "/model/%zz/converse", ASK, 400, "ValidationException", "The provided model identifier is invalid."},
	    {"GET", CONVERSE, "", 404, "UnknownOperationException", "no such operation"},
	    {"POST", "/other", "{}", 404, "UnknownOperationException", "no such operation"},
	    {"POST", MODEL "invoke-with-bidirectional-stream", "{}", 404, "UnknownOperationException", "no such operation"},
	    {"POST", CONVERSE, "{", 400, "SerializationException", "no JSON object"},
	    {"POST", CONVERSE, "{}", 400, "ValidationException", "A conversation must start with a user message."},
	    {"POST", MODEL "invoke", "x", 400, "ValidationException", "Malformed input request"},
	    {"POST", "/_emulator/models/nobody", "{}", 404, "ResourceNotFoundException", "no model of that id"},
	    {"POST", "/_emulator/models/%4", "{}", 400, "ValidationException", "model id"},
	    {"POST", "/_emulator/models/*", "[", 400, "ValidationException", "expected a JSON object"},
	    {"POST", "/_emulator/models/*", "{\"falt\":1}", 400, "ValidationException", "did you mean fault?"},
	    {"POST", "/_emulator/models/*", "{\"share\":2}", 400, "ValidationException", "share: expected a number"},
	    {"POST", "/_emulator/models/*", "{\"fault\":\"hang\",\"tier\":\"cheap\"}", 400, "ValidationException",
	     "tier: expected a tier (default, flex, priority, reserved)"},
	    {"POST", "/_emulator/models/*", "{\"share\":0.5}", 400, "ValidationException",
	     "share: expected a fault beside it"},
	    {"GET", "/_emulator/models/*", "", 404, "UnknownOperationException", "control path"},
	    {"POST", "/_emulator/other", "", 404, "UnknownOperationException", "control path"},
	};
	open_plain("");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct server_call *call = call_send(cases[i].method, cases[i].path, cases[i].body, NULL);
		int failures = check_failures_in_test;
		CHECK(call->ended);
		CHECK_INT(call->status, cases[i].status);
		CHECK(contains(&call->head, cases[i].type));
		CHECK(contains(&call->body, cases[i].message));
		if (check_failures_in_test > failures)
			printf("  %s %s: %.*s\n", cases[i].method, cases[i].path, SLICE_ARGS(buffer_slice(&call->body)));
		call_drop(call);
	}
	close_world();
}

TEST(the_reset_restores_the_scenario) {
	open_plain(",\"quota\":{\"rpm\":1}");
	control("{\"latency_ms\":0}");
	call_drop(call_send("POST", CONVERSE, ASK, NULL));
	CHECK_INT(counter("Converse", "received"), 1);
	call_drop(call_send("POST", "/_emulator/reset", "", NULL));
	CHECK_INT(counter("Converse", "received"), 0);
	struct server_call *call = call_send("POST", CONVERSE, ASK, NULL);
	pass(289);
	CHECK_INT(call->status, 0); // the scenario's own latency applies again
	pass(1);
	CHECK_INT(call->status, 200); // and so does its whole quota
	call_drop(call);
	close_world();
}

TEST(the_control_path_is_for_loopback) {
	open_world("", (struct emulator_settings){.listen = "0.0.0.0:0", .speed = 1});
	struct server_call *call = call_send("GET", "/_emulator/requests", "", NULL);
	CHECK_INT(call->status, 403);
	call_drop(call);
	close_world();
}

TEST(callers_must_authenticate) {
	struct credentials *keys = credentials_new("AKIDEXAMPLE", "secret", NULL, NULL);
	struct credentials *bearer = credentials_new(NULL, NULL, NULL, "token-one");
	static const struct {
		bool keys, bearer;
		const char *authorization;
		int status; // 0: accepted
		const char *type;
	} cases[] = {
	    {false, false, NULL, 0, ""},
	    {false, false, "nonsense", 0, ""},
	    {true, true, NULL, 403, "MissingAuthenticationTokenException"},
	    {true, true, "Bearer token-one", 0, ""},
	    {true, true, "Bearer token-two", 403, "AccessDeniedException"},
	    {true, true, "Bearer token-one1", 403, "AccessDeniedException"},
	    {true, true, "Bearer ", 403, "AccessDeniedException"},
	    {true, false, "Bearer token-one", 403, "UnrecognizedClientException"},
	    {false, true, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request", 403,
	     "UnrecognizedClientException"},
	    {true, false, "AWS4-HMAC-SHA256 Credential=", 403, "x-amzn-errortype"},
	    {true, false, "AWS4-HMAC-SHA256 Credential=a/b", 403, "x-amzn-errortype"},
	    {true, false, "", 403, "x-amzn-errortype"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		open_world("", (struct emulator_settings){.listen = "127.0.0.1:0",
		                                          .speed = 1,
		                                          .keys = cases[i].keys ? keys : NULL,
		                                          .bearer = cases[i].bearer ? bearer : NULL});
		struct server_call *call = call_send("POST", CONVERSE, ASK, cases[i].authorization);
		int failures = check_failures_in_test;
		CHECK(call->status == cases[i].status || (call->status >= 400 && cases[i].status >= 400));
		CHECK(cases[i].status == 0 || contains(&call->head, cases[i].type));
		if (check_failures_in_test > failures)
			printf("  \"%s\": %.*s\n", cases[i].authorization, SLICE_ARGS(buffer_slice(&call->head)));
		call_drop(call);
		close_world();
	}
	credentials_release(keys);
	credentials_release(bearer);
}

TEST(a_taken_address_is_reported) {
	struct emulator_settings settings = {.listen = "taken:1", .speed = 1};
	const char *message = NULL;
	scenario_read_healthy(&scenario);
	CHECK(!emulator_new(&fake_loop, &scenario, &settings, &message));
	CHECK_STRING(message, "the address is taken");
	scenario_free(&scenario);
}

int main(void) {
	RUN(a_whole_response_is_sent_when_its_last_token_is_due);
	RUN(speed_accelerates_time);
	RUN(the_limit_of_the_request_holds);
	RUN(events_are_sent_when_their_tokens_are_due);
	RUN(a_slow_client_holds_the_stream_back);
	RUN(a_client_that_leaves_frees_its_slot);
	RUN(a_client_may_leave_within_a_write);
	RUN(a_long_queue_is_served_in_order);
	RUN(faults_are_exact);
	RUN(faults_of_bodies_are_exact);
	RUN(exceptions_have_the_services_form);
	RUN(quotas_throttle);
	RUN(tiers_are_distinguished);
	RUN(invalid_requests_are_refused);
	RUN(the_reset_restores_the_scenario);
	RUN(the_control_path_is_for_loopback);
	RUN(callers_must_authenticate);
	RUN(a_taken_address_is_reported);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// The request machine has two drivers, the engine and the dry run behind `check`. For each way in which a request can
// end, both give `finish` and the client the same.
#include "../mux/engine.h"

#include "base/log.h"
#include "base/problem.h"
#include "lab/driver.h"
#include "lab/presets.h"
#include "lab/samples.h"
#include "mux/body_reader.h"
#include "policy/shared.h"
#include "route/error_response.h"
#include "route/model_state.h"

enum { TEXT_BYTES = 160, POLICY_BYTES = 1024, ARENA_BYTES = 1 << 20, ALWAYS = UINT32_MAX };

#define TWO "models = { { id = 'a' }, { id = 'b', fallback = true } }, stream_idle_ms = 5000, "
#define FINISH                                                                                                         \
	"finish = function(request, result) require('signalbox.shared').set('result',\n"                                   \
	"table.concat({ result.outcome, tostring(result.status), tostring(result.error), result.attempts,\n"               \
	"result.model and result.model.name or '-' }, ' ')) end }"

// A way in which a request ends: as the dry run's course, and as the events of the engine's network, in order.
struct end {
	const char *title;
	const char *policy; // without its brace and `finish`
	enum preset preset;
	bool is_default_tier_throttled;
	bool has_no_credentials;
	enum sample_kind request;
	struct course course;
	const char *script;
	const char *result; // that `finish` gets: "OUTCOME STATUS ERROR ATTEMPTS MODEL"
	const char *code;   // that the client gets
};

#define NAMED(text) .name = {text, sizeof(text) - 1}
#define HTTP_ERROR(code, text, kind_of_error, whose)                                                                   \
	{ .kind = FAILURE_HTTP, .status = code, NAMED(text), .type = kind_of_error, .fault = whose, .retry_after_ms = -1 }
#define BROKEN(how, text)                                                                                              \
	{ .kind = how, NAMED(text), .type = TYPE_NETWORK, .fault = FAULT_MODEL, .retry_after_ms = -1 }
#define THROTTLE HTTP_ERROR(429, "ThrottlingException", TYPE_THROTTLING, FAULT_THROTTLE)
#define STREAM_THROTTLE                                                                                                \
	{                                                                                                                  \
		.kind = FAILURE_STREAM, .status = 429, NAMED("ThrottlingException"), .type = TYPE_THROTTLING,                  \
		.fault = FAULT_THROTTLE, .retry_after_ms = -1                                                                  \
	}
#define LACKS_TIER                                                                                                     \
	{                                                                                                                  \
		.kind = FAILURE_HTTP, .status = 400, NAMED("ValidationException"), .type = TYPE_VALIDATION,                    \
		.message = {"no such service tier", 20}, .fault = FAULT_CALLER, .shortage = SHORTAGE_TIER,                     \
		.retry_after_ms = -1                                                                                           \
	}

static const struct end ends[] = {
    {"a whole response", TWO, .script = "answer", .result = "success 200 nil 1 a"},
    {"a streamed response", TWO, .request = REQUEST_STREAM, .script = "stream finish", .result = "success 200 nil 1 a"},
    {"another model's response", TWO, .course = {.failure = THROTTLE, .failures = 1}, .script = "throttle answer",
     .result = "success 200 nil 2 b"},
    {"an upstream's error after a verdict to fail", TWO,
     .course = {.failure = HTTP_ERROR(400, "ValidationException", TYPE_VALIDATION, FAULT_CALLER), .failures = ALWAYS},
     .script = "invalid", .result = "fail_fast 400 ValidationException 1 a"},
    {"throttles only", TWO, .course = {.failure = THROTTLE, .failures = ALWAYS}, .script = "throttle throttle",
     .result = "rate_limit 429 ThrottlingException 2 b", .code = "RETRIES_EXHAUSTED"},
    {"an error without a name", TWO,
     .course = {.failure = {.kind = FAILURE_HTTP,
                            .status = 503,
                            .exception = {"ServiceUnavailableException", 27},
                            .type = TYPE_MODEL_UNAVAILABLE,
                            .fault = FAULT_MODEL,
                            .retry_after_ms = -1},
                .failures = ALWAYS},
     .script = "unnamed unnamed", .result = "fail_fast 503 ServiceUnavailableException 2 b",
     .code = "RETRIES_EXHAUSTED"},
    {"refused credentials", TWO,
     .course = {.failure = HTTP_ERROR(403, "AccessDeniedException", TYPE_AUTHENTICATION, FAULT_OPERATOR),
                .failures = ALWAYS},
     .script = "denied denied", .result = "fail_fast 403 AccessDeniedException 2 b", .code = "RETRIES_EXHAUSTED"},
    {"exceptions in streams, before any content", TWO, .request = REQUEST_STREAM,
     .course = {.failure = STREAM_THROTTLE, .failures = ALWAYS}, .script = "exception exception",
     .result = "rate_limit 429 ThrottlingException 2 b", .code = "RETRIES_EXHAUSTED"},
    {"an exception within a stream", TWO, .request = REQUEST_STREAM,
     .course = {.failure = STREAM_THROTTLE, .failures = ALWAYS, .breaks_off = true}, .script = "stream throw",
     .result = "rate_limit 200 ThrottlingException 1 a"},
    {"a stream that is reset", TWO, .request = REQUEST_STREAM,
     .course = {.failure = BROKEN(FAILURE_NETWORK, "ConnectionReset"), .failures = ALWAYS, .breaks_off = true},
     .script = "stream reset", .result = "fail_fast 200 ConnectionReset 1 a"},
    {"a stream that ends before its message", TWO, .request = REQUEST_STREAM,
     .course = {.failure = BROKEN(FAILURE_STREAM, "StreamEndedEarly"), .failures = ALWAYS, .breaks_off = true},
     .script = "stream end", .result = "fail_fast 200 StreamEndedEarly 1 a"},
    {"a stream that falls silent", TWO, .request = REQUEST_STREAM,
     .course = {.failure = BROKEN(FAILURE_TIMEOUT, "StreamStalled"), .failures = ALWAYS, .breaks_off = true},
     .script = "stream silence", .result = "fail_fast 200 StreamStalled 1 a"},
    {"connections that break", TWO,
     .course = {.failure = BROKEN(FAILURE_NETWORK, "ConnectionReset"), .failures = ALWAYS}, .script = "reset reset",
     .result = "fail_fast 503 ServiceUnavailableException 2 b", .code = "RETRIES_EXHAUSTED"},
    {"a verdict to retry without a budget", TWO "hedge_budget = 0, classify = function() return 'retry' end, ",
     .course = {.failure = BROKEN(FAILURE_NETWORK, "ConnectionReset"), .failures = ALWAYS}, .script = "reset reset",
     .result = "fail_fast 503 ServiceUnavailableException 2 b", .code = "RETRIES_EXHAUSTED"},
    {"a verdict to fail without an upstream's error", TWO "classify = function() return 'fail' end, ",
     .course = {.failure = BROKEN(FAILURE_NETWORK, "ConnectionReset"), .failures = ALWAYS}, .script = "reset",
     .result = "fail_fast 503 ServiceUnavailableException 1 a"},
    {"responses of another kind of server", TWO,
     .course = {.failure = BROKEN(FAILURE_NETWORK, "ForeignAnswer"), .failures = ALWAYS}, .script = "foreign foreign",
     .result = "fail_fast 503 ServiceUnavailableException 2 b", .code = "RETRIES_EXHAUSTED"},
    {"no response in time", TWO, .course = {.failure = BROKEN(FAILURE_TIMEOUT, "AttemptTimeout"), .failures = ALWAYS},
     .script = "silence silence", .result = "fail_fast 408 ModelTimeoutException 2 b", .code = "RETRIES_EXHAUSTED"},
    {"the deadline", TWO "deadline_ms = 2000, ",
     .course = {.failure = BROKEN(FAILURE_TIMEOUT, "AttemptTimeout"), .failures = ALWAYS}, .script = "silence",
     .result = "fail_fast 408 ModelTimeoutException 1 a", .code = "DEADLINE_EXCEEDED"},
    {"every response refused", TWO "accept = function() return false end, ",
     .course = {.response = &(const struct response){.status = 200, .body = {"{}", 2}}}, .script = "answer answer",
     .result = "refusal 424 ModelErrorException 2 b", .code = "RETRIES_EXHAUSTED"},
    {"no credentials", TWO,
     .course = {.failure = {.kind = FAILURE_NETWORK,
                            NAMED("NoCredentials"),
                            .type = TYPE_AUTHENTICATION,
                            .fault = FAULT_OPERATOR,
                            .retry_after_ms = -1},
                .failures = ALWAYS},
     .has_no_credentials = true, .script = "next next", .result = "fail_fast 500 InternalServerException 2 b",
     .code = "RETRIES_EXHAUSTED"},
    {"no model serves it", "models = { { id = 'a', serves = { 'chat' } } }, ", .request = REQUEST_UNKNOWN,
     .script = "next", .result = "fail_fast 404 ResourceNotFoundException 0 -", .code = "NO_MODELS_AVAILABLE"},
    {"every breaker open", TWO, .preset = ALL_OPEN, .script = "next", .result = "fail_fast 429 ThrottlingException 0 -",
     .code = "NO_MODELS_AVAILABLE"},
    {"no model selected", TWO "select = function() end, ", .script = "next",
     .result = "fail_fast 429 ThrottlingException 0 -", .code = "NO_MODELS_AVAILABLE"},
    {"a wait in vain", TWO "max_wait_ms = 3000, ", .preset = ALL_OPEN, .script = "silence",
     .result = "fail_fast 429 ThrottlingException 0 -", .code = "NO_MODELS_AVAILABLE"},
    {"a model that lacks the tier above the one in cooldown",
     "models = { { id = 'a' } }, tier_escalation = 'priority', ", .is_default_tier_throttled = true,
     .course = {.failure = LACKS_TIER, .failures = ALWAYS}, .script = "tierless",
     .result = "fail_fast 429 ThrottlingException 1 a", .code = "RETRIES_EXHAUSTED"},
    {"a client that leaves before the response", TWO, .course = {.client_leaves = MOMENT_SENT}, .script = "leave",
     .result = "cancelled nil nil 1 a"},
    {"a client that leaves within a stream", TWO, .request = REQUEST_STREAM,
     .course = {.client_leaves = MOMENT_STREAMING}, .script = "stream leave", .result = "cancelled 200 nil 1 a"},
    {"a client that leaves while every model is in cooldown", TWO "max_wait_ms = 3000, ", .preset = ALL_OPEN,
     .course = {.client_leaves = MOMENT_WAITING}, .script = "leave", .result = "cancelled nil nil 0 -"},
    {"a client that leaves between two attempts", TWO "classify = function() return 'retry', { after_ms = 1000 } end, ",
     .course = {.failure = THROTTLE, .failures = ALWAYS, .client_leaves = MOMENT_WAITING}, .script = "throttle leave",
     .result = "cancelled nil nil 1 a"},
    {"a gateway that stops before the response", TWO, .course = {.gateway_stops = MOMENT_SENT}, .script = "stop",
     .result = "cancelled 429 ThrottlingException 1 a"},
    {"a gateway that stops while every model is in cooldown", TWO "max_wait_ms = 3000, ", .preset = ALL_OPEN,
     .course = {.gateway_stops = MOMENT_WAITING}, .script = "stop", .result = "cancelled 429 ThrottlingException 0 -"},
    {"a gateway that stops within a stream", TWO, .request = REQUEST_STREAM,
     .course = {.failure = BROKEN(FAILURE_NETWORK, "GatewayStopping"), .failures = ALWAYS, .breaks_off = true},
     .script = "stream stop", .result = "fail_fast 200 GatewayStopping 1 a"},
};

// What a driver reported.
struct seen {
	char client[TEXT_BYTES]; // "OUTCOME STATUS EXCEPTION CODE"; empty if the client gets no error
	char result[TEXT_BYTES]; // by `finish`
};

static void read_result(struct shared_store *store, uint64_t now_ms, struct seen *seen) {
	static struct shared_value value;
	bool is_there = shared_get(store, SLICE("result"), now_ms, &value);
	snprintf(seen->result, sizeof seen->result, "%.*s", is_there ? (int)value.text_bytes : 7,
	         is_there ? value.text : "nothing");
}

static void throttle_default_tier(const struct pool *pool, uint64_t now_ms) {
	for (size_t i = 0; i < pool->count; i++) {
		const struct model *model = &pool->models[i];
		struct admission_request admission_request = admission_request_of(model, (struct quota_demand){0});
		struct settlement throttled = {
		    .outcome = OUTCOME_RATE_LIMIT, .ttft_ms = -1, .classification = {.throttle = true, .cooldown_ms = 5000}};
		struct permit permit;
		struct state_changes state_changes;
		admission_request.tier = TIER_DEFAULT;
		CHECK(model_state_admit(model->state, &admission_request, ADMIT_ANYWAY, now_ms, &permit, &state_changes));
		model_state_settle(model->state, &admission_request, &permit, &throttled, now_ms, &state_changes);
	}
}

static void run_dry(const struct end *end, struct sources *sources, struct seen *seen) {
	struct driver driver;
	struct problems problems = {0};
	struct sample sample;
	CHECK_INT(driver_open(&driver, sources, &(struct policy_limits){100000, 16 << 20}, &mux_body_reader, &problems), 0);
	const struct pool *pool = policy_pool(driver.policy);
	sample_init(&sample, end->request, pool, &mux_body_reader, SLICE("chat"), 0);
	CHECK(driver_set(&driver, end->preset, SLICE("chat")));
	if (end->is_default_tier_throttled)
		throttle_default_tier(pool, driver.now_ms);
	struct step last = driver_play(&driver, &sample.attributes, &end->course);
	CHECK(last.kind == STEP_RETURN || last.kind == STEP_FAIL);
	*seen = (struct seen){.client = ""};
	if (last.response)
		snprintf(seen->client, sizeof seen->client, "%s %d %.*s %.*s", outcome_names[last.response->outcome],
		         last.response->status, SLICE_ARGS(last.response->exception), SLICE_ARGS(last.response->code));
	read_result(driver.host.shared, driver.now_ms, seen);
	sample_free(&sample);
	driver_close(&driver);
}

static void run_engine(const struct end *end, struct engine *engine, struct seen *seen) {
	const struct pool *pool = policy_pool(engine->version->policy);
	struct preset_attempt *held = NULL;
	struct sample sample;
	struct arena arena;
	arena_init(&arena, ARENA_BYTES);
	sample_init(&sample, end->request, pool, &mux_body_reader, SLICE("chat"), 0);
	CHECK(preset_set(pool, end->preset, SLICE("chat"), &arena, &fake_loop.now_ms, &held));
	if (end->is_default_tier_throttled)
		throttle_default_tier(pool, fake_loop.now_ms);
	engine_submit(engine, &sample.attributes);
	engine_play(engine, end->script);
	*seen = (struct seen){.client = ""};
	snprintf(seen->client, sizeof seen->client, "%s", engine->told);
	read_result(engine->mux->shared, fake_loop.now_ms, seen);
	preset_clear(held, fake_loop.now_ms);
	sample_free(&sample);
	arena_free(&arena);
}

// The client gets the error that `finish` gets, with the code.
static void expect_client(const struct end *end, char *text) {
	char outcome[32], status[8], error[64];
	if (sscanf(end->result, "%31s %7s %63s", outcome, status, error) != 3)
		abort();
	bool gets_error = strcmp(status, "nil") != 0 && strcmp(status, "200") != 0;
	snprintf(text, TEXT_BYTES, "%s %s %s %s", outcome, status, error, end->code ? end->code : "");
	if (!gets_error)
		*text = '\0';
}

// Observers get the same result once, and one end for each attempt that has started.
static void check_events(const struct end *end, const struct engine *engine) {
	char outcome[32], status[8], attempts[8], expected[64];
	CHECK_INT(engine->events[EVENT_REQUEST_STARTED], 1);
	CHECK_INT(engine->events[EVENT_REQUEST_ENDED], 1);
	CHECK_INT(engine->events[EVENT_ATTEMPT_STARTED], engine->events[EVENT_ATTEMPT_ENDED]);
	if (sscanf(end->result, "%31s %7s %*s %7s", outcome, status, attempts) != 3)
		abort();
	CHECK_INT(engine->events[EVENT_ATTEMPT_STARTED], atoi(attempts));
	snprintf(expected, sizeof expected, "%s %d %s", outcome, atoi(status), attempts);
	CHECK_STRING(engine->ended, expected);
}

TEST(both_drivers_report_the_same_end) {
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		const struct end *end = &ends[i];
		int before = check_failures_in_test;
		char policy[POLICY_BYTES], expected[TEXT_BYTES];
		struct engine engine;
		struct seen dry, real;
		snprintf(policy, sizeof policy, "return { %s" FINISH, end->policy);
		engine_open(&engine, policy, !end->has_no_credentials);
		expect_client(end, expected);
		run_dry(end, policy_sources(engine.version->policy), &dry);
		run_engine(end, &engine, &real);
		CHECK_STRING(dry.result, end->result);
		CHECK_STRING(real.result, end->result);
		CHECK_STRING(dry.client, expected);
		CHECK_STRING(real.client, expected);
		check_events(end, &engine);
		engine_close(&engine);
		if (check_failures_in_test > before)
			printf("  in \"%s\"\n", end->title);
	}
}

// For the engine only: a dry run has no queue.
TEST(finish_gets_a_client_that_leaves_the_queue) {
	struct engine engine;
	struct seen seen;
	struct sample sample;
	struct arena arena;
	struct preset_attempt *held = NULL;
	engine_open(&engine, "return { " TWO "max_wait_ms = 3000, " FINISH, true);
	const struct pool *pool = policy_pool(engine.version->policy);
	arena_init(&arena, ARENA_BYTES);
	sample_init(&sample, REQUEST_PLAIN, pool, &mux_body_reader, SLICE("chat"), 0);
	CHECK(preset_set(pool, ALL_OPEN, SLICE("chat"), &arena, &fake_loop.now_ms, &held));
	engine_submit(&engine, &sample.attributes);
	struct mux_request *first = engine.request;
	engine_submit(&engine, &sample.attributes);
	engine_play(&engine, "leave");
	read_result(engine.mux->shared, fake_loop.now_ms, &seen);
	CHECK_STRING(seen.result, "cancelled nil nil 0 -");
	mux_cancel(first);
	sample_free(&sample);
	arena_free(&arena);
	engine_close(&engine);
}

int main(void) {
	log_configure(LOG_OFF, LOG_TEXT);
	RUN(both_drivers_report_the_same_end);
	RUN(finish_gets_a_client_that_leaves_the_queue);
	return check_summary();
}

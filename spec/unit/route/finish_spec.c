// SPDX-License-Identifier: Apache-2.0
// What `finish` gets, and what the last step has for the client: once for each request, however it ends.
#include "fixture.h"

#include "route/error_response.h"

static void finish_init(struct fixture *f, const char *names) {
	fixture_init(f, names);
	f->decide.finish = fixture_finish;
}

// "OUTCOME MODEL ATTEMPTS STATUS ERROR", with "-" for none.
static const char *describe_result(const struct fixture *f) {
	static char text[128];
	const struct request_result *result = &f->finished;
	snprintf(text, sizeof text, "%s %s %u %d %.*s", outcome_names[result->outcome],
	         result->model ? result->model->name : "-", result->attempts, result->status,
	         SLICE_ARGS(result->error.len ? result->error : SLICE("-")));
	return text;
}

// Gives the input and carries out the steps: a cancelled attempt ends at once, with the status that it had.
static struct step drive(struct fixture *f, const char *input, uint64_t now_ms) {
	const struct attempt_result cancelled = {.end = ATTEMPT_CANCELLED, .status = 200, .ttft_ms = 5};
	struct step step = play_input(f->request, input, now_ms);
	while (step.kind == STEP_SEND || step.kind == STEP_CANCEL) {
		if (step.kind == STEP_CANCEL)
			step = route_attempt_ended(f->request, step.attempt, &cancelled, now_ms);
		else
			step = route_next(f->request, now_ms);
	}
	return step;
}

TEST(finish_is_called_once_for_each_end) {
	static const struct {
		const char *input[3];
		const char *expected;
		bool has_response; // the client gets an error response
	} rows[] = {
	    {{"ok 0"}, "success a 1 200 -", false},
	    {{"commit 0", "ok 0"}, "success a 1 200 -", false},
	    {{"throttle 0", "ok 1"}, "success b 2 200 -", false},
	    {{"throttle 0", "starve 1"}, "rate_limit b 2 429 ThrottlingException", true},
	    {{"starve 0", "lose 1"}, "fail_fast b 2 429 ThrottlingException", true},
	    {{"reject 0"}, "fail_fast a 1 400 -", true},
	    {{"lose 0", "lose 1"}, "fail_fast b 2 503 ServiceUnavailableException", true},
	    {{"expire 0", "expire 1"}, "fail_fast b 2 408 ModelTimeoutException", true},
	    {{"refuse 0", "refuse 1"}, "refusal b 2 424 ModelErrorException", true},
	    {{"refuse 0", "lose 1"}, "fail_fast b 2 503 ServiceUnavailableException", true},
	    {{"commit 0", "lose 0"}, "fail_fast a 1 200 ConnectionReset", false},
	    {{"commit 0", "starve 0"}, "rate_limit a 1 200 ThrottlingException", false},
	    // A client that has left has only what it got before.
	    {{"cancel"}, "cancelled a 1 0 -", false},
	    {{"lose 0", "cancel"}, "cancelled b 2 0 -", false},
	    {{"commit 0", "cancel"}, "cancelled a 1 200 -", false},
	    {{"stop"}, "cancelled a 1 429 ThrottlingException", true},
	    {{"commit 0", "stop"}, "cancelled a 1 200 -", false},
	    {{"stopped 0"}, "cancelled a 1 429 ThrottlingException", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture f;
		struct step step = {.kind = STEP_NONE};
		finish_init(&f, "a b");
		fixture_new_request(&f, 0);
		drive(&f, "begin", 0);
		for (size_t j = 0; j < 3 && rows[i].input[j]; j++) {
			CHECK_INT(f.finishes, 0);
			step = drive(&f, rows[i].input[j], 10 + j);
		}
		CHECK_INT(f.finishes, 1);
		CHECK_STRING(describe_result(&f), rows[i].expected);
		CHECK(step.kind == STEP_RETURN || step.kind == STEP_FAIL);
		CHECK_INT(step.result && step.result->status == f.finished.status, true);
		CHECK_INT(step.response != NULL, rows[i].has_response);
		if (step.response)
			CHECK_SLICE(step.response->exception, f.finished.error);
		fixture_free(&f);
	}
}

TEST(finish_is_called_without_an_attempt_too) {
	struct fixture f;
	finish_init(&f, "a");
	// Before it has begun, as in a queue.
	PLAY(&f, {0, "cancel", "fail cancelled"}, {1, "begin", ""}, {2, "cancel", ""});
	CHECK_STRING(describe_result(&f), "cancelled - 0 0 -");
	CHECK_INT(fixture_count_events(&f, "request"), 1);
	PLAY(&f, {0, "stop", "fail stopped"});
	CHECK_STRING(describe_result(&f), "cancelled - 0 429 ThrottlingException");
	f.selects_none = true;
	PLAY(&f, {0, "begin", "fail no-models unselected after 5000"});
	CHECK_STRING(describe_result(&f), "fail_fast - 0 429 ThrottlingException");
	fixture_break(&f, "a", 0);
	PLAY(&f, {0, "begin", "fail no-models unavailable after 30000"});
	CHECK_STRING(describe_result(&f), "fail_fast - 0 429 ThrottlingException");
	fixture_serves(&f, "a", "code");
	PLAY(&f, {0, "begin", "fail no-models unserved after 0"});
	CHECK_STRING(describe_result(&f), "fail_fast - 0 404 ResourceNotFoundException");
	CHECK_INT(f.finishes, 5);
	fixture_free(&f);
}

// Usage, times and the model are those of the attempt that succeeded, not of the last.
TEST(the_faster_attempt_is_the_response) {
	struct fixture f;
	finish_init(&f, "a b");
	f.hedges_after_ms = 10;
	fixture_new_request(&f, 100);
	drive(&f, "begin", 100);
	drive(&f, "next", 110);
	drive(&f, "commit 0", 120);
	struct attempt_result result = result_of("ok");
	result.ttft_ms = 20;
	result.usage = (struct token_usage){7, 8, 9, 10};
	struct step step = route_attempt_ended(f.request, 0, &result, 150);
	CHECK_INT(step.kind, STEP_RETURN);
	CHECK_STRING(describe_result(&f), "success a 2 200 -");
	CHECK_INT(f.finished.latency_ms, 50);
	CHECK_INT(f.finished.ttft_ms, 20);
	CHECK_INT(f.finished.usage.output_tokens, 8);
	// The usage of a failed attempt doesn't count.
	f.hedges_after_ms = 0;
	fixture_new_request(&f, 200);
	drive(&f, "begin", 200);
	result.end = ATTEMPT_FAILED;
	result.failure = result_of("reject").failure;
	route_attempt_ended(f.request, 0, &result, 210);
	CHECK_STRING(describe_result(&f), "fail_fast a 1 400 -");
	CHECK_INT(f.finished.usage.output_tokens, -1);
	CHECK_INT(f.finished.ttft_ms, -1);
	fixture_free(&f);
}

// An upstream's error names the attempt whose response is forwarded.
TEST(the_last_upstream_error_is_forwarded) {
	struct fixture f;
	finish_init(&f, "a b c");
	fixture_new_request(&f, 0);
	drive(&f, "begin", 0);
	drive(&f, "break 0", 1);
	drive(&f, "starve 1", 2);
	struct step step = drive(&f, "lose 2", 3);
	CHECK(step.response && step.response->from_upstream);
	CHECK_INT(step.response->attempt, 1);
	CHECK_INT(step.response->status, 429);
	CHECK_SLICE(step.response->code, SLICE("RETRIES_EXHAUSTED"));
	fixture_free(&f);
}

int main(void) {
	RUN(finish_is_called_once_for_each_end);
	RUN(finish_is_called_without_an_attempt_too);
	RUN(the_faster_attempt_is_the_response);
	RUN(the_last_upstream_error_is_forwarded);
	return check_summary();
}

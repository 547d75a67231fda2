// SPDX-License-Identifier: Apache-2.0
// Large bodies are read, edited and hashed in slices: others are served between any two, and a request may end
// meanwhile.
#include "engine.h"

#include "aws/digest.h"

enum { BODY_BYTES = 25 << 20, TURNS_MAX = 2 * BODY_BYTES / SLICE_BYTES + 8 };

#define MODELS "models = { { id = 'a', quota = { tpm = 1000000000 } } }, "
static const char QUOTA[] = "return { " MODELS "}";
static const char GUARDRAIL[] = "return { models = { { id = 'a' } },"
                                "prepare = function() return { guardrail = { identifier = 'g', version = '1' } } end }";
static const char PLAIN[] = "return { models = { { id = 'a' } } }";

static struct buffer repeat(const char *beginning, const char *unit, const char *end, size_t bytes) {
	struct buffer body;
	buffer_init(&body, bytes + 64);
	buffer_append(&body, slice_from(beginning));
	while (body.len + strlen(unit) + strlen(end) <= bytes)
		buffer_append(&body, slice_from(unit));
	buffer_append(&body, slice_from(end));
	return body;
}

static struct buffer large_body(void) {
	return repeat("{\"messages\":[1", ",1", "]}", BODY_BYTES);
}

static void submit(struct engine *engine, struct slice body) {
	engine->is_done = false;
	engine->told[0] = '\0';
	engine_submit(engine, &(struct request_attributes){.id = SLICE("r-1"), .asked = SLICE("a"), .body = body});
}

// The number of turns until nothing is posted any more.
static size_t run_turns(void) {
	size_t turns = 0;
	while (fake_turn() && turns <= TURNS_MAX)
		turns++;
	return turns;
}

TEST(a_small_body_takes_no_turn) {
	struct engine engine;
	engine_open(&engine, QUOTA, true);
	size_t before = fake_exchange_count;
	submit(&engine, SLICE("{\"messages\":[]}"));
	CHECK_INT(fake_exchange_count, before + 1);
	CHECK_INT(fake_post_count, 0);
	engine_play(&engine, "answer");
	CHECK(engine.is_done);
	engine_close(&engine);
}

TEST(a_large_body_is_read_and_hashed_in_slices) {
	struct engine engine;
	struct buffer body = large_body();
	engine_open(&engine, QUOTA, true);
	size_t before = fake_exchange_count;
	submit(&engine, buffer_slice(&body));
	CHECK_INT(fake_exchange_count, before);
	size_t turns = run_turns();
	// Once to read and once to hash.
	CHECK(turns >= 2 * (BODY_BYTES / SLICE_BYTES) && turns <= TURNS_MAX);
	CHECK_INT(fake_exchange_count, before + 1);
	CHECK_SLICE(fake_request_body, buffer_slice(&body));
	engine_play(&engine, "answer");
	CHECK(engine.is_done);
	engine_close(&engine);
	buffer_free(&body);
}

TEST(a_body_that_nothing_reads_is_only_hashed) {
	struct engine engine;
	struct buffer body = large_body();
	engine_open(&engine, PLAIN, true);
	submit(&engine, buffer_slice(&body));
	size_t turns = run_turns();
	CHECK(turns >= BODY_BYTES / SLICE_BYTES && turns <= TURNS_MAX / 2 + 8);
	engine_play(&engine, "answer");
	CHECK(engine.is_done);
	engine_close(&engine);
	buffer_free(&body);
}

TEST(others_are_served_between_slices) {
	struct engine engine;
	struct buffer body = large_body();
	engine_open(&engine, QUOTA, true);
	submit(&engine, buffer_slice(&body));
	struct mux_request *large = engine.request;
	CHECK(fake_turn() && fake_turn());
	size_t before = fake_exchange_count;
	submit(&engine, SLICE("{\"messages\":[]}"));
	CHECK_INT(fake_exchange_count, before + 1);
	engine_play(&engine, "answer");
	CHECK(engine.is_done);
	engine.request = large;
	engine.is_done = false;
	run_turns();
	engine_play(&engine, "answer");
	CHECK(engine.is_done);
	engine_close(&engine);
	buffer_free(&body);
}

TEST(an_edited_body_is_written_in_slices) {
	static const char EDIT[] = "\"guardrailConfig\":{\"guardrailIdentifier\":\"g\",\"guardrailVersion\":\"1\"},";
	struct engine engine;
	struct buffer body = large_body();
	engine_open(&engine, GUARDRAIL, true);
	for (int round = 0; round < 2; round++) {
		submit(&engine, buffer_slice(&body));
		size_t turns = run_turns();
		CHECK(turns >= 2 * (BODY_BYTES / SLICE_BYTES) && turns <= TURNS_MAX);
		CHECK_INT(fake_request_body.len, body.len + strlen(EDIT));
		CHECK_SLICE(slice_of(fake_request_body.ptr + 1, strlen(EDIT)), slice_from(EDIT));
		CHECK(slice_ends(fake_request_body, slice_from_offset(buffer_slice(&body), 1)));
		engine_play(&engine, round ? "answer" : "reset");
		if (round == 0)
			run_turns();
		CHECK(engine.is_done);
	}
	engine_close(&engine);
	buffer_free(&body);
}

TEST(a_request_may_end_within_any_slice) {
	static const char *const policies[] = {QUOTA, GUARDRAIL};
	static const char *const ends[] = {"leave", "stop"};
	struct buffer body = repeat("{\"messages\":[1", ",1", "]}", 8 * SLICE_BYTES);
	for (int policy = 0; policy < 2; policy++)
		for (int end = 0; end < 2; end++)
			for (int turns = 0; turns < 20; turns++) {
				struct engine engine;
				engine_open(&engine, policies[policy], true);
				submit(&engine, buffer_slice(&body));
				for (int i = 0; i < turns; i++)
					fake_turn();
				engine_play(&engine, ends[end]);
				CHECK_INT(mux_worker_requests(engine.worker), 0);
				CHECK(engine.is_done == (end == 1));
				run_turns();
				engine_close(&engine);
			}
	buffer_free(&body);
}

TEST(an_attempt_may_time_out_within_its_slices) {
	struct engine engine;
	struct buffer body = large_body();
	engine_open(&engine, PLAIN, true);
	submit(&engine, buffer_slice(&body));
	fake_turn();
	pass(120000);
	CHECK_STRING(engine.told, "fail_fast 408 ModelTimeoutException RETRIES_EXHAUSTED");
	run_turns();
	engine_close(&engine);
	buffer_free(&body);
}

TEST(a_large_ambiguous_body_is_refused) {
	struct engine engine;
	struct buffer body = repeat("{\"messages\":[1", ",1", "],\"messages\":2}", 4 * SLICE_BYTES);
	engine_open(&engine, QUOTA, true);
	size_t before = fake_exchange_count;
	submit(&engine, buffer_slice(&body));
	run_turns();
	CHECK_STRING(engine.told, "fail_fast 400 ValidationException REQUEST_REFUSED");
	CHECK_INT(fake_exchange_count, before);
	engine_close(&engine);
	buffer_free(&body);
}

static const char ACCEPT[] = "return { models = { { id = 'a' }, { id = 'b', fallback = true } },"
                             "accept = function(response) return response.stop_reason == 'end_turn', 'no' end }";

// Sends a response of almost 1 MiB, the most that the engine takes here.
static void respond_large(const char *end) {
	struct buffer body = repeat("{\"content\":[1", ",1", end, (1 << 20) - 64);
	upstream_head(200, "application/json", NULL);
	upstream_bytes(buffer_slice(&body));
	upstream_end();
	buffer_free(&body);
}

TEST(a_large_response_is_read_in_slices) {
	struct engine engine;
	engine_open(&engine, ACCEPT, true);
	submit(&engine, SLICE("{}"));
	respond_large("],\"stopReason\":\"end_turn\"}");
	CHECK(!engine.is_done);
	size_t turns = run_turns();
	CHECK(turns >= (1 << 20) / SLICE_BYTES && turns <= (1 << 20) / SLICE_BYTES + 2);
	CHECK(engine.is_done);
	CHECK_STRING(engine.ended, "success 200 1");
	// What it says decides: the first is refused, and another model is asked.
	submit(&engine, SLICE("{}"));
	respond_large("],\"stopReason\":\"refusal\"}");
	run_turns();
	engine_response(200, NULL, "{\"stopReason\":\"end_turn\"}");
	CHECK(engine.is_done);
	CHECK_STRING(engine.ended, "success 200 2");
	engine_close(&engine);
}

TEST(a_request_may_end_while_its_response_is_read) {
	static const char *const ends[] = {"leave", "stop"};
	for (int end = 0; end < 2; end++)
		for (int turns = 0; turns < 8; turns++) {
			struct engine engine;
			engine_open(&engine, ACCEPT, true);
			submit(&engine, SLICE("{}"));
			respond_large("]}");
			for (int i = 0; i < turns; i++)
				fake_turn();
			engine_play(&engine, ends[end]);
			CHECK_INT(mux_worker_requests(engine.worker), 0);
			run_turns();
			engine_close(&engine);
		}
}

int main(void) {
	RUN(a_small_body_takes_no_turn);
	RUN(a_large_body_is_read_and_hashed_in_slices);
	RUN(a_body_that_nothing_reads_is_only_hashed);
	RUN(others_are_served_between_slices);
	RUN(an_edited_body_is_written_in_slices);
	RUN(a_request_may_end_within_any_slice);
	RUN(an_attempt_may_time_out_within_its_slices);
	RUN(a_large_ambiguous_body_is_refused);
	RUN(a_large_response_is_read_in_slices);
	RUN(a_request_may_end_while_its_response_is_read);
	return check_summary();
}

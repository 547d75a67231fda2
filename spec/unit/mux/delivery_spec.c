// SPDX-License-Identifier: Apache-2.0
// What the sink receives from a call without a model that ends without an attempt; and an attempt that finds no room.
#include "mux/request_internal.h"

#include "../check.h"

enum { ROOM_BYTES = 2048 };

static struct mux_result reported;
static int reports;

static void on_done(void *owner, const struct mux_result *result) {
	(void)owner;
	reported = *result;
	reports++;
}

static const struct mux_sink sink = {.on_done = on_done};

static struct mux_worker worker;

struct error_case {
	enum route_error error;
	bool is_exhausted;
	int status;
	int64_t retry_after_ms;
	enum outcome outcome;
};

static const struct error_case cases[] = {
    {ROUTE_STOPPED, false, 429, 1000, OUTCOME_CANCELLED},
    {ROUTE_STOPPED, true, 429, 2000, OUTCOME_FAIL_FAST},
    {ROUTE_FAILED, true, 429, 2000, OUTCOME_FAIL_FAST},
};

TEST(a_call_without_an_attempt_reports_its_error) {
	struct pool pool = {0};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mux_request request = {.worker = &worker, .sink = &sink, .route.pool = &pool};
		arena_init(&request.arena, ROOM_BYTES);
		list_init(&request.attempts);
		reports = 0;
		if (cases[i].is_exhausted)
			CHECK(arena_alloc(&request.arena, ROOM_BYTES + 1) == NULL);
		struct step step = unrouted_end(&request, cases[i].error);
		delivery_end(&request, &step);
		CHECK_INT(reports, 1);
		CHECK(reported.failed && request.over);
		CHECK_INT(reported.error.status, cases[i].status);
		CHECK_INT(reported.status, cases[i].status);
		CHECK(reported.error.message.len > 0);
		CHECK_INT(reported.error.retry_after_ms, cases[i].retry_after_ms);
		CHECK_INT(reported.outcome, cases[i].outcome);
		CHECK_INT(reported.attempts, 0);
		arena_free(&request.arena);
	}
}

// Either the attempt itself or its signed request finds no room.
TEST(an_attempt_without_room_is_not_started) {
	struct target target = {0};
	struct mux_call call = {.operation = OPERATION_CONVERSE};
	struct step step = {.kind = STEP_SEND, .options = {1000, 1000}};
	for (size_t bytes = 0; bytes <= sizeof(struct attempt); bytes += sizeof(struct attempt)) {
		struct arena arena;
		arena_init(&arena, bytes);
		CHECK(
		    attempt_start(&(struct attempt_order){.worker = &worker, .call = &call, .arena = &arena, .target = &target},
		                  &step) == NULL);
		CHECK(arena.is_exhausted);
		arena_free(&arena);
	}
}

int main(void) {
	worker.loop = loop_new();
	RUN(a_call_without_an_attempt_reports_its_error);
	RUN(an_attempt_without_room_is_not_started);
	loop_close(worker.loop);
	return check_summary();
}

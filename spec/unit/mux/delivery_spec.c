// SPDX-License-Identifier: Apache-2.0
// What a client is told by a request that the gateway itself ended: one that found no room in its memory, and one that
// still waited when the gateway stopped.
#include "mux/request_internal.h"

#include "../check.h"

enum { ROOM_BYTES = 2048 };

static struct mux_result told;
static int told_times;

static void on_done(void *owner, const struct mux_result *result) {
	(void)owner;
	told = *result;
	told_times++;
}

static const struct mux_sink sink = {.on_done = on_done};

static struct mux_worker worker;

// A request that has done nothing yet and may hold ROOM_BYTES.
static void prepare(struct mux_request *request) {
	*request = (struct mux_request){.worker = &worker, .sink = &sink};
	arena_init(&request->arena, ROOM_BYTES);
	list_init(&request->attempts);
	told_times = 0;
}

static void end_with(struct mux_request *request, enum route_error error) {
	struct step step = {.kind = STEP_FAIL, .error = error, .retry_after_ms = RETRY_MS};
	delivery_failure(request, &step);
	arena_free(&request->arena);
	CHECK_INT(told_times, 1);
	CHECK(told.failed);
	CHECK(request->over);
}

struct end_case {
	enum route_error error;
	bool is_exhausted;
	int status;
	const char *message;
	int64_t retry_after_ms;
	enum outcome outcome;
};

static const char full[] = "The request is over its memory: the models that were tried have said too much.";
static const char stopping[] = "The gateway is shutting down, please try again.";

static const struct end_case cases[] = {
    {ROUTE_CANCELLED, false, 429, stopping, 1000, OUTCOME_CANCELLED},
    {ROUTE_CANCELLED, true, 429, full, 2000, OUTCOME_FAIL_FAST},
    {ROUTE_NO_MODELS_AVAILABLE, true, 429, full, 2000, OUTCOME_FAIL_FAST},
    {ROUTE_RETRIES_EXHAUSTED, true, 429, full, 2000, OUTCOME_FAIL_FAST},
    {ROUTE_FAILED, true, 429, full, 2000, OUTCOME_FAIL_FAST},
    {ROUTE_FAILED, false, 503, "No model could be reached.", 1000, OUTCOME_FAIL_FAST},
};

TEST(an_end_of_our_own_making_is_told_as_what_it_is) {
	struct pool pool = {0};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mux_request request;
		prepare(&request);
		request.route.pool = &pool;
		if (cases[i].is_exhausted)
			CHECK(arena_alloc(&request.arena, ROOM_BYTES + 1) == NULL);
		end_with(&request, cases[i].error);
		CHECK_INT(told.error.status, cases[i].status);
		CHECK_INT(told.status, cases[i].status);
		CHECK_SLICE(told.error.message, slice_from(cases[i].message));
		CHECK_INT(told.error.retry_after_ms, cases[i].retry_after_ms);
		CHECK_INT(told.outcome, cases[i].outcome);
	}
}

// Neither the attempt nor what is signed for it may find room: no model is blamed for that.
TEST(an_attempt_without_room_never_begins) {
	struct target target = {0};
	struct mux_call call = {.operation = OPERATION_CONVERSE};
	struct step step = {.kind = STEP_SEND, .options = {1000, 1000}};
	for (size_t bytes = 0; bytes <= sizeof(struct attempt); bytes += sizeof(struct attempt)) {
		struct arena arena;
		arena_init(&arena, bytes);
		CHECK(attempt_start(&(struct attempt_order){
		          .worker = &worker, .call = &call, .arena = &arena, .target = &target, .step = &step}) == NULL);
		CHECK(arena.is_exhausted);
		arena_free(&arena);
	}
}

int main(void) {
	worker.loop = loop_new();
	RUN(an_end_of_our_own_making_is_told_as_what_it_is);
	RUN(an_attempt_without_room_never_begins);
	loop_close(worker.loop);
	return check_summary();
}

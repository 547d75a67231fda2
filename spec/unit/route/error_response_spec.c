// SPDX-License-Identifier: Apache-2.0
// The response to a failed request: row by row.
#include "route/error_response.h"

#include <stdlib.h>

#include "../check.h"
#include "base/memory.h"

struct response_case {
	const char *title;
	enum route_error error;
	enum no_models why;
	bool all_refused;
	uint64_t retry_after_ms;
	int upstream_status; // 0: no upstream responded
	const char *upstream_name;
	int64_t upstream_retry_after_ms;
	const char *last_name; // NULL: no attempt failed
	enum failure_kind last_kind;
	int status;
	const char *exception;
	int64_t expected_retry_after_ms; // -1: no retry-after
	const char *code;
	enum error_type type;
};

static const struct response_case cases[] = {
    {"fail passes the upstream's own error", ROUTE_FAILED, 0, false, 1000, 400, "ValidationException", -1,
     "ValidationException", FAILURE_HTTP, 400, "ValidationException", -1, "", TYPE_VALIDATION},
    {"the last upstream error wins over a later network failure", ROUTE_RETRIES_EXHAUSTED, 0, false, 1500, 500,
     "InternalServerException", -1, "ConnectionReset", FAILURE_NETWORK, 500, "InternalServerException", 1500,
     "RETRIES_EXHAUSTED", TYPE_VALIDATION},
    {"a throttle keeps the upstream's own retry-after", ROUTE_RETRIES_EXHAUSTED, 0, false, 1500, 429,
     "ThrottlingException", 7000, "ThrottlingException", FAILURE_HTTP, 429, "ThrottlingException", 7000,
     "RETRIES_EXHAUSTED", TYPE_VALIDATION},
    {"a 403 has no retry-after", ROUTE_RETRIES_EXHAUSTED, 0, false, 1500, 403, "AccessDeniedException", -1,
     "AccessDeniedException", FAILURE_HTTP, 403, "AccessDeniedException", -1, "RETRIES_EXHAUSTED", TYPE_VALIDATION},
    {"no model serves it", ROUTE_NO_MODELS_AVAILABLE, NO_MODELS_NOT_SERVED, false, 0, 0, NULL, -1, NULL, 0, 404,
     "ResourceNotFoundException", -1, "NO_MODELS_AVAILABLE", TYPE_MODEL_UNAVAILABLE},
    {"every model is unavailable", ROUTE_NO_MODELS_AVAILABLE, NO_MODELS_UNAVAILABLE, false, 2345, 0, NULL, -1, NULL, 0,
     429, "ThrottlingException", 2345, "NO_MODELS_AVAILABLE", TYPE_CIRCUIT_OPEN},
    {"select returned none", ROUTE_NO_MODELS_AVAILABLE, NO_MODELS_NONE_SELECTED, false, 5000, 0, NULL, -1, NULL, 0, 429,
     "ThrottlingException", 5000, "NO_MODELS_AVAILABLE", TYPE_THROTTLING},
    {"only tiers were missing", ROUTE_RETRIES_EXHAUSTED, NO_MODELS_UNAVAILABLE, false, 998, 0, NULL, -1, NULL, 0, 429,
     "ThrottlingException", 998, "RETRIES_EXHAUSTED", TYPE_CIRCUIT_OPEN},
    {"network failures only", ROUTE_RETRIES_EXHAUSTED, 0, false, 1000, 0, NULL, -1, "ConnectionRefused",
     FAILURE_NETWORK, 503, "ServiceUnavailableException", 1000, "RETRIES_EXHAUSTED", TYPE_NETWORK},
    {"a stream corrupt before its commit", ROUTE_RETRIES_EXHAUSTED, 0, false, 1000, 0, NULL, -1, "CorruptFrame",
     FAILURE_STREAM, 503, "ServiceUnavailableException", 1000, "RETRIES_EXHAUSTED", TYPE_NETWORK},
    {"a timeout", ROUTE_RETRIES_EXHAUSTED, 0, false, 1000, 0, NULL, -1, "AttemptTimeout", FAILURE_TIMEOUT, 408,
     "ModelTimeoutException", -1, "RETRIES_EXHAUSTED", TYPE_TIMEOUT},
    {"the deadline", ROUTE_DEADLINE_EXCEEDED, 0, false, 1000, 0, NULL, -1, "ConnectionReset", FAILURE_NETWORK, 408,
     "ModelTimeoutException", -1, "DEADLINE_EXCEEDED", TYPE_TIMEOUT},
    {"every response was a refusal", ROUTE_RETRIES_EXHAUSTED, 0, true, 1000, 0, NULL, -1, NULL, 0, 424,
     "ModelErrorException", -1, "RETRIES_EXHAUSTED", TYPE_MODEL_UNAVAILABLE},
    {"no credentials", ROUTE_RETRIES_EXHAUSTED, 0, false, 1000, 0, NULL, -1, "NoCredentials", FAILURE_NETWORK, 500,
     "InternalServerException", -1, "RETRIES_EXHAUSTED", TYPE_AUTHENTICATION},
    {"an upstream's error without a name", ROUTE_FAILED, 0, false, 1000, 418, NULL, -1, NULL, 0, 418,
     "UnnamedException", -1, "", TYPE_VALIDATION},
    {"the gateway stops", ROUTE_STOPPED, 0, false, 7000, 500, "InternalServerException", -1, NULL, 0, 429,
     "ThrottlingException", 1000, "", TYPE_THROTTLING},
    {"the request is refused", ROUTE_REFUSED, 0, false, 1000, 500, "InternalServerException", -1, "ConnectionReset",
     FAILURE_NETWORK, 400, "ValidationException", -1, "REQUEST_REFUSED", TYPE_VALIDATION},
    {"an undecided policy, whatever an upstream said", ROUTE_POLICY_FAILED, 0, false, 1000, 429, "ThrottlingException",
     7000, "ThrottlingException", FAILURE_HTTP, 503, "ServiceUnavailableException", -1, "POLICY_FAILED", TYPE_INTERNAL},
    {"the gateway lacks descriptors", ROUTE_FAILED, 0, false, 7000, 0, NULL, -1, "GatewayExhausted", FAILURE_NETWORK,
     429, "ThrottlingException", 1000, "", TYPE_THROTTLING},
    {"a verdict to fail on a network failure", ROUTE_FAILED, 0, false, 1000, 0, NULL, -1, "ConnectionReset",
     FAILURE_NETWORK, 503, "ServiceUnavailableException", 1000, "", TYPE_NETWORK},
};

struct outcome_case {
	enum route_error error;
	bool all_refused;
	bool has_failed;
	enum fault last_fault;
	enum outcome outcome;
};

static const struct outcome_case outcome_cases[] = {
    {ROUTE_NO_MODELS_AVAILABLE, false, false, 0, OUTCOME_FAIL_FAST},
    {ROUTE_RETRIES_EXHAUSTED, false, true, FAULT_THROTTLE, OUTCOME_RATE_LIMIT},
    {ROUTE_DEADLINE_EXCEEDED, false, true, FAULT_THROTTLE, OUTCOME_RATE_LIMIT},
    {ROUTE_POLICY_FAILED, false, true, FAULT_THROTTLE, OUTCOME_FAIL_FAST},
    {ROUTE_RETRIES_EXHAUSTED, false, true, FAULT_MODEL, OUTCOME_FAIL_FAST},
    {ROUTE_FAILED, false, true, FAULT_GATEWAY, OUTCOME_FAIL_FAST},
    {ROUTE_RETRIES_EXHAUSTED, true, false, 0, OUTCOME_REFUSAL},
    {ROUTE_STOPPED, false, true, FAULT_THROTTLE, OUTCOME_CANCELLED},
};

static struct pool small_pool(struct model *models, size_t count) {
	static char names[32][40];
	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof names[i], "model-%zu", i);
		models[i] = (struct model){.index = i, .id = names[i], .name = names[i]};
	}
	return (struct pool){.models = models, .count = count};
}

static void run_case(const struct response_case *example, const struct pool *pool) {
	struct arena arena;
	struct error_response response;
	struct step step = {
	    .kind = STEP_FAIL,
	    .error = example->error,
	    .why = example->why,
	    .all_refused = example->all_refused,
	    .retry_after_ms = example->retry_after_ms,
	};
	struct attempt_failures failures = {0};
	struct failure upstream = {
	    .status = example->upstream_status,
	    .exception = SLICE("UnnamedException"),
	    .name = slice_from(example->upstream_name),
	    .retry_after_ms = example->upstream_retry_after_ms,
	    .type = TYPE_VALIDATION,
	};
	bool is_unsigned = example->type == TYPE_AUTHENTICATION;
	struct failure last = {
	    .kind = example->last_kind,
	    .name = slice_from(example->last_name),
	    .type = is_unsigned ? TYPE_AUTHENTICATION : TYPE_NETWORK,
	    .fault = slice_equal(slice_from(example->last_name), SLICE("GatewayExhausted")) ? FAULT_GATEWAY : FAULT_MODEL};
	if (upstream.status)
		attempt_failures_note(&failures, 2, &upstream);
	if (example->last_name)
		attempt_failures_note(&failures, 3, &last);
	arena_init(&arena, 1 << 20);
	error_response_make(&step, &failures, pool, SLICE("asked"), &arena, &response);
	int before = check_failures_in_test;
	CHECK_INT(response.status, example->status);
	CHECK_SLICE(response.exception, slice_from(example->exception));
	CHECK_INT(response.retry_after_ms, example->expected_retry_after_ms);
	CHECK_SLICE(response.code, slice_from(example->code));
	CHECK_INT(response.type, example->type);
	bool is_own =
	    example->error == ROUTE_STOPPED || example->error == ROUTE_REFUSED || example->error == ROUTE_POLICY_FAILED;
	CHECK_INT(response.from_upstream, example->upstream_status != 0 && !is_own);
	CHECK_INT(response.attempt, response.from_upstream ? 2 : 0);
	CHECK_INT(response.message.len > 0, !response.from_upstream && example->error != ROUTE_REFUSED);
	if (check_failures_in_test > before)
		printf("  in \"%s\"\n", example->title);
	arena_free(&arena);
}

TEST(each_row_of_the_table) {
	struct model models[2];
	struct pool pool = small_pool(models, 2);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		run_case(&cases[i], &pool);
}

TEST(each_outcome) {
	struct pool pool = {0};
	for (size_t i = 0; i < sizeof outcome_cases / sizeof outcome_cases[0]; i++) {
		const struct outcome_case *example = &outcome_cases[i];
		struct arena arena;
		struct error_response response;
		struct attempt_failures failures = {.has_failed = example->has_failed, .last.fault = example->last_fault};
		struct step step = {.kind = STEP_FAIL, .error = example->error, .all_refused = example->all_refused};
		arena_init(&arena, 1 << 20);
		error_response_make(&step, &failures, &pool, SLICE("asked"), &arena, &response);
		CHECK_INT(response.outcome, example->outcome);
		arena_free(&arena);
	}
}

// However the request has ended: its failures may not have fitted into the arena.
TEST(an_exhausted_arena_has_its_own_response) {
	struct pool pool = {0};
	struct failure throttle = {.status = 429, .name = SLICE("ThrottlingException"), .fault = FAULT_THROTTLE};
	struct attempt_failures failures = {0};
	attempt_failures_note(&failures, 0, &throttle);
	for (enum route_error error = ROUTE_NO_MODELS_AVAILABLE; error <= ROUTE_POLICY_FAILED; error++) {
		struct arena arena;
		struct error_response response;
		struct step step = {.kind = STEP_FAIL, .error = error, .retry_after_ms = 1000};
		arena_init(&arena, 16);
		CHECK(arena_alloc(&arena, 17) == NULL);
		error_response_make(&step, &failures, &pool, SLICE("asked"), &arena, &response);
		CHECK_INT(response.status, 429);
		CHECK_INT(response.retry_after_ms, 2000);
		CHECK_INT(response.outcome, OUTCOME_RATE_LIMIT);
		CHECK(!response.from_upstream);
		CHECK_SLICE(response.message,
		            SLICE("The request is over its memory: the models that were tried have said too much."));
		arena_free(&arena);
	}
}

TEST(the_404_lists_at_most_twenty_served_names) {
	struct model models[30];
	struct pool pool = small_pool(models, 30);
	struct arena arena;
	struct error_response response;
	struct step step = {.kind = STEP_FAIL, .error = ROUTE_NO_MODELS_AVAILABLE, .why = NO_MODELS_NOT_SERVED};
	struct attempt_failures none = {0};
	arena_init(&arena, 1 << 20);
	error_response_make(&step, &none, &pool, SLICE("unknown"), &arena, &response);
	CHECK(memmem(response.message.ptr, response.message.len, "\"unknown\"", 9) != NULL);
	CHECK(memmem(response.message.ptr, response.message.len, "model-19", 8) != NULL);
	CHECK(memmem(response.message.ptr, response.message.len, "model-20", 8) == NULL);
	CHECK(slice_ends(response.message, SLICE(", ...")));
	arena_free(&arena);
}

TEST(the_404_lists_each_name_once) {
	struct model models[2];
	struct pool pool = small_pool(models, 2);
	char chat[] = "chat", own[] = "model-0";
	char *serves[] = {chat, own};
	for (size_t i = 0; i < 2; i++) {
		models[i].serves = serves;
		models[i].serves_count = 2;
	}
	struct arena arena;
	struct error_response response;
	struct step step = {.kind = STEP_FAIL, .error = ROUTE_NO_MODELS_AVAILABLE, .why = NO_MODELS_NOT_SERVED};
	struct attempt_failures none = {0};
	arena_init(&arena, 1 << 20);
	error_response_make(&step, &none, &pool, SLICE("unknown"), &arena, &response);
	CHECK_SLICE(response.message, SLICE("No model here serves \"unknown\". Served are: model-0, chat, model-1"));
	arena_free(&arena);
}

int main(void) {
	RUN(each_row_of_the_table);
	RUN(each_outcome);
	RUN(an_exhausted_arena_has_its_own_response);
	RUN(the_404_lists_at_most_twenty_served_names);
	RUN(the_404_lists_each_name_once);
	return check_summary();
}

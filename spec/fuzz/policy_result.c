// SPDX-License-Identifier: Apache-2.0
// Hooks that return values of all shapes: each becomes a decision that routing can carry out.
#include "fuzz.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/problem.h"
#include "mux/body_reader.h"
#include "policy/policy.h"
#include "policy/shared.h"
#include "route/request.h"

#define POLICY "spec/fuzz/policy_result.lua"

enum {
	MODELS = 3,
	INSTRUCTIONS = 1000000,
	MEMORY_BYTES = 16 << 20,
	ARENA_BYTES = 1 << 20,
	LONGEST_ATTEMPT_MS = 300000,
	LONGEST_DELAY_MS = 60000,
	LARGEST_MAX_TOKENS = 1000000000,
	HEADERS_MAX = 64,
};

static struct policy *policy;
static const struct decide *decide;

// With an observer of calls, errors are not logged and hooks not disabled.
static void observe_call(void *owner, const char *hook, const struct call_report *report) {
	(void)owner;
	(void)hook;
	(void)report;
}

static void start(void) {
	struct policy_limits limits = {INSTRUCTIONS, MEMORY_BYTES};
	struct policy_host host = {
	    .registry = registry_new(), .shared = shared_new(), .bodies = &mux_body_reader, .now_ms = 1000};
	struct problems problems = {0};
	log_configure(LOG_OFF, LOG_TEXT);
	PROMISE(policy_load(POLICY, &limits, 1, &host, &problems, &policy) == 0);
	policy_on_call(policy, 0, observe_call, NULL);
	decide = policy_decide(policy, 0);
}

static bool is_in_pool(const struct model *model) {
	const struct pool *pool = policy_pool(policy);
	return model >= pool->models && model < pool->models + pool->count;
}

static void check_headers(struct headers headers) {
	PROMISE(headers.count <= HEADERS_MAX);
	for (size_t i = 0; i < headers.count; i++) {
		struct slice name = headers.list[i].name, value = headers.list[i].value;
		PROMISE(name.len > 0 && !memchr(name.ptr, '\r', name.len) && !memchr(name.ptr, ':', name.len));
		PROMISE(!slice_equal_nocase(name, SLICE("host")) && !slice_equal_nocase(name, SLICE("content-length")));
		for (size_t j = 0; j < value.len; j++)
			PROMISE((unsigned char)value.ptr[j] >= ' ' && value.ptr[j] != 0x7f);
	}
}

static void ask_select(const struct route_request *request, struct random_source *random) {
	const struct pool *pool = policy_pool(policy);
	const struct model *list[MODELS];
	struct selection selection = {0};
	for (size_t i = 0; i < MODELS; i++)
		list[i] = &pool->models[i];
	decide->select(decide->self, request, (struct candidates){list, MODELS, NULL}, random, &selection);
	const struct attempt_options *options = &selection.options;
	PROMISE(!selection.model || is_in_pool(selection.model));
	PROMISE(options->timeout_ms == 0 || (options->timeout_ms >= 1000 && options->timeout_ms <= LONGEST_ATTEMPT_MS));
	PROMISE(options->ttft_ms == 0 || (options->ttft_ms >= 100 && options->ttft_ms <= LONGEST_ATTEMPT_MS));
	PROMISE(options->hedge_after_ms <= LONGEST_ATTEMPT_MS);
	PROMISE(options->tier <= TIER_RESERVED && !options->is_escalated);
	PROMISE(selection.reason.len <= 256);
	check_headers(options->headers);
}

static void ask_classify(const struct route_request *request) {
	static const struct failure failure = {
	    .kind = FAILURE_HTTP,
	    .status = 503,
	    .name = {"ServiceUnavailableException", 27},
	    .message = {"Too busy", 8},
	    .type = TYPE_MODEL_UNAVAILABLE,
	    .fault = FAULT_MODEL,
	    .retry_after_ms = -1,
	};
	struct classification out;
	default_classify(&failure, &out);
	decide->classify(decide->self, &failure, request, &policy_pool(policy)->models[0], &out);
	PROMISE(out.verdict <= VERDICT_FAIL);
	PROMISE(out.outcome == OUTCOME_RATE_LIMIT || out.outcome == OUTCOME_FAIL_FAST);
	PROMISE(out.cooldown_ms <= LONGEST_ATTEMPT_MS && out.after_ms <= LONGEST_DELAY_MS);
}

static void ask_about_answer(const struct route_request *request) {
	static const struct response response = {.status = 200, .body = {"{\"stopReason\":\"end_turn\"}", 25}};
	struct request_result result = {.outcome = OUTCOME_SUCCESS, .attempts = 1, .status = 200, .ttft_ms = -1};
	struct slice reason = {0};
	if (decide->accept(decide->self, &response, request, &policy_pool(policy)->models[0], &reason))
		PROMISE(reason.len <= 256);
	decide->finish(decide->self, request, &result);
}

static void ask_prepare(const struct route_request *request) {
	struct edits edits = {0};
	decide->prepare(decide->self, request, &policy_pool(policy)->models[0], &edits);
	PROMISE(edits.tier <= TIER_RESERVED && edits.max_tokens >= 0 && edits.max_tokens <= LARGEST_MAX_TOKENS);
	PROMISE(!edits.guardrail_identifier.len == !edits.guardrail_version.len);
	PROMISE(edits.guardrail_identifier.len || !edits.guardrail_trace.len);
	for (size_t i = 0; i < edits.guardrail_identifier.len; i++)
		PROMISE(edits.guardrail_identifier.ptr[i] > ' ' && edits.guardrail_identifier.ptr[i] <= '~');
	check_headers(edits.headers);
}

static void ask_tick(const struct route_request *request, struct random_source *random) {
	const struct pool *pool = policy_pool(policy);
	policy_tick(policy, 0, 1000);
	// The next selection uses the assigned weights.
	ask_select(request, random);
	for (size_t i = 0; i < pool->count; i++)
		PROMISE(pool->models[i].weight >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (!policy)
		start();
	struct fuzz_input input = {data, size};
	struct slice bytes = fuzz_copy(&input, SIZE_MAX);
	struct header headers[] = {{SLICE("x-bytes"), bytes}};
	struct request_attributes facts = {
	    .id = SLICE("request-1"),
	    .operation = SLICE("Converse"),
	    .asked = SLICE("chat"),
	    .body = SLICE("{}"),
	    .headers = {headers, 1},
	};
	struct random_source random;
	struct arena arena;
	struct route_request *request;
	random_init(&random, 7);
	arena_init(&arena, ARENA_BYTES);
	struct route route = {.pool = policy_pool(policy), .decide = decide, .random = &random};
	PROMISE(route_request_new(&route, &facts, &arena, 1000, &request) == 0);
	ask_select(request, &random);
	ask_classify(request);
	ask_about_answer(request);
	ask_prepare(request);
	ask_tick(request, &random);
	arena_free(&arena);
	fuzz_free(bytes);
	return 0;
}

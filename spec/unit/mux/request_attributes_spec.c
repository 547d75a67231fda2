// SPDX-License-Identifier: Apache-2.0
// Which attributes are read from a call, and when its body is read at all.
#include "mux/request_attributes.h"

#include "../check.h"

#define BODY "{\"serviceTier\":{\"type\":\"flex\"},\"max_tokens\":7,\"messages\":[{\"content\":\"eight by\"}]}"

struct row {
	enum operation operation;
	const char *header, *value; // NULL for none
	const char *body;
	bool has_tiers, has_quota;
	bool is_tier_fixed;
	enum service_tier tier;
	int64_t input_tokens, max_tokens;
	bool is_refused; // the body may be read differently elsewhere
};

static const struct row ROWS[] = {
    // A pool with neither needs none.
    {OPERATION_CONVERSE, NULL, NULL, BODY, false, false, false, TIER_NONE, 0, 0, false},
    {OPERATION_CONVERSE, NULL, NULL, BODY, true, false, false, TIER_FLEX, 0, 0, false},
    {OPERATION_CONVERSE_STREAM, NULL, NULL, BODY, true, true, false, TIER_FLEX, 2, 7, false},
    {OPERATION_CONVERSE, NULL, NULL, BODY, false, true, false, TIER_NONE, 2, 7, false},
    {OPERATION_INVOKE_MODEL, NULL, NULL, BODY, true, true, false, TIER_NONE, 2, 7, false},
    {OPERATION_INVOKE_MODEL, "X-Amzn-Bedrock-Service-Tier", " priority", BODY, true, true, false, TIER_PRIORITY, 2, 7,
     false},
    {OPERATION_INVOKE_MODEL_STREAM, "X-Amzn-Bedrock-Service-Tier", "cheap", BODY, true, true, false, TIER_NONE, 2, 7,
     false},
    {OPERATION_COUNT_TOKENS, NULL, NULL, BODY, true, true, true, TIER_NONE, 0, 0, false},
    // A body that can't be read has no tier, and none can be written.
    {OPERATION_CONVERSE, "content-encoding", "gzip", BODY, true, true, true, TIER_NONE, 0, 0, true},
    {OPERATION_CONVERSE, NULL, NULL, "no JSON", true, true, true, TIER_NONE, 0, 0, true},
    {OPERATION_CONVERSE, NULL, NULL, "", true, true, true, TIER_NONE, 0, 0, true},
    {OPERATION_CONVERSE, NULL, NULL, "[]", true, true, true, TIER_NONE, 0, 0, false},
    {OPERATION_CONVERSE, NULL, NULL, "{\"serviceTier\":1,\"serviceTier\":1}", true, true, true, TIER_NONE, 0, 0, true},
    // Where nothing reads it, it is passed on.
    {OPERATION_CONVERSE, NULL, NULL, "no JSON", false, false, false, TIER_NONE, 0, 0, false},
    {OPERATION_INVOKE_MODEL, NULL, NULL, "no JSON", true, false, false, TIER_NONE, 0, 0, false},
    {OPERATION_COUNT_TOKENS, NULL, NULL, "no JSON", true, true, true, TIER_NONE, 0, 0, false},
    {OPERATION_CONVERSE, NULL, NULL, "{\"serviceTier\":1}", true, true, false, TIER_NONE, 0, 0, false},
    // A tier in a header can be written whatever the body is.
    {OPERATION_INVOKE_MODEL, "content-encoding", "gzip", "", true, true, false, TIER_NONE, 0, 0, true},
};

TEST(reads_what_the_pool_needs) {
	for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
		const struct row *row = &ROWS[i];
		struct header header = {slice_from(row->header), slice_from(row->value)};
		struct pool pool = {.has_tiers = row->has_tiers, .has_quota = row->has_quota};
		struct mux_call call = {
		    .operation = row->operation, .headers = {&header, row->header ? 1 : 0}, .body = slice_from(row->body)};
		struct request_attributes attributes;
		struct request_body body;
		struct arena arena;
		arena_init(&arena, 1 << 16);
		request_body_init(&body, call.body, call.headers, &arena);
		int before = check_failures_in_test;
		request_attributes_init(&call, &body, &attributes);
		request_attributes_fill(&call, &pool, &body, &attributes);
		CHECK_INT(request_body_is_refused(&body), row->is_refused);
		CHECK_INT(attributes.tier, row->tier);
		CHECK_INT(attributes.is_tier_fixed, row->is_tier_fixed);
		CHECK_INT(attributes.is_tierless, row->operation == OPERATION_COUNT_TOKENS);
		CHECK_INT(attributes.input_tokens, row->input_tokens);
		CHECK_INT(attributes.max_tokens, row->max_tokens);
		if (check_failures_in_test > before)
			printf("  row %zu\n", i);
		arena_free(&arena);
	}
}

TEST(copies_what_the_call_states) {
	struct mux_call call = {.request_id = SLICE("r-1"),
	                        .operation = OPERATION_INVOKE_MODEL_STREAM,
	                        .model = SLICE("chat"),
	                        .body = SLICE("{}"),
	                        .caller = SLICE("a-caller")};
	struct pool pool = {.count = 0};
	struct request_attributes attributes;
	struct request_body body;
	request_body_init(&body, call.body, call.headers, NULL);
	request_attributes_init(&call, &body, &attributes);
	request_attributes_fill(&call, &pool, &body, &attributes);
	CHECK_SLICE(attributes.id, SLICE("r-1"));
	CHECK_SLICE(attributes.operation, SLICE("InvokeModelWithResponseStream"));
	CHECK(attributes.streaming && attributes.family_bound);
	CHECK_SLICE(attributes.asked, SLICE("chat"));
	CHECK_SLICE(attributes.caller, SLICE("a-caller"));
	CHECK(attributes.body.ptr == call.body.ptr);
}

int main(void) {
	RUN(reads_what_the_pool_needs);
	RUN(copies_what_the_call_states);
	return check_summary();
}

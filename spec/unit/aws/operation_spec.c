// SPDX-License-Identifier: Apache-2.0
#include "aws/operation.h"

#include "../check.h"
#include "base/error.h"

struct parse_row {
	const char *method;
	const char *path;
	enum operation_match match;
	enum operation operation;
	const char *model_id;
};

static const struct parse_row PARSE[] = {
    {"POST", "/model/m/converse", OPERATION_MATCHED, OPERATION_CONVERSE, "m"},
    {"POST", "/model/m/converse-stream", OPERATION_MATCHED, OPERATION_CONVERSE_STREAM, "m"},
    {"POST", "/model/m/invoke", OPERATION_MATCHED, OPERATION_INVOKE_MODEL, "m"},
    {"POST", "/model/m/invoke-with-response-stream", OPERATION_MATCHED, OPERATION_INVOKE_MODEL_STREAM, "m"},
    {"POST", "/model/m/invoke-with-bidirectional-stream", OPERATION_MATCHED, OPERATION_INVOKE_MODEL_BIDIRECTIONAL, "m"},
    {"POST", "/model/m/count-tokens", OPERATION_MATCHED, OPERATION_COUNT_TOKENS, "m"},
    // Decoded once, never normalised.
    {"POST", "/model/a%3A0/converse", OPERATION_MATCHED, OPERATION_CONVERSE, "a:0"},
    {"POST", "/model/a%253A0/converse", OPERATION_MATCHED, OPERATION_CONVERSE, "a%3A0"},
    {"POST", "/model/../converse", OPERATION_MATCHED, OPERATION_CONVERSE, ".."},
    {"POST", "/model/a+b/converse", OPERATION_MATCHED, OPERATION_CONVERSE, "a+b"},
    // ARNs, escaped, half escaped and not at all.
    {"POST", "/model/arn%3Aaws%3Abedrock%3A%3A1%3Ap%2Fx/invoke", OPERATION_MATCHED, OPERATION_INVOKE_MODEL,
     "arn:aws:bedrock::1:p/x"},
    {"POST", "/model/arn:aws:bedrock::1:p/x/invoke", OPERATION_MATCHED, OPERATION_INVOKE_MODEL,
     "arn:aws:bedrock::1:p/x"},
    {"POST", "/model/arn%3Aaws:x/converse/invoke", OPERATION_MATCHED, OPERATION_INVOKE_MODEL, "arn:aws:x/converse"},
    // Only an ARN may hold a slash.
    {"POST", "/model/a/b/converse", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/model/a%2Fb/converse", OPERATION_MATCHED, OPERATION_CONVERSE, "a/b"},
    // Invalid ids.
    {"POST", "/model//converse", OPERATION_BAD_MODEL_ID, OPERATION_UNKNOWN, ""},
    {"POST", "/model/a%2/converse", OPERATION_BAD_MODEL_ID, OPERATION_UNKNOWN, ""},
    {"POST", "/model/a%zz/converse", OPERATION_BAD_MODEL_ID, OPERATION_UNKNOWN, ""},
    {"POST", "/model/%/converse", OPERATION_BAD_MODEL_ID, OPERATION_UNKNOWN, ""},
    {"POST", "/model/a%00b/converse", OPERATION_BAD_MODEL_ID, OPERATION_UNKNOWN, ""},
    {"POST", "/model/a%0D%0Ab/converse", OPERATION_BAD_MODEL_ID, OPERATION_UNKNOWN, ""},
    {"POST", "/model/a%C3%A9/converse", OPERATION_BAD_MODEL_ID, OPERATION_UNKNOWN, ""},
    {"POST", "/model/a%7F/converse", OPERATION_BAD_MODEL_ID, OPERATION_UNKNOWN, ""},
    // Unknown paths.
    {"POST", "/", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/model/", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/model/converse", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/model/m", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/model/m/conversely", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/model/m/converse/", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/models/m/converse", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/model/m/Converse", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    // Other methods, which are case-sensitive.
    {"GET", "/model/m/converse", OPERATION_WRONG_METHOD, OPERATION_UNKNOWN, ""},
    {"post", "/model/m/converse", OPERATION_WRONG_METHOD, OPERATION_UNKNOWN, ""},
    {"GET", "/model/a/b/converse", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    // Paths that a server may take for others, where they go up as they came.
    {"POST", "/guardrail/../model/m/version/1/apply", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/guardrail/%2e%2E/version/1/apply", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/guardrail/./version/1/apply", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/guardrail/g//version/1/apply", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/guardrail/g/version/%2E/apply", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"GET", "/async-invoke/..", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"GET", "/async-invoke/.%2e", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"GET", "/async-invoke/x/%2e./y", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"GET", "/async-invoke/x%2F..%2fy", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"GET", "/async-invoke/x%2f%2fy", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"GET", "/async-invoke/x/", OPERATION_BAD_PATH, OPERATION_UNKNOWN, ""},
    {"GET", "/async-invoke/...", OPERATION_MATCHED, OPERATION_ASYNC_INVOKE, ""},
    {"GET", "/async-invoke/..a", OPERATION_MATCHED, OPERATION_ASYNC_INVOKE, ""},
    {"GET", "/async-invoke/.%2ex%2e%2e", OPERATION_MATCHED, OPERATION_ASYNC_INVOKE, ""},
    {"GET", "/async-invoke/%252e%252e", OPERATION_MATCHED, OPERATION_ASYNC_INVOKE, ""},
    {"GET", "/async-invoke/arn%3Aaws%3Abedrock%3A%3A1%3Aasync-invoke%2Fx", OPERATION_MATCHED, OPERATION_ASYNC_INVOKE,
     ""},
    {"GET", "/async-invoke/%2", OPERATION_MATCHED, OPERATION_ASYNC_INVOKE, ""},
    // Operations that are not on a model.
    {"POST", "/guardrail/g/version/1/apply", OPERATION_MATCHED, OPERATION_APPLY_GUARDRAIL, ""},
    {"POST", "/guardrail/arn:aws:bedrock:r:1:guardrail/g/version/DRAFT/apply", OPERATION_MATCHED,
     OPERATION_APPLY_GUARDRAIL, ""},
    {"GET", "/guardrail/g/version/1/apply", OPERATION_WRONG_METHOD, OPERATION_UNKNOWN, ""},
    {"POST", "/guardrail//version/1/apply", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/guardrail/g/version//apply", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/guardrail/apply", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/guardrail/g/apply", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
    {"POST", "/guardrail-checks/invoke", OPERATION_MATCHED, OPERATION_GUARDRAIL_CHECKS, ""},
    {"POST", "/async-invoke", OPERATION_MATCHED, OPERATION_ASYNC_INVOKE, ""},
    {"GET", "/async-invoke", OPERATION_MATCHED, OPERATION_ASYNC_INVOKE, ""},
    {"GET", "/async-invoke/arn%3Ax", OPERATION_MATCHED, OPERATION_ASYNC_INVOKE, ""},
    {"POST", "/async-invoke/arn%3Ax", OPERATION_WRONG_METHOD, OPERATION_UNKNOWN, ""},
    {"DELETE", "/async-invoke", OPERATION_WRONG_METHOD, OPERATION_UNKNOWN, ""},
    {"GET", "/async-invoke/", OPERATION_NO_SUCH_PATH, OPERATION_UNKNOWN, ""},
};

TEST(parses_paths) {
	struct buffer id;
	buffer_init(&id, 8192);
	for (size_t i = 0; i < sizeof PARSE / sizeof PARSE[0]; i++) {
		const struct parse_row *row = &PARSE[i];
		enum operation operation = OPERATION_CONVERSE;
		int before = check_failures_in_test;
		buffer_append(&id, SLICE("left over"));
		CHECK_INT(operation_parse(slice_from(row->method), slice_from(row->path), &operation, &id), row->match);
		CHECK_INT(operation, row->operation);
		CHECK_SLICE(buffer_slice(&id), slice_from(row->model_id));
		if (check_failures_in_test > before)
			printf("  for %s %s\n", row->method, row->path);
	}
	buffer_free(&id);
}

// Ids of up to 2048 bytes after decoding, escaped or not.
static void check_bound(struct slice one_byte) {
	struct buffer path, id;
	enum operation operation;
	buffer_init(&path, 16384);
	buffer_init(&id, 8192);
	for (size_t len = 2047; len <= 2049; len++) {
		buffer_clear(&path);
		buffer_append(&path, SLICE("/model/"));
		for (size_t i = 0; i < len; i++)
			buffer_append(&path, one_byte);
		buffer_append(&path, SLICE("/invoke"));
		CHECK_INT(operation_parse(SLICE("POST"), buffer_slice(&path), &operation, &id),
		          len <= 2048 ? OPERATION_MATCHED : OPERATION_BAD_MODEL_ID);
		CHECK_INT(id.len, len <= 2048 ? len : 0);
	}
	buffer_free(&path);
	buffer_free(&id);
}

TEST(bounds_the_id) {
	check_bound(SLICE("%61"));
	check_bound(SLICE("a"));
}

TEST(formats_what_it_parses) {
	struct buffer path, id;
	enum operation operation;
	char all[95];
	for (int i = 0; i < 95; i++)
		all[i] = (char)(0x20 + i);
	buffer_init(&path, 4096);
	buffer_init(&id, 4096);
	CHECK_INT(operation_format_path(OPERATION_COUNT_TOKENS, slice_of(all, sizeof all), &path), 0);
	CHECK_INT(operation_parse(SLICE("POST"), buffer_slice(&path), &operation, &id), OPERATION_MATCHED);
	CHECK_INT(operation, OPERATION_COUNT_TOKENS);
	CHECK_SLICE(buffer_slice(&id), slice_of(all, sizeof all));
	CHECK_INT(operation_format_path(OPERATION_ASYNC_INVOKE, SLICE("x"), &path), ERROR_INVALID);
	buffer_free(&path);
	buffer_init(&path, 8);
	CHECK_INT(operation_format_path(OPERATION_CONVERSE, SLICE("model"), &path), ERROR_LIMIT);
	buffer_free(&path);
	buffer_free(&id);
}

TEST(knows_the_kinds_of_operations) {
	CHECK(operation_is_streaming(OPERATION_CONVERSE_STREAM) && operation_is_streaming(OPERATION_INVOKE_MODEL_STREAM));
	CHECK(!operation_is_streaming(OPERATION_CONVERSE) && !operation_is_streaming(OPERATION_UNKNOWN));
	CHECK(operation_is_family_bound(OPERATION_INVOKE_MODEL) && operation_is_family_bound(OPERATION_COUNT_TOKENS));
	CHECK(!operation_is_family_bound(OPERATION_CONVERSE_STREAM));
	CHECK_STRING(operation_name(OPERATION_UNKNOWN), "Unknown");
}

int main(void) {
	RUN(parses_paths);
	RUN(bounds_the_id);
	RUN(formats_what_it_parses);
	RUN(knows_the_kinds_of_operations);
	return check_summary();
}

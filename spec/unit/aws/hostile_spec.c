// SPDX-License-Identifier: Apache-2.0
// Runs every parser of this room over valid texts with random damage. Each text is in an allocation of its exact size,
// so that a sanitizer sees a read past its end. Results must satisfy the parser's guarantees.
#include <stdlib.h>

#include "../check.h"
#include "aws/endpoint.h"
#include "aws/exception.h"
#include "aws/operation.h"
#include "aws/response_shape.h"
#include "aws/sigv4.h"
#include "base/random.h"

enum { ROUNDS = 20000 };

typedef void (*parse)(struct slice text);

static struct random_source source;

// A copy with a few bytes changed or removed, or cut short.
static struct slice damaged(struct slice text) {
	static const char likely[] = "\0\"\\{}[]:,%/#; \r\n=&-0\377";
	char *copy = malloc(text.len + 8);
	memcpy(copy, text.ptr, text.len);
	for (uint64_t times = random_below(&source, 4); times > 0 && text.len > 0; times--) {
		size_t at = (size_t)random_below(&source, text.len);
		switch (random_below(&source, 4)) {
		case 0:
			copy[at] = (char)random_next(&source);
			break;
		case 1:
			copy[at] = likely[random_below(&source, sizeof likely - 1)];
			break;
		case 2:
			memmove(copy + at, copy + at + 1, text.len - at - 1);
			text.len--;
			break;
		default:
			text.len -= (size_t)random_below(&source, text.len - at + 1); // cut short
		}
	}
	copy = realloc(copy, text.len ? text.len : 1);
	return slice_of(copy, text.len);
}

static void run_damaged(parse run, const char *const *seeds, size_t count) {
	random_init(&source, 42);
	for (int round = 0; round < ROUNDS; round++) {
		struct slice text = damaged(slice_from(seeds[(size_t)round % count]));
		run(text);
		free((void *)(uintptr_t)text.ptr);
	}
}

#define RUN_DAMAGED(run, ...)                                                                                          \
	do {                                                                                                               \
		static const char *const seeds[] = {__VA_ARGS__};                                                              \
		run_damaged(run, seeds, sizeof seeds / sizeof seeds[0]);                                                       \
	} while (0)

static void run_path(struct slice text) {
	struct buffer id;
	enum operation operation;
	buffer_init(&id, 4096);
	enum operation_match match = operation_parse(SLICE("POST"), text, &operation, &id);
	CHECK((match == OPERATION_MATCHED) == (operation != OPERATION_UNKNOWN));
	for (size_t i = 0; i < id.len; i++)
		CHECK(id.ptr[i] >= 0x20 && id.ptr[i] <= 0x7e);
	buffer_free(&id);
}

TEST(paths) {
	RUN_DAMAGED(run_path, "/model/arn%3Aaws%3Abedrock%3A%3A1%3Ap%2Fx/invoke",
	            "/model/arn:aws:bedrock::1:p/x/converse-stream", "/guardrail/arn:x/g/version/DRAFT/apply",
	            "/async-invoke/arn%3Ax");
}

static void run_endpoint(struct slice text) {
	struct endpoint endpoint;
	const char *expected = NULL;
	if (endpoint_parse(text, &endpoint, &expected) == 0)
		CHECK(endpoint.port && endpoint.host[0] && !strpbrk(endpoint.authority, "\r\n /@"));
	else
		CHECK(expected);
}

TEST(endpoints) {
	RUN_DAMAGED(run_endpoint, "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com:8443/prefix/",
	            "http://[::1]:80/a", "http://127.0.0.1:4566");
}

static void run_error(struct slice text) {
	struct arena arena;
	struct exception_report report;
	const struct header list[] = {{SLICE("x-amzn-errortype"), text}, {SLICE("retry-after"), text}};
	arena_init(&arena, 16384);
	exception_read(400, (struct headers){list, 2}, text, 784111777, &arena, &report);
	for (size_t i = 0; i < report.name.len; i++)
		CHECK(report.name.ptr[i] > 0x20 && report.name.ptr[i] <= 0x7e);
	CHECK(report.retry_after_ms >= -1 && report.retry_after_ms <= 300000);
	arena_free(&arena);
}

TEST(errors) {
	RUN_DAMAGED(run_error, "{\"message\":\"a \\u00e9\\ud83d\\ude00\",\"__type\":\"ns#ThrottlingException:http://x\"}",
	            "aws.x#ValidationException:http://internal.amazon.com/", "Sun, 06 Nov 1994 08:49:47 GMT",
	            "Sunday, 06-Nov-94 08:49:47 GMT", "Sun Nov  6 08:49:47 1994", "120");
}

static void run_response(struct slice text) {
	struct response_shape shape;
	response_shape_read(text, &shape);
	struct slice reason = shape.stop_reason;
	CHECK(shape.usage.input_tokens >= -1 && shape.usage.output_tokens >= -1);
	response_shape_read_chunk(text, &shape.usage);
	CHECK(reason.len == 0 || (reason.ptr > text.ptr && reason.ptr + reason.len < text.ptr + text.len));
}

TEST(responses) {
	RUN_DAMAGED(
	    run_response,
	    "{\"output\":{\"a\":[1,{\"b\":\"\\\"\\\\\"}]},\"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":1}}",
	    "{\"bytes\":\"eyJhbWF6b24tYmVkcm9jay1pbnZvY2F0aW9uTWV0cmljcyI6eyJpbnB1dFRva2VuQ291bnQiOjF9fQ==\"}");
}

static struct credentials *known;
static struct sigv4_signer *signer;

static struct credentials *lookup(void *owner, struct slice access_key_id) {
	(void)owner, (void)access_key_id;
	return known;
}

static void run_authorization(struct slice text) {
	static const struct sigv4_scope scope = {{"us-east-1", 9}, {"bedrock", 7}};
	const struct header list[] = {
	    {SLICE("host"), SLICE("h")}, {SLICE("x-amz-date"), SLICE("20260304T050607Z")}, {SLICE("authorization"), text}};
	const struct sigv4_received received = {SLICE("POST"), text, text, {list, 3}, text, 1772600767};
	enum sigv4_verdict verdict = sigv4_verify(signer, &received, scope, lookup, NULL);
	CHECK(verdict == SIGV4_INCOMPLETE || verdict == SIGV4_MISMATCH);
}

TEST(authorizations) {
	known = credentials_new("AKIDEXAMPLE", "secret", NULL, NULL);
	signer = sigv4_signer_new();
	RUN_DAMAGED(run_authorization, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260304/us-east-1/bedrock/aws4_request, "
	                               "SignedHeaders=host;x-amz-date, "
	                               "Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	sigv4_signer_free(signer);
	credentials_release(known);
}

int main(void) {
	RUN(paths);
	RUN(endpoints);
	RUN(errors);
	RUN(responses);
	RUN(authorizations);
	return check_summary();
}

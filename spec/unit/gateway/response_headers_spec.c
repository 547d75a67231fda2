// SPDX-License-Identifier: Apache-2.0
// The headers of responses and errors, written one a line and compared as a whole.
#include "../check.h"
#include "base/random.h"
#include "gateway/response_headers.h"

static const char *text_of(struct headers headers, char *text, size_t size) {
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < headers.count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%.*s: %.*s\n", SLICE_ARGS(headers.list[i].name),
		                         SLICE_ARGS(headers.list[i].value));
	return text;
}

TEST(a_response_keeps_the_upstreams_headers) {
	struct header upstream[] = {
	    {SLICE("Content-Type"), SLICE("application/json")},
	    {SLICE("x-amzn-RequestId"), SLICE("theirs")},
	    {SLICE("X-Amzn-Bedrock-Input-Token-Count"), SLICE("12")},
	};
	struct response_headers own = {0};
	char text[1024];
	struct headers headers =
	    response_headers_make(&own, (struct headers){upstream, 3}, SLICE("ours"), SLICE("chat"), 2);
	CHECK_STRING(text_of(headers, text, sizeof text), "Content-Type: application/json\n"
	                                                  "x-amzn-RequestId: theirs\n"
	                                                  "X-Amzn-Bedrock-Input-Token-Count: 12\n"
	                                                  "x-signalbox-model: chat\n"
	                                                  "x-signalbox-attempts: 2\n");
	response_headers_free(&own);
}

TEST(a_response_without_an_id_gets_ours_and_loses_another_gateways_headers) {
	struct header upstream[] = {
	    {SLICE("X-Signalbox-Model"), SLICE("inner")}, {SLICE("x-signalbox-attempts"), SLICE("9")},
	    {SLICE("x-signalbox-error"), SLICE("X")},     {SLICE("Content-Length"), SLICE("5")},
	    {SLICE("Date"), SLICE("yesterday")},
	};
	struct response_headers own = {0};
	char text[1024];
	struct headers headers =
	    response_headers_make(&own, (struct headers){upstream, 5}, SLICE("ours"), (struct slice){0}, 0);
	CHECK_STRING(text_of(headers, text, sizeof text), "x-amzn-requestid: ours\nx-signalbox-attempts: 0\n");
	response_headers_free(&own);
}

TEST(errors_by_row) {
	static const struct header upstream[] = {
	    {{"content-type", 12}, {"their/type", 10}},
	    {{"x-amzn-errortype", 16}, {"ThrottlingException:http://x/", 29}},
	    {{"Retry-After", 11}, {"7", 1}},
	};
	static const struct {
		struct mux_error error;
		const char *expected;
	} rows[] = {
	    {{.status = 400, .exception = {"ValidationException", 19}, .retry_after_ms = -1},
	     "x-amzn-requestid: ours\nx-signalbox-model: chat\nx-signalbox-attempts: 3\ncontent-type: application/json\n"
	     "x-amzn-errortype: ValidationException\n"},
	    {{.status = 429,
	      .exception = {"ThrottlingException", 19},
	      .retry_after_ms = 1001,
	      .code = {"NO_MODELS_AVAILABLE", 19}},
	     "x-amzn-requestid: ours\nx-signalbox-model: chat\nx-signalbox-attempts: 3\ncontent-type: application/json\n"
	     "x-amzn-errortype: ThrottlingException\nx-signalbox-error: NO_MODELS_AVAILABLE\nx-amz-retry-after: 1001\n"
	     "retry-after: 2\n"},
	    {{.status = 503, .exception = {"ServiceUnavailableException", 27}, .retry_after_ms = 0},
	     "x-amzn-requestid: ours\nx-signalbox-model: chat\nx-signalbox-attempts: 3\ncontent-type: application/json\n"
	     "x-amzn-errortype: ServiceUnavailableException\nx-amz-retry-after: 0\nretry-after: 0\n"},
	    {{.status = 503, .exception = {"ServiceUnavailableException", 27}, .retry_after_ms = 5000},
	     "x-amzn-requestid: ours\nx-signalbox-model: chat\nx-signalbox-attempts: 3\ncontent-type: application/json\n"
	     "x-amzn-errortype: ServiceUnavailableException\nx-amz-retry-after: 5000\nretry-after: 5\n"},
	    // An upstream's own headers take precedence.
	    {{.status = 429,
	      .exception = {"ThrottlingException", 19},
	      .retry_after_ms = 300,
	      .code = {"RETRIES_EXHAUSTED", 17},
	      .from_upstream = true,
	      .headers = {upstream, 3},
	      .body = {"{}", 2}},
	     "content-type: their/type\nx-amzn-errortype: ThrottlingException:http://x/\nRetry-After: 7\n"
	     "x-amzn-requestid: ours\nx-signalbox-model: chat\nx-signalbox-attempts: 3\n"
	     "x-signalbox-error: RETRIES_EXHAUSTED\nx-amz-retry-after: 300\n"},
	    // An error of our own takes no headers from an upstream.
	    {{.status = 400, .exception = {"ValidationException", 19}, .retry_after_ms = -1, .headers = {upstream, 3}},
	     "x-amzn-requestid: ours\nx-signalbox-model: chat\nx-signalbox-attempts: 3\ncontent-type: application/json\n"
	     "x-amzn-errortype: ValidationException\n"},
	};
	struct response_headers own = {0};
	char text[1024];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_STRING(text_of(response_headers_make_error(&own, &rows[i].error, SLICE("ours"), SLICE("chat"), 3), text,
		                     sizeof text),
		             rows[i].expected);
	response_headers_free(&own);
}

TEST(many_headers_fit) {
	static struct header upstream[3000];
	for (size_t i = 0; i < 3000; i++)
		upstream[i] = (struct header){SLICE("x-many"), SLICE("v")};
	struct response_headers own = {0};
	struct headers headers =
	    response_headers_make(&own, (struct headers){upstream, 3000}, SLICE("ours"), SLICE("chat"), 1);
	CHECK_INT(headers.count, 3003);
	CHECK_SLICE(headers.list[3001].value, SLICE("chat"));
	response_headers_free(&own);
}

TEST(request_ids_are_random_uuids) {
	struct random_source random;
	char first[UUID_BYTES], second[UUID_BYTES];
	random_init(&random, 1);
	random_uuid(&random, first);
	for (int round = 0; round < 1000; round++) {
		random_uuid(&random, second);
		CHECK_INT(strlen(second), 36);
		CHECK_INT(strspn(second, "0123456789abcdef-"), 36);
		CHECK(second[8] == '-' && second[13] == '-' && second[18] == '-' && second[23] == '-');
		CHECK_INT(second[14], '4');
		CHECK(strchr("89ab", second[19]) != NULL);
		CHECK(strcmp(first, second) != 0);
	}
}

int main(void) {
	RUN(a_response_keeps_the_upstreams_headers);
	RUN(a_response_without_an_id_gets_ours_and_loses_another_gateways_headers);
	RUN(errors_by_row);
	RUN(many_headers_fit);
	RUN(request_ids_are_random_uuids);
	return check_summary();
}

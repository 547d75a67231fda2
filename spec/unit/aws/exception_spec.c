// SPDX-License-Identifier: Apache-2.0
#include "aws/exception.h"

#include <stdlib.h>

#include "../check.h"

struct meaning_row {
	const char *name; // NULL: by status
	int status;
	enum error_type type;
	enum fault fault;
};

static const struct meaning_row MEANINGS[] = {
    {"ThrottlingException", 429, TYPE_THROTTLING, FAULT_THROTTLE},
    {"ThrottlingException", 400, TYPE_THROTTLING, FAULT_THROTTLE},
    {"Throttling", 400, TYPE_THROTTLING, FAULT_THROTTLE},
    {"TooManyRequestsException", 429, TYPE_THROTTLING, FAULT_THROTTLE},
    {"ServiceQuotaExceededException", 400, TYPE_THROTTLING, FAULT_THROTTLE},
    {"LimitExceededException", 400, TYPE_THROTTLING, FAULT_THROTTLE},
    {"RequestLimitExceeded", 503, TYPE_THROTTLING, FAULT_THROTTLE},
    {"RateLimitExceeded", 400, TYPE_THROTTLING, FAULT_THROTTLE},
    {"ModelNotReadyException", 429, TYPE_MODEL_UNAVAILABLE, FAULT_MODEL},
    {"ServiceUnavailableException", 503, TYPE_MODEL_UNAVAILABLE, FAULT_MODEL},
    {"ServiceUnavailable", 503, TYPE_MODEL_UNAVAILABLE, FAULT_MODEL},
    {"ModelErrorException", 424, TYPE_INTERNAL, FAULT_MODEL},
    {"ModelStreamErrorException", 424, TYPE_INTERNAL, FAULT_MODEL},
    {"ModelTimeoutException", 408, TYPE_TIMEOUT, FAULT_MODEL},
    {"InternalServerException", 500, TYPE_INTERNAL, FAULT_MODEL},
    {"InternalFailure", 500, TYPE_INTERNAL, FAULT_MODEL},
    {"AccessDeniedException", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR},
    {"ExpiredTokenException", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR},
    {"ExpiredToken", 400, TYPE_AUTHENTICATION, FAULT_OPERATOR},
    {"UnrecognizedClientException", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR},
    {"InvalidSignatureException", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR},
    {"ResourceNotFoundException", 404, TYPE_MODEL_UNAVAILABLE, FAULT_OPERATOR},
    {"ValidationException", 400, TYPE_VALIDATION, FAULT_CALLER},
    {"ConflictException", 400, TYPE_VALIDATION, FAULT_CALLER},
    {"UnknownOperationException", 404, TYPE_VALIDATION, FAULT_CALLER},
    // An unknown name, or none: the status decides.
    {"SomethingNewException", 429, TYPE_THROTTLING, FAULT_THROTTLE},
    {"SomethingNewException", 400, TYPE_VALIDATION, FAULT_CALLER},
    {NULL, 429, TYPE_THROTTLING, FAULT_THROTTLE},
    {NULL, 408, TYPE_TIMEOUT, FAULT_MODEL},
    {NULL, 401, TYPE_AUTHENTICATION, FAULT_OPERATOR},
    {NULL, 403, TYPE_AUTHENTICATION, FAULT_OPERATOR},
    {NULL, 404, TYPE_MODEL_UNAVAILABLE, FAULT_OPERATOR},
    {NULL, 400, TYPE_VALIDATION, FAULT_CALLER},
    {NULL, 413, TYPE_VALIDATION, FAULT_CALLER},
    {NULL, 499, TYPE_VALIDATION, FAULT_CALLER},
    {NULL, 500, TYPE_MODEL_UNAVAILABLE, FAULT_MODEL},
    {NULL, 502, TYPE_MODEL_UNAVAILABLE, FAULT_MODEL},
    {NULL, 504, TYPE_MODEL_UNAVAILABLE, FAULT_MODEL},
    {NULL, 599, TYPE_MODEL_UNAVAILABLE, FAULT_MODEL},
    {NULL, 302, TYPE_UNKNOWN, FAULT_MODEL},
    {NULL, 204, TYPE_UNKNOWN, FAULT_MODEL},
    {NULL, 999, TYPE_UNKNOWN, FAULT_MODEL},
};

TEST(classifies_failures) {
	struct arena arena;
	arena_init(&arena, 1024 * 1024);
	for (size_t i = 0; i < sizeof MEANINGS / sizeof MEANINGS[0]; i++) {
		const struct meaning_row *row = &MEANINGS[i];
		const struct header header = {SLICE("X-Amzn-ErrorType"), slice_from(row->name)};
		struct exception_report report;
		int before = check_failures_in_test;
		exception_read(row->status, (struct headers){&header, row->name ? 1 : 0}, SLICE("<html>"), 0, &arena, &report);
		CHECK_SLICE(report.name, slice_from(row->name));
		CHECK_INT(report.status, row->status);
		CHECK_INT(report.type, row->type);
		CHECK_INT(report.fault, row->fault);
		CHECK_INT(report.retry_after_ms, -1);
		CHECK_SLICE(report.message, SLICE(""));
		if (check_failures_in_test > before)
			printf("  for %s %d\n", row->name ? row->name : "no name", row->status);
	}
	arena_free(&arena);
}

// Each row is found by each spelling of its name, and by no other.
TEST(finds_names) {
	size_t count = 0;
	for (const struct exception *row; (row = exception_at(count)); count++) {
		char small[64];
		snprintf(small, sizeof small, "%s", row->name);
		CHECK(exception_find(slice_from(row->name)) == row);
		small[0] = (char)(small[0] | 0x20);
		CHECK(exception_find(slice_from(small)) == row);
		CHECK(row->status >= 400 && row->status <= 599);
	}
	CHECK(count >= 12);
	CHECK(!exception_find(SLICE("")));
	CHECK(!exception_find(SLICE("Exception")));
	CHECK(!exception_find(SLICE("validationexception")));
	CHECK(!exception_find(SLICE("ThrottlingExceptionException")));
	CHECK(!exception_find(SLICE("hrottlingException")));
	CHECK_STRING(exception_by_status(502)->name, "ServiceUnavailableException");
	CHECK_STRING(exception_by_status(418)->name, "ValidationException");
}

struct read_row {
	const char *header; // NULL: none
	const char *body;
	const char *name;
	const char *message;
};

static const struct read_row READ[] = {
    {"A", "{\"code\":\"B\",\"__type\":\"C\",\"message\":\"m\"}", "A", "m"},
    {NULL, "{\"code\":\"B\",\"__type\":\"C\",\"Message\":\"M\"}", "B", "M"},
    {NULL, "{\"__type\":\"ns.x#C\",\"message\":\"m\",\"Message\":\"M\"}", "C", "m"},
    {NULL, "{\"code\":400,\"__type\":\"C\",\"message\":5}", "C", ""},
    {" a.b#A : http://x ", "", "A", ""},
    {"A:http://x#y", "", "A", ""},
    // An invalid name counts as none, so the next place is used.
    {"", "{\"code\":\"B\"}", "B", ""},
    {"A B", "{\"code\":\"B\"}", "B", ""},
    {"a#", "{\"code\":\"B\"}", "B", ""},
    {"\xff", "{}", "", ""},
    {NULL, "{\"code\":\"A\\r\\nX: y\"}", "", ""},
    {NULL, "{\"code\":\"A\\u0000\"}", "", ""},
    // Bodies that are no error documents.
    {NULL, "", "", ""},
    {NULL, "{", "", ""},
    {NULL, "[\"code\"]", "", ""},
    {NULL, "null", "", ""},
    {NULL, "\"code\"", "", ""},
    {NULL, "{\"code\":{\"code\":\"B\"},\"message\":[\"m\"]}", "", ""},
    {NULL, "{\"message\":\"a\\u0000b\"} trailing", "", ""},
    {NULL, "<html><body>502</body></html>", "", ""},
};

TEST(reads_names_and_messages) {
	struct arena arena;
	arena_init(&arena, 1024 * 1024);
	for (size_t i = 0; i < sizeof READ / sizeof READ[0]; i++) {
		const struct read_row *row = &READ[i];
		const struct header header = {SLICE("x-amzn-errortype"), slice_from(row->header)};
		struct exception_report report;
		size_t len = strlen(row->body);
		char *copy = malloc(len ? len : 1);
		memcpy(copy, row->body, len);
		exception_read(400, (struct headers){&header, row->header ? 1 : 0}, slice_of(copy, len), 0, &arena, &report);
		free(copy); // the report must not point into it
		CHECK_SLICE(report.name, slice_from(row->name));
		CHECK_SLICE(report.message, slice_from(row->message));
	}
	arena_free(&arena);
}

TEST(bounds_names) {
	char text[129];
	struct arena arena;
	struct exception_report report;
	arena_init(&arena, 4096);
	memset(text, 'a', sizeof text);
	for (size_t len = 128; len <= 129; len++) {
		const struct header header = {SLICE("x-amzn-errortype"), slice_of(text, len)};
		exception_read(400, (struct headers){&header, 1}, SLICE(""), 0, &arena, &report);
		CHECK_INT(report.name.len, len == 128 ? 128 : 0);
	}
	arena_free(&arena);
}

TEST(bounds_texts) {
	struct arena arena;
	struct exception_report report;
	size_t size = 300 * 1024;
	char *body = malloc(size);
	arena_init(&arena, 64 * 1024);
	memset(body, 'x', size);
	memcpy(body, "{\"message\":\"", 12);
	// Two-byte characters at an odd offset: the cut must not split one.
	for (size_t i = 12; i + 1 < 8192; i += 2)
		memcpy(body + i, "\303\251", 2);
	memcpy(body + 8190, "\"}", 2);
	exception_read(400, (struct headers){0}, slice_of(body, 8192), 0, &arena, &report);
	CHECK_INT(report.message.len, 4096);
	memcpy(body, "{\"message\":\"y", 13);
	memmove(body + 13, body + 14, 8192 - 14);
	exception_read(400, (struct headers){0}, slice_of(body, 8191), 0, &arena, &report);
	CHECK_INT(report.message.len, 4095);
	// A body of the maximum size is read, a larger one is not.
	for (size_t len = 256 * 1024; len <= 256 * 1024 + 1; len++) {
		memset(body, 'x', len);
		memcpy(body, "{\"message\":\"", 12);
		memcpy(body + len - 2, "\"}", 2);
		exception_read(503, (struct headers){0}, slice_of(body, len), 0, &arena, &report);
		CHECK_INT(report.message.len, len == 256 * 1024 ? 4096 : 0);
	}
	CHECK_INT(report.fault, FAULT_MODEL);
	arena_free(&arena);
	// A full arena loses the texts, not the classification.
	const struct header header = {SLICE("x-amzn-errortype"), SLICE("ThrottlingException")};
	arena_init(&arena, 0);
	exception_read(400, (struct headers){&header, 1}, SLICE("{\"message\":\"m\"}"), 0, &arena, &report);
	CHECK_INT(report.name.len, 0);
	CHECK_INT(report.fault, FAULT_THROTTLE);
	memset(body, '[', size);
	exception_read(400, (struct headers){0}, slice_of(body, 256 * 1024), 0, &arena, &report);
	CHECK_INT(report.fault, FAULT_CALLER);
	arena_free(&arena);
	free(body);
}

struct retry_row {
	const char *own, *standard; // NULL: no such header
	int64_t expected;
};

enum { NOW_S = 784111777 }; // Sun, 06 Nov 1994 08:49:37 GMT

static const struct retry_row RETRY[] = {
    {NULL, NULL, -1},
    {"1500", NULL, 1500},
    {" 0 ", NULL, 0},
    {"1500", "9", 1500},
    {"soon", "9", 9000},
    {"-1", NULL, -1},
    {"1.5", NULL, -1},
    {"", NULL, -1},
    {"300000", NULL, 300000},
    {"300001", NULL, 300000},
    {"99999999999999999999999999", NULL, 300000},
    {NULL, "2", 2000},
    {NULL, "300", 300000},
    {NULL, "301", 300000},
    {NULL, "99999999999999999999999999", 300000},
    {NULL, "2s", -1},
    {NULL, "+2", -1},
    {NULL, "Sun, 06 Nov 1994 08:49:47 GMT", 10000},
    {NULL, "Sunday, 06-Nov-94 08:49:47 GMT", 10000},
    {NULL, "Sun Nov  6 08:49:47 1994", 10000},
    {NULL, "Sun, 06 Nov 1994 08:49:37 GMT", 0},
    {NULL, "Sun, 06 Nov 1994 08:49:27 GMT", 0},
    {NULL, "Mon, 07 Nov 1994 08:49:27 GMT", 300000},
    {NULL, "Sun, 06 Nov 9999 08:49:27 GMT", 300000},
    {NULL, "Sun, 06 Nov 1994 08:49:47 CET", -1},
    {NULL, "Sun, 06 Nov 1994 08:49:47 GMT!", -1},
    {NULL, "Sun, 06 Nov 1994 08:49", -1},
    {NULL, "Sun, 06 Foo 1994 08:49:47 GMT", -1},
    {NULL, "Sun, 32 Nov 1994 08:49:47 GMT", -1},
    {NULL, "Sun, 06 Nov 1994 24:49:47 GMT", -1},
    {NULL, "Sun, xx Nov 1994 08:49:47 GMT", -1},
    {NULL, ", 06 Nov 1994 08:49:47 GMT", -1},
};

TEST(reads_retry_after) {
	for (size_t i = 0; i < sizeof RETRY / sizeof RETRY[0]; i++) {
		const struct retry_row *row = &RETRY[i];
		struct header list[2];
		size_t count = 0;
		int before = check_failures_in_test;
		if (row->own)
			list[count++] = (struct header){SLICE("X-Amz-Retry-After"), slice_from(row->own)};
		if (row->standard)
			list[count++] = (struct header){SLICE("Retry-After"), slice_from(row->standard)};
		CHECK_INT(exception_retry_after_ms((struct headers){list, count}, NOW_S), row->expected);
		if (check_failures_in_test > before)
			printf("  for %s, %s\n", row->own ? row->own : "-", row->standard ? row->standard : "-");
	}
}

struct frame_row {
	enum operation operation;
	const char *name;
	const char *type; // of :exception-type
	const char *read; // the name that is read back
	int status;
};

static const struct frame_row FRAMES[] = {
    {OPERATION_CONVERSE_STREAM, "ThrottlingException", "throttlingException", "ThrottlingException", 429},
    {OPERATION_CONVERSE_STREAM, "ModelTimeoutException", "modelStreamErrorException", "ModelStreamErrorException", 424},
    {OPERATION_INVOKE_MODEL_STREAM, "ModelTimeoutException", "modelTimeoutException", "ModelTimeoutException", 408},
    {OPERATION_CONVERSE_STREAM, "AccessDeniedException", "modelStreamErrorException", "ModelStreamErrorException", 424},
    {OPERATION_CONVERSE_STREAM, "SomethingNew", "modelStreamErrorException", "ModelStreamErrorException", 424},
    {OPERATION_CONVERSE_STREAM, "", "modelStreamErrorException", "ModelStreamErrorException", 424},
    {OPERATION_INVOKE_MODEL_STREAM, "validationException", "validationException", "ValidationException", 400},
};

TEST(reads_the_frames_it_writes) {
	for (size_t i = 0; i < sizeof FRAMES / sizeof FRAMES[0]; i++) {
		const struct frame_row *row = &FRAMES[i];
		struct eventstream_decoder decoder;
		struct eventstream_frame frame;
		struct exception_report report;
		struct arena arena;
		struct buffer out;
		arena_init(&arena, 64 * 1024);
		buffer_init(&out, 4096);
		CHECK_INT(exception_format_frame(row->operation, slice_from(row->name), SLICE("it \"broke\"\n"), &out), 0);
		struct slice input = buffer_slice(&out);
		eventstream_decoder_init(&decoder, 4096);
		CHECK_INT(eventstream_decoder_next(&decoder, &input, &frame), EVENTSTREAM_FRAME);
		CHECK_INT(eventstream_frame_kind(&frame), EVENTSTREAM_KIND_EXCEPTION);
		CHECK_SLICE(eventstream_frame_text(&frame, SLICE(":exception-type")), slice_from(row->type));
		CHECK_SLICE(frame.payload, SLICE("{\"message\":\"it \\\"broke\\\"\\n\"}"));
		exception_read_frame(&frame, &arena, &report);
		CHECK_SLICE(report.name, slice_from(row->read));
		CHECK_SLICE(report.message, SLICE("it \"broke\"\n"));
		CHECK_INT(report.status, row->status);
		eventstream_decoder_free(&decoder);
		buffer_free(&out);
		arena_free(&arena);
	}
}

TEST(fails_when_the_buffer_is_full) {
	struct buffer out;
	buffer_init(&out, 10);
	CHECK_INT(exception_format_body(SLICE("a message"), &out), ERROR_LIMIT);
	buffer_clear(&out);
	CHECK_INT(exception_format_frame(OPERATION_CONVERSE_STREAM, SLICE("x"), SLICE("a message"), &out), ERROR_LIMIT);
	CHECK_INT(out.len, 0);
	buffer_free(&out);
}

// Only the message says which limit is reached, or that a model lacks the tier.
TEST(reads_the_shortage_of_responses) {
	static const struct {
		const char *name, *message;
		int status;
		enum shortage shortage;
	} rows[] = {
	    {"ThrottlingException", EXCEPTION_TOO_MANY_TOKENS, 429, SHORTAGE_TOKENS},
	    {"ThrottlingException", EXCEPTION_TOO_MANY_REQUESTS, 429, SHORTAGE_REQUESTS},
	    {"ThrottlingException", "TOO MANY TOKENS IN REQUESTS", 429, SHORTAGE_TOKENS},
	    {"ThrottlingException", "Slow down.", 429, SHORTAGE_NONE},
	    {"ThrottlingException", "", 429, SHORTAGE_NONE},
	    {"ThrottlingException", "tier", 429, SHORTAGE_NONE},
	    {"ServiceQuotaExceededException", "Your request exceeds a quota", 400, SHORTAGE_NONE},
	    {"ServiceUnavailableException", "Too many tokens", 503, SHORTAGE_NONE},
	    {"ValidationException", "The provided service tier is not supported for this model", 400, SHORTAGE_TIER},
	    {"ValidationException", "ServiceTier", 400, SHORTAGE_TIER},
	    {"ValidationException", "no TIER", 400, SHORTAGE_TIER},
	    {"ValidationException", EXCEPTION_NO_RESERVATION, 400, SHORTAGE_TIER},
	    {"ValidationException", EXCEPTION_NO_TIER, 400, SHORTAGE_TIER},
	    {"ValidationException", "tie", 400, SHORTAGE_NONE},
	    {"ValidationException", "malformed request", 400, SHORTAGE_NONE},
	    {"ValidationException", "", 400, SHORTAGE_NONE},
	    {"ValidationException", "tier", 424, SHORTAGE_NONE},
	    {NULL, "tier", 400, SHORTAGE_NONE},
	};
	struct arena arena;
	arena_init(&arena, 1024 * 1024);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct header header = {SLICE("x-amzn-errortype"), slice_from(rows[i].name)};
		struct exception_report report;
		struct buffer body;
		buffer_init(&body, 4096);
		exception_format_body(slice_from(rows[i].message), &body);
		exception_read(rows[i].status, (struct headers){&header, rows[i].name ? 1 : 0}, buffer_slice(&body), 0, &arena,
		               &report);
		check_int(__FILE__, __LINE__, rows[i].message, report.shortage, rows[i].shortage);
		buffer_free(&body);
	}
	arena_free(&arena);
}

TEST(reads_the_shortage_of_frames) {
	struct buffer bytes;
	struct eventstream_decoder decoder;
	struct eventstream_frame frame;
	struct exception_report report;
	struct arena arena;
	arena_init(&arena, 4096);
	buffer_init(&bytes, 4096);
	eventstream_decoder_init(&decoder, EVENTSTREAM_FRAME_BYTES);
	CHECK_INT(exception_format_frame(OPERATION_CONVERSE_STREAM, SLICE("ThrottlingException"),
	                                 SLICE(EXCEPTION_TOO_MANY_TOKENS), &bytes),
	          0);
	struct slice rest = buffer_slice(&bytes);
	CHECK_INT(eventstream_decoder_next(&decoder, &rest, &frame), EVENTSTREAM_FRAME);
	exception_read_frame(&frame, &arena, &report);
	CHECK_INT(report.shortage, SHORTAGE_TOKENS);
	eventstream_decoder_free(&decoder);
	buffer_free(&bytes);
	arena_free(&arena);
}

int main(void) {
	RUN(classifies_failures);
	RUN(finds_names);
	RUN(reads_names_and_messages);
	RUN(bounds_names);
	RUN(bounds_texts);
	RUN(reads_retry_after);
	RUN(reads_the_frames_it_writes);
	RUN(fails_when_the_buffer_is_full);
	RUN(reads_the_shortage_of_responses);
	RUN(reads_the_shortage_of_frames);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
#include "mux/headers.h"

#include "../check.h"

TEST(headers_that_go_up) {
	static const struct {
		const char *name;
		bool goes;
	} rows[] = {
	    {"Content-Type", true},
	    {"accept", true},
	    {"X-Amzn-Bedrock-Trace", true},
	    {"x-amzn-bedrock-", false},
	    {"traceparent", true},
	    {"X-Amzn-Trace-Id", true},
	    {"content-encoding", true},
	    {"authorization", false},
	    {"cookie", false},
	    {"host", false},
	    {"x-amz-date", false},
	    {"x-amz-security-token", false},
	    {"accept-encoding", false},
	    {"connection", false},
	    {"x-signalbox-hop", true},
	    {"amz-sdk-request", false},
	    {"", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CHECK_INT(header_goes_up(slice_from(rows[i].name)), rows[i].goes);
}

TEST(detects_content_codings) {
	static const struct {
		const char *name, *value;
		bool coded;
	} rows[] = {
	    {"content-type", "gzip", false},
	    {"content-encoding", " Identity ", false},
	    {"Content-Encoding", "gzip", true},
	    {"content-encoding", "", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct header header = {slice_from(rows[i].name), slice_from(rows[i].value)};
		CHECK_INT(headers_have_coding((struct headers){&header, 1}), rows[i].coded);
	}
	CHECK(!headers_have_coding((struct headers){0}));
	// Each of several counts.
	const struct header both[] = {{SLICE("content-encoding"), SLICE("identity")},
	                              {SLICE("content-encoding"), SLICE("gzip")}};
	CHECK(headers_have_coding((struct headers){both, 2}));
}

TEST(detects_other_charsets) {
	static const struct {
		const char *name, *value;
		bool other;
	} rows[] = {
	    {"Content-Type", "application/json", false},
	    {"content-type", "application/json; Charset=UTF-8", false},
	    {"content-type", "application/json;charset=\"utf-8\" ; x=y", false},
	    {"content-type", "application/json; charset=utf-16", true},
	    {"content-type", "application/json; a=b;CHARSET = \"utf-7\"", true},
	    {"content-type", "application/json; charset", true},
	    {"content-encoding", "x; charset=utf-16", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct header header = {slice_from(rows[i].name), slice_from(rows[i].value)};
		CHECK_INT(headers_have_charset((struct headers){&header, 1}), rows[i].other);
	}
}

TEST(headers_that_come_down) {
	struct header list[] = {
	    {SLICE("Connection"), SLICE("close, X-Private ,x-other")},
	    {SLICE("Transfer-Encoding"), SLICE("chunked")},
	    {SLICE("x-private"), SLICE("1")},
	    {SLICE("x-other"), SLICE("2")},
	    {SLICE("X-Amzn-RequestId"), SLICE("id")},
	    {SLICE("Content-Type"), SLICE("application/json")},
	    {SLICE("Content-Length"), SLICE("3")},
	    {SLICE("x-third"), SLICE("3")},
	    {SLICE("connection"), SLICE("x-third")},
	    {SLICE("Set-Cookie"), SLICE("session=1")},
	    {SLICE("Server"), SLICE("software/1.0")},
	};
	struct arena arena;
	arena_init(&arena, 4096);
	struct headers down = headers_copy_down(&arena, (struct headers){list, sizeof list / sizeof list[0]});
	CHECK_INT(down.count, 2);
	CHECK_SLICE(down.list[0].name, SLICE("X-Amzn-RequestId"));
	CHECK_SLICE(down.list[1].value, SLICE("application/json"));
	CHECK(down.list[0].name.ptr != list[4].name.ptr);
	arena_free(&arena);
}

TEST(a_full_arena_drops_whole_headers) {
	struct header list[] = {{SLICE("a"), SLICE("b")}, {SLICE("c"), SLICE("d")}};
	for (size_t limit = 0; limit < 200; limit++) {
		struct arena arena;
		arena_init(&arena, limit);
		struct headers down = headers_copy_down(&arena, (struct headers){list, 2});
		for (size_t i = 0; i < down.count; i++)
			CHECK(down.list[i].name.len == 1 && down.list[i].value.len == 1);
		arena_free(&arena);
	}
}

int main(void) {
	RUN(headers_that_go_up);
	RUN(detects_content_codings);
	RUN(detects_other_charsets);
	RUN(headers_that_come_down);
	RUN(a_full_arena_drops_whole_headers);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Which error bodies of upstreams pass, and what replaces the others.
#include "mux/error_page.h"

#include "../check.h"

#define PAGE "{\"message\":\"The upstream answered with status 502 and no message.\"}"

static const struct header GZIP[] = {{{"Content-Encoding", 16}, {"gzip", 4}}};
static const struct header IDENTITY[] = {{{"content-encoding", 16}, {"identity", 8}}};
static const struct header LATIN[] = {{{"content-type", 12}, {"text/html; charset=iso-8859-1", 29}}};
static const struct header REQUEST_ID[] = {
    {{"server", 6}, {"proxy", 5}}, {{"X-Amzn-RequestId", 16}, {"up", 2}}, {{"content-type", 12}, {"text/html", 9}}};

static const struct row {
	const char *body;
	struct headers headers;
	bool passes;
} ROWS[] = {
    {"{\"message\":\"x\"}", {REQUEST_ID, 3}, true},
    {" \r\n\t{}", {NULL, 0}, true},
    {"<html>", {NULL, 0}, false},
    {"", {NULL, 0}, false},
    {"   ", {NULL, 0}, false},
    {"[]", {NULL, 0}, false},
    {"\x1f\x8b", {GZIP, 1}, true},
    {"", {GZIP, 1}, false},
    {"<html>", {IDENTITY, 1}, false},
    {"<html>", {LATIN, 1}, false},
};

TEST(bodies_that_sdks_can_read_pass) {
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct headers headers = ROWS[i].headers;
		struct slice body = slice_from(ROWS[i].body);
		struct arena arena;
		arena_init(&arena, 1 << 12);
		error_page_replace(502, &arena, &headers, &body);
		CHECK_SLICE(body, slice_from(ROWS[i].passes ? ROWS[i].body : PAGE));
		CHECK_INT(headers.count, ROWS[i].passes ? ROWS[i].headers.count : 1);
		arena_free(&arena);
	}
}

TEST(a_page_keeps_only_the_request_id) {
	struct headers headers = {REQUEST_ID, 3};
	struct slice body = SLICE("<html>");
	struct arena arena;
	arena_init(&arena, 1 << 12);
	error_page_replace(502, &arena, &headers, &body);
	CHECK_INT(headers.count, 2);
	CHECK_SLICE(*headers_find(headers, SLICE("x-amzn-requestid")), SLICE("up"));
	CHECK_SLICE(*headers_find(headers, SLICE("content-type")), SLICE("application/json"));
	arena_free(&arena);
}

TEST(a_full_arena_lets_no_page_through) {
	struct headers headers = {REQUEST_ID, 3};
	struct slice body = SLICE("<html>");
	struct arena arena;
	arena_init(&arena, 0);
	error_page_replace(502, &arena, &headers, &body);
	CHECK_INT(headers.count, 1);
	CHECK_SLICE(body, SLICE("{\"message\":\"The upstream answered with an error and no message.\"}"));
	arena_free(&arena);
}

int main(void) {
	RUN(bodies_that_sdks_can_read_pass);
	RUN(a_page_keeps_only_the_request_id);
	RUN(a_full_arena_lets_no_page_through);
	return check_summary();
}

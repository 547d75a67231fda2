// SPDX-License-Identifier: Apache-2.0
// The format of a request's head, and that no part of it can add lines.
#include "http/request_head.h"

#include <stdlib.h>

#include "../check.h"

#define S(literal)                                                                                                     \
	{ literal, sizeof(literal) - 1 }

struct head_case {
	struct slice method, target;
	struct header headers[3];
	size_t header_count;
	struct slice body;
	const char *expected;
};

static const struct head_case cases[] = {
    {S("POST"),
     S("/model/a%3A0/converse"),
     {{S("host"), S("h.test:1")}, {S("X-Two"), S("")}},
     2,
     S("{}"),
     "POST /model/a%3A0/converse HTTP/1.1\r\nhost: h.test:1\r\nX-Two: \r\ncontent-length: 2\r\n\r\n"},
    {S("POST"), S("/"), {{S("host"), S("h")}}, 1, S(""), "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n"},
    {S("GET"), S("/?q"), {{S("host"), S("h")}}, 1, S(""), "GET /?q HTTP/1.1\r\nhost: h\r\n\r\n"},
    {S("HEAD"), S("/"), {{S("host"), S("h")}}, 1, S(""), "HEAD / HTTP/1.1\r\nhost: h\r\n\r\n"},
    {S("GET"), S("/"), {{{0}, {0}}}, 0, S("x"), "GET / HTTP/1.1\r\ncontent-length: 1\r\n\r\n"},
    // Framing headers of the caller are replaced.
    {S("POST"),
     S("/"),
     {{S("Content-Length"), S("9")}, {S("transfer-encoding"), S("chunked")}, {S("te"), S("trailers")}},
     3,
     S("abc"),
     "POST / HTTP/1.1\r\nte: trailers\r\ncontent-length: 3\r\n\r\n"},
    // No part ends its line.
    {S("POST"),
     S("/a b\r\nx: y"),
     {{S("na me\r\n"), S("v\r\nz: w\0\t\x7f\xc3\xa9")}},
     1,
     S(""),
     "POST /a_b__x:_y HTTP/1.1\r\nna_me__: v  z: w \t \xc3\xa9\r\ncontent-length: 0\r\n\r\n"},
    {S("PO ST\n"), S("/"), {{{0}, {0}}}, 0, S(""), "PO_ST_ / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"},
};

TEST(heads_are_formatted) {
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct head_case *test = &cases[i];
		struct exchange_request request = {test->method, test->target, {test->headers, test->header_count}, test->body};
		size_t size = request_head_size(&request);
		// Of exactly the announced size, so that a sanitizer sees a byte too many.
		char *out = malloc(size);
		size_t written = request_head_format(&request, out);
		CHECK(written <= size);
		CHECK_SLICE(slice_of(out, written), slice_from(test->expected));
		free(out);
	}
}

TEST(the_largest_length_fits) {
	struct exchange_request request = {SLICE("POST"), SLICE("/"), {NULL, 0}, {"", SIZE_MAX}};
	size_t size = request_head_size(&request);
	char *out = malloc(size);
	size_t written = request_head_format(&request, out);
	CHECK_SLICE(slice_of(out, written), SLICE("POST / HTTP/1.1\r\ncontent-length: 18446744073709551615\r\n\r\n"));
	CHECK(written <= size);
	free(out);
}

int main(void) {
	RUN(heads_are_formatted);
	RUN(the_largest_length_fits);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Heads and bodies as received: what is accepted, what is refused, and that neither depends on the chunking of the
// bytes. Inputs are in allocations of their exact size, so that sanitizers see a read beyond them.
#include <stdlib.h>

#include "../check.h"
#include "base/memory.h"
#include "base/random.h"
#include "http/head.h"

enum { LIMIT = 1024 };

static char *exact_copy(struct slice text) {
	char *copy = malloc(text.len ? text.len : 1);
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

// Feeds the text in pieces of `step` bytes (0: all at once); *rest is how many bytes were left over.
static enum head_step feed(struct head *head, struct slice text, size_t step, size_t *rest) {
	enum head_step result = HEAD_MORE;
	size_t at = 0;
	while (at < text.len && result == HEAD_MORE) {
		size_t len = step && step < text.len - at ? step : text.len - at;
		char *copy = exact_copy(slice_of(text.ptr + at, len));
		struct slice input = slice_of(copy, len);
		result = head_read(head, &input);
		at += len - input.len;
		CHECK(result != HEAD_MORE || input.len == 0);
		free(copy);
	}
	*rest = text.len - at;
	return result;
}

TEST(reads_a_request) {
	struct head head;
	head_init(&head, HEAD_REQUEST, LIMIT);
	size_t rest;
	struct slice text = SLICE("\r\nPOST /model/a%3A0/converse?x=1?2 HTTP/1.1\r\nHost: h:80\r\nContent-Length:  12 \r\n"
	                          "X-Empty:\r\nx-tab:\ta\tb\t\r\nX-High: \xc3\xa9\r\nExpect: 100-Continue\r\n\r\nbody");
	for (size_t step = 0; step < 5; step++) {
		CHECK_INT(feed(&head, text, step, &rest), HEAD_WHOLE);
		CHECK_INT(rest, 4);
		CHECK_SLICE(head.method, SLICE("POST"));
		CHECK_SLICE(head.target, SLICE("/model/a%3A0/converse?x=1?2"));
		CHECK_SLICE(head.path, SLICE("/model/a%3A0/converse"));
		CHECK_SLICE(head.query, SLICE("x=1?2"));
		CHECK_INT(head.minor_version, 1);
		CHECK_INT(head.headers.count, 6);
		CHECK_SLICE(head.headers.list[1].name, SLICE("Content-Length"));
		CHECK_SLICE(head.headers.list[1].value, SLICE("12"));
		CHECK_SLICE(head.headers.list[2].value, SLICE(""));
		CHECK_SLICE(head.headers.list[3].value, SLICE("a\tb"));
		CHECK_SLICE(head.headers.list[4].value, SLICE("\xc3\xa9"));
		CHECK(head.keep_alive && head.expects_continue && !head.expects_other);
		CHECK_INT(head.framing, FRAMING_LENGTH);
		CHECK_INT(head.content_length, 12);
		head_reset(&head);
		CHECK(!head_has_begun(&head));
	}
	head_free(&head);
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
// So many options of a connection, before another one.
#define OPTIONS_7 "a,,,,,,,"
#define OPTIONS_31 OPTIONS_7 "," OPTIONS_7 "," OPTIONS_7 "," OPTIONS_7

// How a request is read. `status` 0: it is accepted, with that framing and keep_alive.
static const struct request_row {
	const char *text;
	int status;
	enum framing_kind framing;
	bool keep_alive;
} request_rows[] = {
    {GET "\r\n", 0, FRAMING_NONE, true},
    {GET "Connection: close\r\n\r\n", 0, FRAMING_NONE, false},
    {GET "Connection: x, Close , y\r\n\r\n", 0, FRAMING_NONE, false},
    {GET "Connection: keep-alive\r\nconnection: close\r\n\r\n", 0, FRAMING_NONE, false},
    {GET "Connection: " OPTIONS_31 "close\r\n\r\n", 0, FRAMING_NONE, false},
    {GET "Connection: " OPTIONS_31 "x,close\r\n\r\n", 400, 0, false},
    {GET "Connection: " OPTIONS_31 "\r\nConnection: \r\n\r\n", 400, 0, false},
    {"GET / HTTP/1.0\r\n\r\n", 0, FRAMING_NONE, false},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 0, FRAMING_NONE, true},
    {"GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", 0, FRAMING_NONE, false},
    {POST "Content-Length: 0\r\n\r\n", 0, FRAMING_LENGTH, true},
    {POST "Content-Length: 007\r\n\r\n", 0, FRAMING_LENGTH, true},
    {POST "Transfer-Encoding: Chunked\r\n\r\n", 0, FRAMING_CHUNKED, true},
    {"GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 0, FRAMING_NONE, true},
    {"GET http://A:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 0, FRAMING_NONE, true},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0, FRAMING_NONE, true},
    {"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", 0, FRAMING_NONE, true},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 0, FRAMING_NONE, true},
    {"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 0, FRAMING_NONE, true},
    {"GET /model/arn:aws:bedrock:us-east-1::x/y+z?a=b HTTP/1.1\r\nHost: a\r\n\r\n", 0, FRAMING_NONE, true},

    // The request line.
    {"GET /\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET / x HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GETGETGETGETGETGETGETGETGETGETGETG / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400, 0, false},
    {"GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET http:/x HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET http HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET http://b/x HTTP/1.1\r\n\r\n", 400, 0, false},
    {"GET http://b/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, 0, false},
    {"GET http://b/x HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, 0, false},
    {"GET http://u@a/x HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET / HTTP/1.x\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET / http/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET / HTTP/11\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, 0, false},
    {"GET / HTTP/3.0\r\n\r\n", 505, 0, false},
    {"PRI * HTTP/2.0\r\n\r\n", 505, 0, false},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, false},
    {"\x16\x03\x01\x02", 400, 0, false},

    // Lines.
    {"GET / HTTP/1.1\nHost: a\n\n", 400, 0, false},
    {GET "\n", 400, 0, false},
    {GET "A: b\n\r\n", 400, 0, false},
    {GET "A: b\r\r\n\r\n", 400, 0, false},
    {GET "A: b\rC: d\r\n\r\n", 400, 0, false},
    {GET "A: b\r\n c\r\n\r\n", 400, 0, false},
    {GET "A: b\r\n\tc\r\n\r\n", 400, 0, false},
    {"GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", 400, 0, false},
    {GET "A : b\r\n\r\n", 400, 0, false},
    {GET "A\t: b\r\n\r\n", 400, 0, false},
    {GET ": b\r\n\r\n", 400, 0, false},
    {GET "Ab\r\n\r\n", 400, 0, false},
    {GET "A(b: c\r\n\r\n", 400, 0, false},
    {GET "A\xc3\xa9: c\r\n\r\n", 400, 0, false},
    {GET "A: b\x01\r\n\r\n", 400, 0, false},
    {GET "A: b\x7f\r\n\r\n", 400, 0, false},

    // Lengths and codings, as in request smuggling.
    {POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, 0, false},
    {POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, 0, false},
    {POST "Content-Length: 1, 1\r\n\r\n", 400, 0, false},
    {POST "Content-Length: +1\r\n\r\n", 400, 0, false},
    {POST "Content-Length: -1\r\n\r\n", 400, 0, false},
    {POST "Content-Length: 0x1\r\n\r\n", 400, 0, false},
    {POST "Content-Length: 1 2\r\n\r\n", 400, 0, false},
    {POST "Content-Length:\r\n\r\n", 400, 0, false},
    {POST "Content-Length: 99999999999999999999\r\n\r\n", 400, 0, false},
    {POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, false},
    {POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400, 0, false},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, false},
    {POST "Transfer-Encoding: chunked\r\nTransfer-encoding: identity\r\n\r\n", 400, 0, false},
    {POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 400, 0, false},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400, 0, false},
    {POST "Transfer-Encoding: \r\n\r\n", 400, 0, false},
    {POST "Transfer-Encoding: ,chunked\r\n\r\n", 400, 0, false},
    {POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n",
     400, 0, false},
    {POST "Transfer-Encoding : chunked\r\n\r\n", 400, 0, false},
    {POST "X: y\r\n Transfer-Encoding: chunked\r\n\r\n", 400, 0, false},
    {POST "X: y\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, false},
    {POST "Transfer-Encoding: xchunked\r\n\r\n", 501, 0, false},
    {POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 501, 0, false},
    {POST "Transfer-Encoding: chunked;a=b\r\n\r\n", 501, 0, false},
    {POST "Transfer-Encoding: identity\r\n\r\n", 501, 0, false},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, false},

    // The host.
    {"GET / HTTP/1.1\r\n\r\n", 400, 0, false},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, 0, false},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, 0, false},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 0, false},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 0, false},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, 0, false},
};

TEST(accepts_and_refuses_requests) {
	for (size_t i = 0; i < sizeof request_rows / sizeof *request_rows; i++) {
		const struct request_row *row = &request_rows[i];
		int before = check_failures_in_test;
		for (size_t step = 0; step < 4; step++) {
			struct head head;
			size_t rest;
			head_init(&head, HEAD_REQUEST, LIMIT);
			enum head_step result = feed(&head, slice_from(row->text), step, &rest);
			CHECK_INT(result, row->status ? HEAD_REFUSED : HEAD_WHOLE);
			CHECK_INT(head.refusal_status, row->status);
			CHECK(!row->status || (head.refusal_reason && check_is_sentence(head.refusal_reason)));
			if (!row->status) {
				CHECK_INT(head.framing, row->framing);
				CHECK_INT(head.keep_alive, row->keep_alive);
				CHECK_INT(rest, 0);
			}
			head_free(&head);
		}
		if (check_failures_in_test > before)
			printf("  row %zu: %s\n", i, row->text);
	}
}

// RFC 9112, 3.2.2: a client must send the same host in both; an origin server uses the target's.
TEST(an_absolute_target_replaces_the_host) {
	static const struct {
		const char *text, *path, *host;
		size_t headers;
	} rows[] = {
	    {"GET http://b:80/x?y HTTP/1.1\r\nA: b\r\nHoSt: a\r\n\r\n", "/x", "b:80", 2},
	    {"GET https://b HTTP/1.1\r\nHost:\r\n\r\n", "/", "b", 1},
	    {"GET HTTP://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "/x", "b", 1},
	    {"GET hTTpS://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "/x", "b", 1},
	    {"GET http://b/ HTTP/1.0\r\n\r\n", "/", "b", 1},
	    {"GET /x HTTP/1.1\r\nHost: a\r\nA: http://b/\r\n\r\n", "/x", "a", 2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t step = 0; step < 3; step++) {
			struct head head;
			size_t rest;
			head_init(&head, HEAD_REQUEST, LIMIT);
			CHECK_INT(feed(&head, slice_from(rows[i].text), step, &rest), HEAD_WHOLE);
			CHECK_SLICE(head.path, slice_from(rows[i].path));
			CHECK_INT(head.headers.count, rows[i].headers);
			const struct slice *host = headers_find(head.headers, SLICE("host"));
			CHECK(host);
			if (host)
				CHECK_SLICE(*host, slice_from(rows[i].host));
			head_free(&head);
		}
	}
}

TEST(refuses_nul_anywhere) {
	static const char text[] = "GET /abc HTTP/1.1\r\nHost: a\r\nName: value\r\n\r\n";
	for (size_t at = 0; at < sizeof text - 5; at++) {
		char copy[sizeof text];
		memcpy(copy, text, sizeof text);
		copy[at] = '\0';
		struct head head;
		size_t rest;
		head_init(&head, HEAD_REQUEST, LIMIT);
		CHECK_INT(feed(&head, slice_of(copy, sizeof text - 1), 0, &rest), HEAD_REFUSED);
		CHECK_INT(head.refusal_status, 400);
		head_free(&head);
	}
}

static const struct response_row {
	const char *text;
	bool responds_to_head;
	int status; // 0: refused
	enum framing_kind framing;
	uint64_t length;
	bool keep_alive;
} response_rows[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, 200, FRAMING_LENGTH, 5, true},
    {"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", false, 200, FRAMING_LENGTH, 5, true},
    {"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", false, 200, FRAMING_LENGTH, 5, true},
    {"HTTP/1.1 429 Too Many \xc3\xa9\r\nTransfer-Encoding: chunked\r\n\r\n", false, 429, FRAMING_CHUNKED, 0, true},
    {"HTTP/1.1 200 OK\r\n\r\n", false, 200, FRAMING_UNTIL_CLOSE, 0, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, 200, FRAMING_LENGTH, 5, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", false, 200, FRAMING_LENGTH, 5, false},
    {"HTTP/1.1 204 OK\r\nConnection: " OPTIONS_31 "close\r\n\r\n", false, 204, FRAMING_NONE, 0, false},
    {"HTTP/1.1 204 OK\r\nConnection: " OPTIONS_31 "x,close\r\n\r\n", false, 0, 0, 0, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, 200, FRAMING_NONE, 0, true},
    {"HTTP/1.1 204 No Content\r\n\r\n", false, 204, FRAMING_NONE, 0, true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, 304, FRAMING_NONE, 0, true},
    {"HTTP/1.1 100 Continue\r\n\r\n", false, 100, FRAMING_NONE, 0, true},
    {"HTTP/1.1 20 OK\r\n\r\n", false, 0, 0, 0, false},
    {"HTTP/1.1 2000 OK\r\n\r\n", false, 0, 0, 0, false},
    {"HTTP/1.1 099 OK\r\n\r\n", false, 0, 0, 0, false},
    {"HTTP/1.1  200 OK\r\n\r\n", false, 0, 0, 0, false},
    {"HTTP/2.0 200 OK\r\n\r\n", false, 0, 0, 0, false},
    {"<html>\r\n\r\n", false, 0, 0, 0, false},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", false, 0, 0, 0, false},
    {"HTTP/1.1 200 OK\nContent-Length: 5\n\n", false, 0, 0, 0, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", false, 0, 0, 0, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false, 0, 0, 0, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false, 0, 0, 0, false},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, 0, 0, 0, false},
    {"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", false, 0, 0, 0, false},
};

TEST(accepts_and_refuses_responses) {
	for (size_t i = 0; i < sizeof response_rows / sizeof *response_rows; i++) {
		const struct response_row *row = &response_rows[i];
		int before = check_failures_in_test;
		for (size_t step = 0; step < 4; step++) {
			struct head head;
			size_t rest;
			head_init(&head, HEAD_RESPONSE, LIMIT);
			head.responds_to_head = row->responds_to_head;
			CHECK_INT(feed(&head, slice_from(row->text), step, &rest), row->status ? HEAD_WHOLE : HEAD_REFUSED);
			if (row->status) {
				CHECK_INT(head.status, row->status);
				CHECK_INT(head.framing, row->framing);
				CHECK_INT(head.content_length, row->length);
				CHECK_INT(head.keep_alive, row->keep_alive);
			}
			head_free(&head);
		}
		if (check_failures_in_test > before)
			printf("  row %zu: %s\n", i, row->text);
	}
}

// A request of `target` bytes of target, and of `count` headers with `value` bytes each.
static struct buffer sized(size_t target, size_t count, size_t value) {
	struct buffer text;
	buffer_init(&text, SIZE_MAX);
	buffer_append(&text, SLICE("GET /"));
	for (size_t i = 1; i < target; i++)
		buffer_append_byte(&text, 'a');
	buffer_append(&text, SLICE(" HTTP/1.1\r\nHost: a\r\n"));
	for (size_t i = 0; i < count; i++) {
		buffer_printf(&text, "x%zu: ", i);
		for (size_t k = 0; k < value; k++)
			buffer_append_byte(&text, 'v');
		buffer_append(&text, SLICE("\r\n"));
	}
	buffer_append(&text, SLICE("\r\n"));
	return text;
}

TEST(keeps_limits) {
	static const struct {
		size_t limit, target, count, value;
		int status;
	} rows[] = {
	    {1024, 100, 10, 50, 0},  {1024, 100, 10, 100, 431}, {1024, 100, 1, 2000, 431}, {1024, 1100, 0, 0, 414},
	    {65536, 16384, 0, 0, 0}, {65536, 16385, 0, 0, 414}, {65536, 10, 255, 1, 0},    {65536, 10, 256, 1, 431},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buffer text = sized(rows[i].target, rows[i].count, rows[i].value);
		for (size_t step = 0; step < 3; step++) {
			struct head head;
			size_t rest;
			head_init(&head, HEAD_REQUEST, rows[i].limit);
			feed(&head, buffer_slice(&text), step, &rest);
			CHECK_INT(head.refusal_status, rows[i].status);
			CHECK(head.raw.capacity <= rows[i].limit);
			head_reset(&head);
			CHECK(head.raw.capacity + head.capacity * sizeof *head.list <= 4096);
			head_free(&head);
		}
		buffer_free(&text);
	}
}

static const struct framing_row {
	enum framing_kind kind;
	uint64_t length;
	const char *input;
	enum framing_step end;
	const char *body;
	size_t rest;
} framing_rows[] = {
    {FRAMING_NONE, 0, "GET", FRAMING_END, "", 3},
    {FRAMING_LENGTH, 0, "GET", FRAMING_END, "", 3},
    {FRAMING_LENGTH, 5, "helloGET", FRAMING_END, "hello", 3},
    {FRAMING_LENGTH, 5, "hel", FRAMING_MORE, "hel", 0},
    {FRAMING_UNTIL_CLOSE, 0, "hello", FRAMING_MORE, "hello", 0},
    {FRAMING_CHUNKED, 0, "0\r\n\r\nGET", FRAMING_END, "", 3},
    {FRAMING_CHUNKED, 0, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", FRAMING_END, "hello world", 0},
    {FRAMING_CHUNKED, 0, "A\r\n0123456789\r\n00000a\r\n0123456789\r\n0\r\n\r\n", FRAMING_END, "01234567890123456789",
     0},
    {FRAMING_CHUNKED, 0, "5;a=b;c=\"d e\"\r\nhello\r\n000;x\r\n\r\n", FRAMING_END, "hello", 0},
    {FRAMING_CHUNKED, 0, "1\r\nx\r\n0\r\nTrailer: a b\r\nOther:\r\n\r\nGET", FRAMING_END, "x", 3},
    {FRAMING_CHUNKED, 0, "5\r\nhel", FRAMING_MORE, "hel", 0},
    {FRAMING_CHUNKED, 0, "\r\nhello", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, ";a\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "5\nhello\n0\n\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "5\rXhello\r\n0\r\n\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "5\r\nhelloXY0\r\n\r\n", FRAMING_MALFORMED, "hello", 0},
    {FRAMING_CHUNKED, 0, "5\r\nhello\n0\r\n\r\n", FRAMING_MALFORMED, "hello", 0},
    {FRAMING_CHUNKED, 0, "5\r\nhello\r0\r\n\r\n", FRAMING_MALFORMED, "hello", 0},
    {FRAMING_CHUNKED, 0, "5 \r\nhello\r\n0\r\n\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, " 5\r\nhello\r\n0\r\n\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "0x5\r\nhello\r\n0\r\n\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "+5\r\nhello\r\n0\r\n\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "-1\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "10000000000000005\r\nhello", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "5;a\nb\r\nhello\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "5;a\x01\r\nhello\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "0\r\n\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "0\r\nA: b\n\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "0\r\n A: b\r\n\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "0\r\nA : b\r\n\r\n", FRAMING_MALFORMED, "", 0},
    {FRAMING_CHUNKED, 0, "0\r\nGET / HTTP/1.1\r\n\r\n", FRAMING_MALFORMED, "", 0},
};

static enum framing_step feed_body(struct framing *framing, struct slice text, size_t step, struct buffer *body,
                                   size_t *rest) {
	enum framing_step result = FRAMING_MORE;
	size_t at = 0;
	do {
		size_t len = step && step < text.len - at ? step : text.len - at;
		char *copy = exact_copy(slice_of(text.ptr + at, len));
		struct slice input = slice_of(copy, len), piece;
		while ((result = framing_read(framing, &input, &piece)) == FRAMING_PIECE) {
			CHECK(piece.len > 0);
			buffer_append(body, piece);
		}
		at += len - input.len;
		free(copy);
	} while (result == FRAMING_MORE && at < text.len);
	*rest = text.len - at;
	return result;
}

TEST(delimits_bodies) {
	for (size_t i = 0; i < sizeof framing_rows / sizeof *framing_rows; i++) {
		const struct framing_row *row = &framing_rows[i];
		int before = check_failures_in_test;
		for (size_t step = 0; step < 4; step++) {
			struct framing framing;
			struct buffer body;
			size_t rest;
			framing_init(&framing, row->kind, row->length);
			buffer_init(&body, 1024);
			CHECK_INT(feed_body(&framing, slice_from(row->input), step, &body, &rest), row->end);
			CHECK_SLICE(buffer_slice(&body), slice_from(row->body));
			if (row->end != FRAMING_MALFORMED)
				CHECK_INT(rest, row->rest);
			buffer_free(&body);
		}
		if (check_failures_in_test > before)
			printf("  row %zu: %s\n", i, row->input);
	}
}

TEST(limits_extensions_and_trailers) {
	for (int trailers = 0; trailers < 2; trailers++) {
		struct framing framing;
		framing_init(&framing, FRAMING_CHUNKED, 0);
		enum framing_step result = FRAMING_MORE;
		size_t fed = 0;
		struct slice piece, start = trailers ? SLICE("0\r\n") : (struct slice){0};
		CHECK_INT(framing_read(&framing, &start, &piece), FRAMING_MORE);
		while (result != FRAMING_MALFORMED && fed < 100000) {
			struct slice input = trailers ? SLICE("name: value\r\n") : SLICE("1;extension=1\r\nx\r\n");
			fed += input.len;
			do
				result = framing_read(&framing, &input, &piece);
			while (result == FRAMING_PIECE);
		}
		CHECK_INT(result, FRAMING_MALFORMED);
		CHECK(fed < 20000);
		struct slice more = SLICE("0\r\n\r\n");
		CHECK_INT(framing_read(&framing, &more, &piece), FRAMING_MALFORMED);
	}
}

static const char *const seeds[] = {
    "POST /model/x/converse?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: keep-alive, x\r\n\r\n",
    "POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nX: \t y\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\nx-amzn-requestid: 1\r\n\r\n",
    "HTTP/1.0 503 Slow Down\r\nTransfer-Encoding: chunked\r\n\r\n",
};

static size_t mutate(struct random_source *random, char *text, size_t len, size_t size) {
	static const char odd[] = "\r\n\0 \t:,;/*?#\x7f\x80\xff"
	                          "0aA\"";
	for (uint64_t edits = 1 + random_below(random, 4); edits > 0 && len > 0; edits--) {
		size_t at = random_below(random, len), many = 1 + random_below(random, 6);
		char byte = random_below(random, 4) ? odd[random_below(random, sizeof odd)] : (char)random_next(random);
		many = many < len - at ? many : len - at;
		switch (random_below(random, 4)) {
		case 0:
			text[at] = byte;
			break;
		case 1:
			memmove(text + at, text + at + many, len - at - many);
			len -= many;
			break;
		case 2:
			if (len + many > size)
				break;
			memmove(text + at + many, text + at, len - at);
			len += many;
			break;
		default:
			memmove(text + at, text + random_below(random, len - many + 1), many);
		}
	}
	return len;
}

static bool is_clean(struct slice text) {
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == '\0')
			return false;
	return true;
}

static void check_invariants(const struct head *head) {
	const struct slice *length = headers_find(head->headers, SLICE("content-length"));
	const struct slice *coding = headers_find(head->headers, SLICE("transfer-encoding"));
	CHECK(!(length && coding));
	CHECK(is_clean(head->method) && is_clean(head->target));
	for (size_t i = 0; i < head->headers.count; i++) {
		CHECK(head->headers.list[i].name.len > 0 && is_clean(head->headers.list[i].name));
		CHECK(slice_find(head->headers.list[i].name, ' ') == head->headers.list[i].name.len);
		CHECK(is_clean(head->headers.list[i].value));
	}
	if (head->kind == HEAD_REQUEST)
		CHECK_INT(head->framing, coding ? FRAMING_CHUNKED : length ? FRAMING_LENGTH : FRAMING_NONE);
}

TEST(holds_under_mutation) {
	struct random_source random;
	random_init(&random, 20260101);
	size_t accepted = 0, refused = 0;
	for (int i = 0; i < 60000; i++) {
		char text[512];
		size_t pick = random_below(&random, 4), len = strlen(seeds[pick]), rest[2];
		memcpy(text, seeds[pick], len);
		len = mutate(&random, text, len, sizeof text);
		struct head heads[2];
		enum head_step results[2];
		for (size_t k = 0; k < 2; k++) {
			head_init(&heads[k], pick < 2 ? HEAD_REQUEST : HEAD_RESPONSE, 400);
			results[k] = feed(&heads[k], slice_of(text, len), k ? 1 + random_below(&random, 9) : 0, &rest[k]);
		}
		CHECK_INT(results[0], results[1]);
		CHECK_INT(heads[0].refusal_status, heads[1].refusal_status);
		if (results[0] == HEAD_WHOLE) {
			accepted++;
			CHECK_SLICE(buffer_slice(&heads[0].raw), buffer_slice(&heads[1].raw));
			CHECK_INT(heads[0].keep_alive, heads[1].keep_alive);
			check_invariants(&heads[0]);
		}
		refused += results[0] == HEAD_REFUSED;
		head_free(&heads[0]);
		head_free(&heads[1]);
	}
	CHECK(accepted > 1000 && refused > 10000);
}

TEST(bodies_hold_under_mutation) {
	static const char seed[] = "5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
	struct random_source random;
	random_init(&random, 7);
	size_t ended = 0, malformed = 0;
	for (int i = 0; i < 60000; i++) {
		char text[256];
		size_t len = sizeof seed - 1, rest[2];
		memcpy(text, seed, len);
		len = mutate(&random, text, len, sizeof text);
		struct buffer bodies[2];
		enum framing_step results[2];
		for (size_t k = 0; k < 2; k++) {
			struct framing framing;
			framing_init(&framing, FRAMING_CHUNKED, 0);
			buffer_init(&bodies[k], 4096);
			results[k] =
			    feed_body(&framing, slice_of(text, len), k ? 1 + random_below(&random, 5) : 0, &bodies[k], &rest[k]);
		}
		CHECK_INT(results[0], results[1]);
		CHECK_SLICE(buffer_slice(&bodies[0]), buffer_slice(&bodies[1]));
		ended += results[0] == FRAMING_END;
		malformed += results[0] == FRAMING_MALFORMED;
		buffer_free(&bodies[0]);
		buffer_free(&bodies[1]);
	}
	CHECK(ended > 1000 && malformed > 10000);
}

int main(void) {
	RUN(reads_a_request);
	RUN(accepts_and_refuses_requests);
	RUN(an_absolute_target_replaces_the_host);
	RUN(refuses_nul_anywhere);
	RUN(accepts_and_refuses_responses);
	RUN(keeps_limits);
	RUN(delimits_bodies);
	RUN(limits_extensions_and_trailers);
	RUN(holds_under_mutation);
	RUN(bodies_hold_under_mutation);
	return check_summary();
}

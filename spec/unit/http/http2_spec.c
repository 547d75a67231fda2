// SPDX-License-Identifier: Apache-2.0
// Requests and responses over HTTP/2 without TLS: distinguished from HTTP/1.1, with the same limits and the same calls
// of the embedder.
#include "http2_client.h"

TEST(responds_to_many_at_once) {
	struct served served;
	struct http2_client client;
	int32_t ids[200];
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 65535);
	for (int i = 0; i < 200; i++)
		ids[i] = http2_ask(&client, "GET", i % 2 ? "/stream" : "/a", NULL, NULL);
	for (int i = 0; i < 200; i++) {
		if (i % 2)
			ANSWERED(&client, ids[i], "200 one,two|");
		else
			ANSWERED(&client, ids[i], "200 /a|");
	}
	CHECK_INT(served.requests, 200);
	CHECK_INT(server_connections(served.server), 1);
	CHECK_INT(server_calls(served.server), 0);
	http2_close(&client);
	UNTIL(&served, server_connections(served.server) == 0);
	served_stop(&served);
}

static const struct header *field(const struct server_request *request, struct slice name) {
	for (size_t i = 0; i < request->headers.count; i++)
		if (slice_equal(request->headers.list[i].name, name))
			return &request->headers.list[i];
	return NULL;
}

static size_t looked;

static void record_request(void *owner, struct server_call *call, const struct server_request *request,
                           void **call_owner) {
	(void)owner;
	(void)call_owner;
	looked++;
	CHECK_SLICE(request->method, SLICE("POST"));
	CHECK_SLICE(request->target, SLICE("/model/a%3Ab/converse?x=1&y"));
	CHECK_SLICE(request->path, SLICE("/model/a%3Ab/converse"));
	CHECK_SLICE(request->query, SLICE("x=1&y"));
	CHECK_SLICE(request->body, SLICE("hello"));
	CHECK_SLICE(request->peer, SLICE("127.0.0.1"));
	CHECK_INT(request->headers.count, 2);
	CHECK(field(request, SLICE("host")) && slice_equal(field(request, SLICE("host"))->value, SLICE("a")));
	CHECK(field(request, SLICE("x-one")) && slice_equal(field(request, SLICE("x-one"))->value, SLICE("1")));
	struct header response[] = {{SLICE("X-Upper"), SLICE("kept")},           {SLICE("connection"), SLICE("close")},
	                            {SLICE("Transfer-Encoding"), SLICE("x")},    {SLICE("upgrade"), SLICE("x")},
	                            {SLICE("bad"), SLICE("two\r\nlines: here")}, {SLICE("date"), SLICE("never")}};
	server_respond(call, 299, (struct headers){response, sizeof response / sizeof *response}, SLICE("good"));
}

TEST(passes_requests_and_responses_on_unchanged) {
	static const struct server_events events = {record_request, served_on_writable, served_on_gone,
	                                            served_format_refusal};
	struct served served;
	struct http2_client client;
	const char *message;
	served_start(&served, &quick_limits, &patient, NULL);
	struct server *first = served.server;
	served.server = server_new(served.loop, &quick_limits, &patient, &events, &served);
	CHECK_INT(server_listen(served.server, "127.0.0.1:0", false, &message), 0);
	server_close(first);
	http2_open(&client, &served, 65535);
	client.upload = SLICE("hello");
	int32_t id = http2_ask(&client, "POST", "/model/a%3Ab/converse?x=1&y", "x-one", "1");
	ANSWERED(&client, id, "299 good|");
	CHECK_INT(looked, 1);
	struct slice headers = buffer_slice(&got_of(&client, id)->headers);
	CHECK(slice_starts(headers, SLICE("date: ")));
	CHECK(!slice_starts(headers, SLICE("date: never")));
	CHECK(slice_ends(headers, SLICE(" GMT\nx-upper: kept\ncontent-length: 4\n")));
	http2_close(&client);
	served_stop(&served);
}

// The first bytes decide the protocol, in any chunking.
TEST(distinguishes_protocols_by_their_first_bytes) {
	static const struct {
		struct slice sent;
		bool is_http2;
	} cases[] = {
	    {{PREFACE "\0\0\0\x04\0\0\0\0\0", 33}, true},
	    {{GET("/a"), sizeof(GET("/a")) - 1}, false},
	    {{"P"
	      "OST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
	      49},
	     false},
	    {{"PRI * HTTP/1.1\r\nHost: a\r\n\r\n", 27}, false},
	    {{"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 24}, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (size_t step = 1; step <= cases[i].sent.len; step += step == 1 ? 2 : 30) {
			struct served served;
			struct client client;
			struct slice rest = cases[i].sent;
			served_start(&served, &quick_limits, &patient, NULL);
			client_open(&client, &served);
			for (; rest.len && !client.ended; rest = slice_from_offset(rest, step)) {
				client_send(&client, slice_of(rest.ptr, rest.len < step ? rest.len : step));
				settle(&served);
			}
			UNTIL(&served, client.in.len > 8);
			CHECK_INT(slice_starts(buffer_slice(&client.in), SLICE("HTTP/1.1 ")), !cases[i].is_http2);
			CHECK_INT(frames_of(&client).count[NGHTTP2_SETTINGS] >= 1, cases[i].is_http2);
			client_close(&client);
			UNTIL(&served, server_connections(served.server) == 0);
			served_stop(&served);
		}
	}
}

TEST(carries_large_bodies_both_ways) {
	for (uint32_t window = 1000; window <= 1000000; window *= 1000) {
		struct served served;
		struct http2_client client;
		struct buffer body;
		buffer_init(&body, 1 << 21);
		append_run(&body, 1 << 20);
		served_start(&served, &quick_limits, &patient, NULL);
		http2_open(&client, &served, window);
		client.upload = buffer_slice(&body);
		int32_t id = http2_ask(&client, "POST", "/echo", NULL, NULL);
		ANSWERED(&client, id, "200 (1048576)|");
		CHECK(slice_equal(buffer_slice(&got_of(&client, id)->body), buffer_slice(&body)));
		http2_close(&client);
		served_stop(&served);
		buffer_free(&body);
	}
}

// An upload that stalls and one of the largest size don't block other streams.
TEST(uploads_do_not_block_others) {
	struct served served;
	struct http2_client client;
	struct buffer body;
	buffer_init(&body, 1 << 21);
	append_run(&body, 600000);
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 65535);
	client.upload = buffer_slice(&body);
	client.upload_ends = false;
	http2_ask(&client, "POST", "/echo", NULL, NULL);
	ANSWERED(&client, http2_ask(&client, "GET", "/a", NULL, NULL), "200 /a|");
	UNTIL(&served, client.upload_sent == body.len && client.out.len == 0);
	ANSWERED(&client, http2_ask(&client, "GET", "/b", NULL, NULL), "200 /b|");
	http2_close(&client);
	served_stop(&served);
	buffer_free(&body);
}

// Refusals are responses; the rest of the request is dropped.
TEST(refuses_by_the_same_limits_as_http1) {
	struct buffer huge;
	buffer_init(&huge, 1 << 20);
	append_run(&huge, 20000);
	buffer_append_byte(&huge, '\0');
	huge.ptr[0] = '/';
	const struct server_limits limits = {.header_bytes = 32768, .body_bytes = 1000, .connections = 10};
	const struct {
		const char *method, *path, *name, *value;
		size_t upload;
		const char *result;
	} cases[] = {
	    {"GET", huge.ptr, NULL, NULL, 0, "414 refused|"},
	    {"GET", "/a", "x-much", huge.ptr, 0, "200 /a|"},
	    {"GET", "no-path", NULL, NULL, 0, "0 ..."}, // refused by nghttp2 itself
	    {"GET", "/a#b", NULL, NULL, 0, "400 refused|"},
	    {"GET", "/\xc3\xa4", NULL, NULL, 0, "400 refused|"},
	    {"OPTIONS", "*", NULL, NULL, 0, "200 *|"},
	    {"AMETHODTHATISLONGERTHANTHIRTYTWOBYTES", "/a", NULL, NULL, 0, "400 refused|"},
	    {"GET", "/a", "host", "a", 0, "200 /a|"},
	    {"GET", "/a", "host", "b", 0, "400 refused|"},
	    {"GET", "/a", "expect", "something", 0, "417 refused|"},
	    {"POST", "/echo", NULL, NULL, 1000, "200 (1000)|"},
	    {"POST", "/echo", NULL, NULL, 1001, "413 refused|"},
	    {"POST", "/echo", "content-length", "1001", 1001, "413 refused|"},
	    {"POST", "/echo", "content-length", "4", 5, "0 ..."},
	    {"POST", "/echo", "content-length", "6", 5, "0 ..."},
	    {"POST", "/echo", "content-length", "5", 5, "200 abcde|"},
	    {"GET", "/a", "connection", "close", 0, "0 ..."},
	    {"GET", "/a", "te", "gzip", 0, "0 ..."},
	    {"GET", "/a", "te", "trailers", 0, "200 /a|"},
	};
	struct buffer upload;
	buffer_init(&upload, 1 << 20);
	append_run(&upload, 4000);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct served served;
		struct http2_client client;
		served_start(&served, &limits, &patient, NULL);
		http2_open(&client, &served, 65535);
		client.upload = slice_of(upload.ptr, cases[i].upload);
		int32_t id = http2_ask(&client, cases[i].method, cases[i].path, cases[i].name, cases[i].value);
		UNTIL(&served, got_of(&client, id)->closed != OPEN);
		CHECK_SLICE(http2_result(&client, id), slice_from(cases[i].result));
		// The connection continues.
		ANSWERED(&client, http2_ask(&client, "GET", "/next", NULL, NULL), "200 /next|");
		CHECK_INT(server_calls(served.server), 0);
		http2_close(&client);
		served_stop(&served);
	}
	buffer_free(&huge);
	buffer_free(&upload);
}

// A head that two parsers could read differently resets its stream only.
TEST(refuses_malformed_heads) {
	static const struct slice cases[] = {
	    TEXT("\x82\x86\x41\x01"
	         "a"), // no path
	    TEXT("\x86\x84\x41\x01"
	         "a"), // no method
	    TEXT("\x82\x86\x84\x84\x41\x01"
	         "a"), // two paths
	    TEXT("\x82\x86\x84\x00\x01x\x01"
	         "1"
	         "\x41\x01"
	         "a"), // a pseudo-header after a header
	    TEXT("\x82\x86\x84\x41\x01"
	         "a"
	         "\x00\x04:new\x01"
	         "1"), // an unknown one
	    TEXT("\x82\x86\x84\x41\x01"
	         "a"
	         "\x00\x01X\x01"
	         "1"), // upper case
	    TEXT("\x82\x86\x84\x41\x01"
	         "a"
	         "\x00\x03x y\x01"
	         "1"), // a space in a name
	    TEXT("\x82\x86\x84\x41\x01"
	         "a"
	         "\x00\x00\x01"
	         "1"), // no name
	    TEXT("\x82\x86\x84\x41\x01"
	         "a"
	         "\x00\x01x\x03"
	         "1\n2"), // a line feed in a value
	    TEXT("\x82\x86\x84\x41\x01"
	         "a"
	         "\x00\x01x\x02"
	         " 1"), // a value with a space before it
	    TEXT("\x82\x86\x84\x41\x01"
	         "a"
	         "\x00\x11transfer-encoding\x07"
	         "chunked"),
	    TEXT("\x82\x86\x84\x41\x01"
	         "a"
	         "\x00\x0e"
	         "content-length\x01"
	         "x"),
	    TEXT("\x82\x86\x84\x41\x01"
	         "a"
	         "\x00\x0e"
	         "content-length\x01"
	         "1"), // and no body
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct served served;
		struct client client;
		struct buffer out;
		served_start(&served, &quick_limits, &patient, NULL);
		raw_open(&client, &served, &out);
		frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 1, cases[i]);
		frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 3, SLICE(HEAD_OF_GET));
		raw_send(&client, &out);
		UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == 1);
		CHECK_INT(frames_of(&client).reset_error, NGHTTP2_PROTOCOL_ERROR);
		CHECK_INT(frames_of(&client).goaway_error, OPEN);
		CHECK_SLICE(buffer_slice(&served.log), SLICE("GET / |"));
		buffer_free(&out);
		client_close(&client);
		served_stop(&served);
	}
}

// A refused upload ends: a reset tells the client to stop sending.
TEST(refuses_an_upload_before_its_end) {
	struct served served;
	struct http2_client client;
	struct buffer body;
	buffer_init(&body, 1 << 24);
	append_run(&body, 8 << 20);
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 65535);
	client.upload = buffer_slice(&body);
	int32_t id = http2_ask(&client, "POST", "/echo", NULL, NULL);
	UNTIL(&served, got_of(&client, id)->ended);
	CHECK(got_of(&client, id)->closed == OPEN);
	ANSWERED(&client, id, "413 refused|");
	CHECK(client.upload_sent < (4 << 20));
	CHECK(slice_starts(slice_from(got_of(&client, id)->headers.ptr), SLICE("date: ")));
	ANSWERED(&client, http2_ask(&client, "GET", "/a", NULL, NULL), "200 /a|");
	http2_close(&client);
	served_stop(&served);
	buffer_free(&body);
}

TEST(refuses_large_heads) {
	static char value[5000];
	memset(value, 'v', sizeof value - 1);
	struct served served;
	struct http2_client client;
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 65535);
	ANSWERED(&client, http2_ask(&client, "GET", "/a", "x", value), "431 refused|");
	// The HPACK tables of both ends still agree.
	ANSWERED(&client, http2_ask(&client, "GET", "/a", "x-next", "1"), "200 /a|");
	ANSWERED(&client, http2_ask(&client, "GET", "/a", "x-next", "1"), "200 /a|");
	CHECK_INT(served.requests, 2);
	http2_close(&client);
	served_stop(&served);
}

TEST(sends_continue) {
	struct served served;
	struct http2_client client;
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 65535);
	client.upload_ends = false;
	int32_t id = http2_ask(&client, "POST", "/echo", "expect", "100-continue");
	UNTIL(&served, got_of(&client, id)->informational == 100);
	client.upload = SLICE("body");
	client.upload_ends = true;
	nghttp2_session_resume_data(client.session, id);
	http2_flush(&client);
	ANSWERED(&client, id, "200 body|");
	http2_close(&client);
	served_stop(&served);
}

TEST(responds_to_head_without_a_body) {
	struct served served;
	struct http2_client client;
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 65535);
	int32_t id = http2_ask(&client, "HEAD", "/path", NULL, NULL);
	ANSWERED(&client, id, "200 |");
	CHECK(slice_ends(buffer_slice(&got_of(&client, id)->headers), SLICE("content-length: 5\n")));
	ANSWERED(&client, http2_ask(&client, "HEAD", "/stream", NULL, NULL), "200 |");
	ANSWERED(&client, http2_ask(&client, "GET", "/empty", NULL, NULL), "204 |");
	http2_close(&client);
	served_stop(&served);
}

// How a response ends that is missing or incomplete.
TEST(keeps_to_a_stated_length_and_breaks_off_visibly) {
	enum how { WHOLE, SHORT, LONG, ABORTED, ABORTED_AT_ONCE, ABORTED_BEFORE };
	static const char *const results[] = {"200 four|", "200 thr...", "200 fivv|", "200 thr...", "0 ...", "0 ..."};
	struct served served;
	struct http2_client client;
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 65535);
	for (int how = WHOLE; how <= ABORTED_BEFORE; how++) {
		int32_t id = http2_ask(&client, "GET", "/hold", NULL, NULL);
		UNTIL(&served, served.held_count == (size_t)how + 1);
		struct server_call *call = served.held[how];
		if (how != ABORTED_BEFORE)
			server_response_start(call, 200, (struct headers){0}, 4);
		CHECK_INT(server_response_has_started(call), how != ABORTED_BEFORE);
		if (how != ABORTED_BEFORE)
			server_response_write(call, how == WHOLE ? SLICE("four") : how == LONG ? SLICE("fivvve") : SLICE("thr"));
		if (how >= ABORTED)
			server_response_abort(call, how == ABORTED_AT_ONCE);
		else
			server_response_end(call);
		UNTIL(&served, got_of(&client, id)->closed != OPEN);
		if (how == ABORTED_AT_ONCE)
			CHECK(got_of(&client, id)->closed == NGHTTP2_INTERNAL_ERROR);
		else
			CHECK_SLICE(http2_result(&client, id), slice_from(results[how]));
		CHECK_INT(got_of(&client, id)->closed, how == WHOLE || how == LONG ? 0 : NGHTTP2_INTERNAL_ERROR);
	}
	ANSWERED(&client, http2_ask(&client, "GET", "/a", NULL, NULL), "200 /a|");
	CHECK_INT(served.gone, 0);
	http2_close(&client);
	served_stop(&served);
}

TEST(drops_trailers) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	frame_add(&out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
	          SLICE("\x83\x86\x44\x05/echo\x41\x01"
	                "a"));
	frame_add(&out, NGHTTP2_DATA, 0, 1, SLICE("body"));
	frame_add(&out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, SLICE("\x00\x01x\x01y"));
	raw_send(&client, &out);
	UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == 1);
	CHECK_SLICE(buffer_slice(&served.log), SLICE("POST /echo body|"));
	buffer_free(&out);
	client_close(&client);
	served_stop(&served);
}

int main(void) {
	RUN(responds_to_many_at_once);
	RUN(passes_requests_and_responses_on_unchanged);
	RUN(distinguishes_protocols_by_their_first_bytes);
	RUN(carries_large_bodies_both_ways);
	RUN(uploads_do_not_block_others);
	RUN(refuses_by_the_same_limits_as_http1);
	RUN(refuses_malformed_heads);
	RUN(refuses_an_upload_before_its_end);
	RUN(refuses_large_heads);
	RUN(sends_continue);
	RUN(responds_to_head_without_a_body);
	RUN(keeps_to_a_stated_length_and_breaks_off_visibly);
	RUN(drops_trailers);
	return check_summary();
}

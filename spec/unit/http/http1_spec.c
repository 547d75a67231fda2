// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 from a client's view: raw bytes in, responses out, over loopback.
#include "served.h"

// What is sent on one connection, what comes back, and whether the server then ends it.
static const struct row {
	const char *sent;
	const char *got;
	const char *log;
	bool ends;
} rows[] = {
    {GET("/a"), "200 /a|", "GET /a |", false},
    {GET("/a?b") GET("/c") GET("/stream") GET("/d"), "200 /a|200 /c|200 one,two|200 /d|",
     "GET /a |GET /c |GET /stream |GET /d |", false},
    {"\r\n" GET("/a") "\r\n" GET("/b"), "200 /a|200 /b|", "GET /a |GET /b |", false},
    {GET("/empty") GET("/a"), "204 |200 /a|", "GET /empty |GET /a |", false},
    {POST("/echo", "Content-Length: 5\r\n") "hello" GET("/a"), "200 hello|200 /a|", "POST /echo hello|GET /a |", false},
    {POST("/echo", "Content-Length: 0\r\n") GET("/a"), "200 |200 /a|", "POST /echo |GET /a |", false},
    {POST("/echo", "Transfer-Encoding: chunked\r\n") "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: x\r\n\r\n" GET("/a"),
     "200 hello|200 /a|", "POST /echo hello|GET /a |", false},
    {"GET http://a/x?y HTTP/1.1\r\n" HOST "\r\n", "200 /x|", "GET /x |", false},
    {"GET http://b/x HTTP/1.1\r\n" HOST "\r\n" GET("/a"), "200 /x|200 /a|", "GET /x |GET /a |", false},
    {"GET /a HTTP/1.1\r\nConnection: close\r\n" HOST "\r\n" GET("/b"), "200 /a|", "GET /a |", true},
    {"GET /stream HTTP/1.1\r\nConnection: close\r\n" HOST "\r\n", "200 one,two|", "GET /stream |", true},
    {"GET /a HTTP/1.0\r\n\r\n", "200 /a|", "GET /a |", true},
    {"GET /stream HTTP/1.0\r\n\r\n", "200 one,two|", "GET /stream |", true},
    {"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET("/b"), "200 /a|200 /b|", "GET /a |GET /b |", false},
    {"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200 one,two|", "GET /stream |", true},

    {"GET /\r\n\r\n", "400 refused|", "", true},
    {"GET / HTTP/1.1\r\n\r\n", "400 refused|", "", true},
    {"GET / HTTP/1.1\nHost: a\n\n", "400 refused|", "", true},
    {"\x16\x03\x01\x02\x01\xfc\x03\x03", "400 refused|", "", true},
    {"GET / HTTP/2.0\r\n\r\n", "505 refused|", "", true},
    {POST("/a", "Transfer-Encoding: gzip\r\n"), "501 refused|", "", true},
    {POST("/a", "Content-Length: 1048577\r\n"), "413 refused|", "", true},
    {POST("/a", "Content-Length: 1048577\r\nExpect: 100-continue\r\n"), "413 refused|", "", true},
    {POST("/a", "Transfer-Encoding: chunked\r\n") "200000\r\n", "", "", false},
    {POST("/a", "Expect: 200-ok\r\nContent-Length: 5\r\n") "hello", "417 refused|", "", true},
    {GET("/a") "GET / HTTP/1.1\r\n\r\n" GET("/b"), "200 /a|400 refused|", "GET /a |", true},

    // Smuggled second requests: none of them may be served.
    {POST("/a", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n" GET("/evil"), "400 refused|", "",
     true},
    {POST("/a", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n") "0\r\n\r\n" GET("/evil"), "400 refused|", "",
     true},
    {POST("/a", "Content-Length: 0\r\nContent-Length: 30\r\n") GET("/evil"), "400 refused|", "", true},
    {POST("/a", "Transfer-Encoding : chunked\r\n") "0\r\n\r\n" GET("/evil"), "400 refused|", "", true},
    {POST("/a", "X: y\r\n Content-Length: 30\r\n") GET("/evil"), "400 refused|", "", true},
    {POST("/a", "Transfer-Encoding: chunked\r\n") "5\rXhello\r\n0\r\n\r\n" GET("/evil"), "400 refused|", "", true},
    {POST("/a", "Transfer-Encoding: chunked\r\n") "0\r\n" GET("/evil"), "400 refused|", "", true},
    {POST("/a", "Transfer-Encoding: chunked\r\n") "1\r\nxGET /evil", "400 refused|", "", true},
    {"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/evil"), "400 refused|", "", true},
};

static void run_row(const struct row *row, size_t step) {
	struct served served;
	struct client client;
	struct slice sent = slice_from(row->sent);
	int before = check_failures_in_test;
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	for (size_t at = 0; at < sent.len && !client.ended && !client.broken;) {
		size_t len = step && step < sent.len - at ? step : sent.len - at;
		client_send(&client, slice_of(sent.ptr + at, len));
		at += len;
		if (step)
			settle(&served);
	}
	UNTIL(&served, client.in.len >= strlen(row->got) && slice_equal(client_got(&client, false), slice_from(row->got)));
	if (row->ends)
		UNTIL(&served, client.ended);
	settle(&served);
	CHECK_INT(client.ended, row->ends);
	CHECK(!client.broken);
	CHECK_SLICE(client_got(&client, false), slice_from(row->got));
	CHECK_SLICE(buffer_slice(&served.log), slice_from(row->log));
	CHECK_INT(server_calls(served.server), 0);
	client_close(&client);
	UNTIL(&served, server_connections(served.server) == 0);
	served_stop(&served);
	if (check_failures_in_test > before)
		printf("  sent in pieces of %zu: %s\n", step, row->sent);
}

TEST(responds_and_refuses) {
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		run_row(&rows[i], 0);
}

TEST(does_the_same_in_any_chunking) {
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t step = 1; step < 40; step += 12)
			run_row(&rows[i], step);
}

TEST(sends_continue_when_the_client_waits_for_it) {
	struct served served;
	struct client client;
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(POST("/echo", "Content-Length: 5\r\nExpect: 100-continue\r\n")));
	GOT(&client, "100 |");
	client_send(&client, SLICE("hello" POST("/echo", "Transfer-Encoding: chunked\r\nExpect: 100-Continue\r\n")));
	GOT(&client, "100 |200 hello|100 |");
	client_send(&client, SLICE("0\r\n\r\n" POST("/echo", "Content-Length: 1\r\nExpect: 100-continue\r\n") "x"));
	GOT(&client, "100 |200 hello|100 |200 |200 x|");
	client_send(&client, SLICE(POST("/echo", "Content-Length: 0\r\nExpect: 100-continue\r\n")));
	GOT(&client, "100 |200 hello|100 |200 |200 x|200 |");
	client_close(&client);
	served_stop(&served);
}

TEST(responds_in_order_one_at_a_time) {
	struct served served;
	struct client client;
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/hold/1") POST("/hold/2", "Content-Length: 2\r\n") "hi" GET("/c")));
	UNTIL(&served, served.held_count == 1);
	settle(&served);
	CHECK_INT(served.requests, 1);
	CHECK_INT(server_calls(served.server), 1);
	CHECK(!server_response_has_started(served.held[0]));
	server_respond(served.held[0], 200, (struct headers){0}, SLICE("first"));
	CHECK_INT(served.requests, 1);
	UNTIL(&served, served.held_count == 2);
	GOT(&client, "200 first|");
	server_response_start(served.held[1], 201, (struct headers){0}, -1);
	CHECK(server_response_has_started(served.held[1]));
	CHECK(server_response_write(served.held[1], SLICE("sec")));
	GOT(&client, "200 first|201 sec...");
	server_response_write(served.held[1], SLICE("ond"));
	server_response_end(served.held[1]);
	GOT(&client, "200 first|201 second|200 /c|");
	CHECK_SLICE(buffer_slice(&served.log), SLICE("GET /hold/1 |POST /hold/2 hi|GET /c |"));
	client_close(&client);
	served_stop(&served);
}

TEST(carries_large_bodies_both_ways) {
	for (int chunked = 0; chunked < 2; chunked++) {
		struct served served;
		struct client client;
		struct buffer body, expected;
		buffer_init(&body, 1 << 24);
		buffer_init(&expected, 1 << 24);
		served_start(&served, &quick_limits, &patient, NULL);
		client_open(&client, &served);
		append_run(&body, 1 << 20);
		buffer_printf(&expected, "200 %.*s|", (int)body.len, body.ptr);
		if (chunked) {
			client_send(&client, SLICE(POST("/echo", "Transfer-Encoding: chunked\r\n")));
			for (size_t at = 0; at < body.len; at += 4096) {
				client_send(&client, SLICE("1000\r\n"));
				client_send(&client, slice_of(body.ptr + at, 4096));
				client_send(&client, SLICE("\r\n"));
			}
			client_send(&client, SLICE("0\r\n\r\n"));
		} else {
			client_send(&client, SLICE(POST("/echo", "Content-Length: 1048576\r\n")));
			client_send(&client, buffer_slice(&body));
		}
		UNTIL(&served, client.in.len >= body.len && client_got(&client, false).len == expected.len);
		CHECK(slice_equal(client_got(&client, false), buffer_slice(&expected)));
		client_close(&client);
		served_stop(&served);
		buffer_free(&body);
		buffer_free(&expected);
	}
}

TEST(a_client_can_read_why_its_large_body_is_refused) {
	static const char *const heads[] = {POST("/a", "Content-Length: 8388608\r\n"),
	                                    POST("/a", "Transfer-Encoding: chunked\r\n") "800000\r\n"};
	for (size_t i = 0; i < 2; i++) {
		struct served served;
		struct client client;
		struct buffer body;
		buffer_init(&body, 1 << 24);
		append_run(&body, 8 << 20);
		served_start(&served, &quick_limits, &patient, NULL);
		client_open(&client, &served);
		client_send(&client, slice_from(heads[i]));
		client_send(&client, buffer_slice(&body));
		UNTIL(&served, client.ended && client.out.len == 0);
		CHECK(!client.broken);
		CHECK_SLICE(client_got(&client, false), SLICE("413 refused|"));
		CHECK_INT(served.requests, 0);
		client_close(&client);
		UNTIL(&served, server_connections(served.server) == 0);
		served_stop(&served);
		buffer_free(&body);
	}
}

TEST(refuses_large_heads) {
	static const struct {
		const char *start;
		const char *got;
	} heads[] = {{"GET /", "414 refused|"}, {"GET / HTTP/1.1\r\n" HOST "X: ", "431 refused|"}};
	for (size_t i = 0; i < 2; i++) {
		struct served served;
		struct client client;
		struct buffer text;
		buffer_init(&text, 1 << 20);
		buffer_append(&text, slice_from(heads[i].start));
		append_run(&text, 100000);
		served_start(&served, &quick_limits, &patient, NULL);
		client_open(&client, &served);
		client_send(&client, buffer_slice(&text));
		UNTIL(&served, client.ended);
		CHECK_SLICE(client_got(&client, false), slice_from(heads[i].got));
		client_close(&client);
		served_stop(&served);
		buffer_free(&text);
	}
}

TEST(responds_to_head_without_a_body) {
	struct served served;
	struct client client;
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE("HEAD /abc HTTP/1.1\r\n" HOST "\r\nHEAD /stream HTTP/1.1\r\n" HOST "\r\n"));
	UNTIL(&served, slice_equal(client_got(&client, true), SLICE("200 |200 |")));
	CHECK(memmem(client.in.ptr, client.in.len, "content-length: 4\r\n", 19) != NULL);
	CHECK(memmem(client.in.ptr, client.in.len, "one", 3) == NULL);
	client_close(&client);
	served_stop(&served);
}

static bool has(const struct client *client, const char *text) {
	return client->in.len && memmem(client->in.ptr, client->in.len, text, strlen(text)) != NULL;
}

TEST(writes_heads_that_no_header_can_break) {
	struct served served;
	struct client client;
	static const struct header list[] = {
	    {{"x-good", 6}, {"a b", 3}},          {{"x-bad", 5}, {"a\r\nx-evil: 1", 12}}, {{"x-b\nd", 5}, {"1", 1}},
	    {{"Content-Length", 14}, {"999", 3}}, {{"Transfer-Encoding", 17}, {"x", 1}},  {{"Connection", 10}, {"x", 1}},
	};
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/hold")));
	UNTIL(&served, served.held_count == 1);
	server_respond(served.held[0], 404, (struct headers){list, 6}, SLICE("no"));
	GOT(&client, "404 no|");
	CHECK(slice_starts(buffer_slice(&client.in), SLICE("HTTP/1.1 404 Not Found\r\ndate: ")));
	CHECK(has(&client, " GMT\r\nx-good: a b\r\ncontent-length: 2\r\n\r\nno"));
	client_close(&client);
	served_stop(&served);
}

TEST(gathers_what_is_written_in_one_turn) {
	struct served served;
	struct client client;
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/stream")));
	UNTIL(&served, client.reads > 0);
	CHECK_SLICE(client_got(&client, false), SLICE("200 one,two|"));
	CHECK_INT(client.reads, 1);
	client_close(&client);
	served_stop(&served);
}

TEST(keeps_to_a_stated_length) {
	struct served served;
	struct client client;
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/hold/1") GET("/hold/2")));
	UNTIL(&served, served.held_count == 1);
	server_response_start(served.held[0], 200, (struct headers){0}, 5);
	server_response_write(served.held[0], SLICE("hello world"));
	server_response_end(served.held[0]);
	GOT(&client, "200 hello|");
	UNTIL(&served, served.held_count == 2);
	server_response_start(served.held[1], 200, (struct headers){0}, 5);
	server_response_write(served.held[1], SLICE("hel"));
	server_response_end(served.held[1]);
	UNTIL(&served, client.ended);
	CHECK_SLICE(client_got(&client, false), SLICE("200 hello|200 hel..."));
	client_close(&client);
	served_stop(&served);
}

TEST(breaks_responses_off_visibly) {
	static const struct {
		const char *request;
		bool starts, reset, broken;
	} cases[] = {
	    {GET("/hold"), true, false, false},
	    {GET("/hold"), true, true, true},
	    {GET("/hold"), false, false, false},
	    {GET("/hold"), false, true, true},
	    {"GET /hold HTTP/1.0\r\n\r\n", true, false, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct served served;
		struct client client;
		served_start(&served, &quick_limits, &patient, NULL);
		client_open(&client, &served);
		client_send(&client, slice_from(cases[i].request));
		UNTIL(&served, served.held_count == 1);
		if (cases[i].starts) {
			server_response_start(served.held[0], 200, (struct headers){0}, -1);
			server_response_write(served.held[0], SLICE("half"));
			UNTIL(&served, has(&client, "half"));
		}
		server_response_abort(served.held[0], cases[i].reset);
		CHECK_INT(server_calls(served.server), 0);
		UNTIL(&served, client.ended || client.broken);
		CHECK_INT(client.broken, cases[i].broken);
		CHECK(!slice_ends(client_got(&client, false), SLICE("|")) || cases[i].broken);
		CHECK_INT(served.gone, 0);
		client_close(&client);
		UNTIL(&served, server_connections(served.server) == 0);
		served_stop(&served);
	}
}

int main(void) {
	RUN(responds_and_refuses);
	RUN(does_the_same_in_any_chunking);
	RUN(sends_continue_when_the_client_waits_for_it);
	RUN(responds_in_order_one_at_a_time);
	RUN(carries_large_bodies_both_ways);
	RUN(a_client_can_read_why_its_large_body_is_refused);
	RUN(refuses_large_heads);
	RUN(responds_to_head_without_a_body);
	RUN(writes_heads_that_no_header_can_break);
	RUN(gathers_what_is_written_in_one_turn);
	RUN(keeps_to_a_stated_length);
	RUN(breaks_responses_off_visibly);
	return check_summary();
}

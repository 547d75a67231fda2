// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 as a client meets it: raw bytes in, answers out, over loopback.
#include "served.h"

#define HOST "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define POST(path, headers) "POST " path " HTTP/1.1\r\n" HOST headers "\r\n"

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

    // Smuggled seconds: none of them may be seen as a request.
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

TEST(answers_and_refuses) {
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		run_row(&rows[i], 0);
}

TEST(does_the_same_however_bytes_come) {
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t step = 1; step < 40; step += 12)
			run_row(&rows[i], step);
}

#define GOT(client, text)                                                                                              \
	do {                                                                                                               \
		UNTIL(&served, slice_equal(client_got(client, false), SLICE(text)));                                           \
		CHECK_SLICE(client_got(client, false), SLICE(text));                                                           \
	} while (0)

TEST(says_continue_when_the_client_waits_for_it) {
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

TEST(answers_in_order_one_at_a_time) {
	struct served served;
	struct client client;
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/hold/1") POST("/hold/2", "Content-Length: 2\r\n") "hi" GET("/c")));
	UNTIL(&served, served.held_count == 1);
	settle(&served);
	CHECK_INT(served.requests, 1);
	CHECK_INT(server_calls(served.server), 1);
	CHECK(!server_answer_has_started(served.held[0]));
	server_answer(served.held[0], 200, (struct headers){0}, SLICE("first"));
	CHECK_INT(served.requests, 1);
	UNTIL(&served, served.held_count == 2);
	GOT(&client, "200 first|");
	server_answer_start(served.held[1], 201, (struct headers){0}, -1);
	CHECK(server_answer_has_started(served.held[1]));
	CHECK(server_answer_write(served.held[1], SLICE("sec")));
	GOT(&client, "200 first|201 sec...");
	server_answer_write(served.held[1], SLICE("ond"));
	server_answer_end(served.held[1]);
	GOT(&client, "200 first|201 second|200 /c|");
	CHECK_SLICE(buffer_slice(&served.log), SLICE("GET /hold/1 |POST /hold/2 hi|GET /c |"));
	client_close(&client);
	served_stop(&served);
}

static void append_run(struct buffer *text, size_t count) {
	buffer_reserve(text, count);
	for (size_t i = 0; i < count; i++)
		buffer_append_byte(text, (char)('a' + i % 23));
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

TEST(refuses_a_large_body_so_that_its_sender_can_read_why) {
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

TEST(answers_head_without_a_body) {
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

TEST(writes_heads_that_nobody_can_break) {
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
	server_answer(served.held[0], 404, (struct headers){list, 6}, SLICE("no"));
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
	server_answer_start(served.held[0], 200, (struct headers){0}, 5);
	server_answer_write(served.held[0], SLICE("hello world"));
	server_answer_end(served.held[0]);
	GOT(&client, "200 hello|");
	UNTIL(&served, served.held_count == 2);
	server_answer_start(served.held[1], 200, (struct headers){0}, 5);
	server_answer_write(served.held[1], SLICE("hel"));
	server_answer_end(served.held[1]);
	UNTIL(&served, client.ended);
	CHECK_SLICE(client_got(&client, false), SLICE("200 hello|200 hel..."));
	client_close(&client);
	served_stop(&served);
}

TEST(breaks_answers_off_visibly) {
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
			server_answer_start(served.held[0], 200, (struct headers){0}, -1);
			server_answer_write(served.held[0], SLICE("half"));
			UNTIL(&served, has(&client, "half"));
		}
		server_answer_abort(served.held[0], cases[i].reset);
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

TEST(holds_back_a_writer_whose_client_does_not_read) {
	struct served served;
	struct client client;
	struct buffer piece;
	size_t written = 0;
	buffer_init(&piece, 1 << 20);
	append_run(&piece, 50000);
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/hold") GET("/after")));
	UNTIL(&served, served.held_count == 1);
	socket_want_read(client.socket, false);
	server_answer_start(served.held[0], 200, (struct headers){0}, -1);
	for (bool more = true; more && written < (64 << 20); written += piece.len) {
		more = server_answer_write(served.held[0], buffer_slice(&piece));
		settle(&served);
	}
	CHECK(written < (64 << 20));
	CHECK_INT(served.writable, 0);
	for (int i = 0; i < 3; i++, written += piece.len)
		CHECK(!server_answer_write(served.held[0], buffer_slice(&piece)));
	socket_want_read(client.socket, true);
	UNTIL(&served, served.writable == 1);
	settle(&served);
	CHECK_INT(served.writable, 1);
	CHECK(server_answer_write(served.held[0], SLICE("end")));
	server_answer_end(served.held[0]);
	UNTIL(&served, served.requests == 2 && slice_ends(client_got(&client, false), SLICE("end|200 /after|")));
	CHECK_INT(client_got(&client, false).len, 4 + written + 4 + strlen("200 /after|"));
	client_close(&client);
	served_stop(&served);
	buffer_free(&piece);
}

TEST(answers_no_more_than_a_client_takes) {
	// Each of these answers is 8 KB; the client sends for 16 MB of them and reads none at first.
	struct served served;
	struct client client;
	struct buffer request;
	enum { COUNT = 2000 };
	buffer_init(&request, 1 << 20);
	buffer_append(&request, SLICE(POST("/echo", "Content-Length: 8192\r\n")));
	append_run(&request, 8192);
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	socket_want_read(client.socket, false);
	for (int i = 0; i < COUNT; i++)
		client_send(&client, buffer_slice(&request));
	for (size_t seen = SIZE_MAX; seen != served.requests;) {
		seen = served.requests;
		settle(&served);
	}
	CHECK(served.requests < COUNT);
	socket_want_read(client.socket, true);
	UNTIL(&served, served.requests == COUNT && client.in.len > COUNT * 8192);
	settle(&served);
	CHECK_INT(client_got(&client, false).len, COUNT * (4 + 8192 + 1));
	client_close(&client);
	served_stop(&served);
	buffer_free(&request);
}

enum leave { CLOSE, RESET, HALF_CLOSE };

TEST(tells_at_once_that_a_client_is_gone) {
	for (int leave = CLOSE; leave <= HALF_CLOSE; leave++) {
		for (int state = 0; state < 3; state++) {
			// 0: nothing answered; 1: an answer has begun; 2: as 0, and more was pipelined than is kept, but no more
			// than the kernel takes (an end behind a full buffer is seen by nobody).
			struct served served;
			struct client client;
			served_start(&served, &quick_limits, &patient, NULL);
			client_open(&client, &served);
			client_send(&client, SLICE(GET("/hold")));
			UNTIL(&served, served.held_count == 1);
			if (state == 1)
				server_answer_start(served.held[0], 200, (struct headers){0}, -1);
			for (int i = 0; state == 2 && i < 1200; i++)
				client_send(&client, SLICE(GET("/a-pipelined-one-that-is-never-looked-at")));
			UNTIL(&served, client.out.len == 0);
			settle(&served);
			CHECK_INT(served.gone, 0);
			if (leave == HALF_CLOSE)
				socket_end_write(client.socket);
			else if (leave == CLOSE)
				client_close(&client);
			else
				client_reset(&client);
			UNTIL(&served, served.gone == 1);
			CHECK(served.gone_call == served.held[0]);
			CHECK_INT(server_calls(served.server), 0);
			CHECK_INT(served.requests, 1);
			UNTIL(&served, server_connections(served.server) == 0);
			if (leave == HALF_CLOSE)
				client_close(&client);
			served_stop(&served);
		}
	}
}

TEST(sends_what_it_has_to_a_client_that_only_ended_its_half) {
	struct served served;
	struct client client;
	struct buffer body;
	buffer_init(&body, 1 << 25);
	append_run(&body, 16 << 20);
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/hold")));
	UNTIL(&served, served.held_count == 1);
	socket_want_read(client.socket, false);
	server_answer(served.held[0], 200, (struct headers){0}, buffer_slice(&body));
	socket_end_write(client.socket);
	settle(&served);
	socket_want_read(client.socket, true);
	UNTIL(&served, client.ended || client.broken);
	CHECK_INT(client_got(&client, false).len, 4 + body.len + 1);
	CHECK_INT(served.gone, 0);
	client_close(&client);
	UNTIL(&served, server_connections(served.server) == 0);
	served_stop(&served);
	buffer_free(&body);
}

struct drip {
	struct timer timer;
	struct client *client;
	struct slice rest;
	uint64_t every_ms;
};

static void on_drip(void *owner) {
	struct drip *drip = owner;
	if (drip->rest.len == 0 || drip->client->ended || drip->client->broken)
		return;
	client_send(drip->client, slice_of(drip->rest.ptr, 1));
	drip->rest = slice_from_offset(drip->rest, 1);
	timer_start(&drip->timer, drip->every_ms);
}

static void drip_start(struct drip *drip, struct served *served, struct client *client, const char *text,
                       uint64_t every_ms) {
	*drip = (struct drip){.client = client, .rest = slice_from(text), .every_ms = every_ms};
	timer_init(&drip->timer, served->loop, on_drip, drip);
	timer_start(&drip->timer, 1);
}

// Which limit ends what; all the others are far away.
TEST(limits_time) {
	static const struct {
		const char *sent;
		const char *dripped; // a byte every 5 ms
		struct server_timeouts timeouts;
		const char *got;
	} cases[] = {
	    {"", "", {30000, 30000, 30000, 20}, ""},
	    {GET("/a"), "", {30000, 30000, 30000, 20}, "200 /a|"},
	    {GET("/a") "\r\n", "", {30000, 30000, 30000, 20}, "200 /a|"},
	    {GET("/a") GET("/b") "\r", "\n", {30000, 30000, 30000, 20}, "200 /a|200 /b|"},
	    {"GET / HT", "", {20, 30000, 30000, 30000}, "408 refused|"},
	    {"", "GET /a-head-that-comes-so-slowly-that-it-never-ends HTTP/1.1", {60, 30000, 30000, 30000}, "408 refused|"},
	    {GET("/a") "GET", "", {20, 30000, 30000, 30000}, "200 /a|408 refused|"},
	    {POST("/a", "Content-Length: 5\r\n") "he", "", {30000, 20, 30000, 30000}, "408 refused|"},
	    {POST("/a", "Transfer-Encoding: chunked\r\n") "5\r\nhe", "", {30000, 20, 30000, 30000}, "408 refused|"},
	    {POST("/a", "Content-Length: 5\r\n"), "", {30000, 20, 30000, 30000}, "408 refused|"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct served served;
		struct client client;
		struct drip drip;
		served_start(&served, &quick_limits, &cases[i].timeouts, NULL);
		client_open(&client, &served);
		client_send(&client, slice_from(cases[i].sent));
		drip_start(&drip, &served, &client, cases[i].dripped, 5);
		UNTIL(&served, client.ended);
		CHECK_SLICE(client_got(&client, false), slice_from(cases[i].got));
		timer_stop(&drip.timer);
		client_close(&client);
		served_stop(&served);
	}
}

TEST(lets_a_slow_body_come_while_it_comes) {
	static const struct server_timeouts timeouts = {30000, 1000, 30000, 30000};
	struct served served;
	struct client client;
	struct drip drip;
	served_start(&served, &quick_limits, &timeouts, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(POST("/echo", "Content-Length: 15\r\n")));
	drip_start(&drip, &served, &client, "abcdefghijklmno", 100);
	GOT(&client, "200 abcdefghijklmno|");
	client_close(&client);
	served_stop(&served);
}

static void on_moment(void *owner) {
	*(bool *)owner = true;
}

// The client's idle time begins when it has everything.
TEST(lets_a_slow_reader_read_on) {
	static const struct server_timeouts timeouts = {30000, 30000, 30000, 20};
	struct served served;
	struct client client;
	struct buffer body;
	struct timer moment;
	bool passed = false;
	buffer_init(&body, 1 << 25);
	append_run(&body, 16 << 20);
	served_start(&served, &quick_limits, &timeouts, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/hold")));
	UNTIL(&served, served.held_count == 1);
	socket_want_read(client.socket, false);
	server_answer(served.held[0], 200, (struct headers){0}, buffer_slice(&body));
	timer_init(&moment, served.loop, on_moment, &passed);
	timer_start(&moment, 100);
	UNTIL(&served, passed);
	CHECK_INT(server_connections(served.server), 1);
	socket_want_read(client.socket, true);
	UNTIL(&served, client.ended);
	CHECK_INT(client_got(&client, false).len, 4 + body.len + 1);
	client_close(&client);
	served_stop(&served);
	buffer_free(&body);
}

// The limit on the client's silence while it does not read.
TEST(gives_up_a_client_that_does_not_read) {
	for (int streamed = 0; streamed < 2; streamed++) {
		static const struct server_timeouts timeouts = {30000, 30000, 30, 30000};
		struct served served;
		struct client client;
		struct buffer body;
		buffer_init(&body, 1 << 25);
		append_run(&body, 16 << 20);
		served_start(&served, &quick_limits, &timeouts, NULL);
		client_open(&client, &served);
		client_send(&client, SLICE(GET("/hold")));
		UNTIL(&served, served.held_count == 1);
		socket_want_read(client.socket, false);
		if (streamed) {
			server_answer_start(served.held[0], 200, (struct headers){0}, -1);
			CHECK(!server_answer_write(served.held[0], buffer_slice(&body)));
			UNTIL(&served, served.gone == 1);
		} else {
			server_answer(served.held[0], 200, (struct headers){0}, buffer_slice(&body));
		}
		UNTIL(&served, server_connections(served.server) == 0);
		CHECK_INT(served.gone, streamed);
		socket_want_read(client.socket, true);
		UNTIL(&served, client.broken);
		client_close(&client);
		served_stop(&served);
		buffer_free(&body);
	}
}

int main(void) {
	RUN(answers_and_refuses);
	RUN(does_the_same_however_bytes_come);
	RUN(says_continue_when_the_client_waits_for_it);
	RUN(answers_in_order_one_at_a_time);
	RUN(carries_large_bodies_both_ways);
	RUN(refuses_a_large_body_so_that_its_sender_can_read_why);
	RUN(refuses_large_heads);
	RUN(answers_head_without_a_body);
	RUN(writes_heads_that_nobody_can_break);
	RUN(gathers_what_is_written_in_one_turn);
	RUN(keeps_to_a_stated_length);
	RUN(breaks_answers_off_visibly);
	RUN(holds_back_a_writer_whose_client_does_not_read);
	RUN(answers_no_more_than_a_client_takes);
	RUN(tells_at_once_that_a_client_is_gone);
	RUN(sends_what_it_has_to_a_client_that_only_ended_its_half);
	RUN(limits_time);
	RUN(lets_a_slow_body_come_while_it_comes);
	RUN(lets_a_slow_reader_read_on);
	RUN(gives_up_a_client_that_does_not_read);
	return check_summary();
}

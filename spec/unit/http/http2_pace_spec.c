// SPDX-License-Identifier: Apache-2.0
// HTTP/2 clients that are slow, read late or leave, and servers that drain: back-pressure, notifications, and which
// time limit ends what.
#include <malloc.h>

#include "http2_client.h"

static void on_moment(void *owner) {
	*(bool *)owner = true;
}

static void pass(struct served *served, uint64_t milliseconds) {
	struct timer moment;
	bool passed = false;
	timer_init(&moment, served->loop, on_moment, &passed);
	timer_start(&moment, milliseconds);
	UNTIL(served, passed);
}

// A stream whose window is closed is held back, and blocks no other.
TEST(holds_back_a_writer_whose_stream_is_not_read) {
	struct served served;
	struct http2_client client;
	struct buffer piece;
	size_t written = 0;
	buffer_init(&piece, 1 << 20);
	append_run(&piece, 50000);
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 100000);
	client.holds_windows = true;
	int32_t id = http2_ask(&client, "GET", "/hold", NULL, NULL);
	UNTIL(&served, served.held_count == 1);
	server_response_start(served.held[0], 200, (struct headers){0}, -1);
	for (bool more = true; more && written < (64 << 20); written += piece.len) {
		more = server_response_write(served.held[0], buffer_slice(&piece));
		settle(&served);
	}
	CHECK(written >= 256 * 1024 + 100000 && written < 256 * 1024 + 200000);
	CHECK(!server_response_write(served.held[0], SLICE("more")));
	UNTIL(&served, got_of(&client, id)->body.len == 100000);
	ANSWERED(&client, http2_ask(&client, "GET", "/a", NULL, NULL), "200 /a|");
	CHECK_INT(served.writable, 0);
	// A little room isn't reported, since enough bytes still wait.
	nghttp2_session_consume(client.session, id, 60000);
	http2_flush(&client);
	settle(&served);
	CHECK_INT(served.writable, 0);
	nghttp2_submit_window_update(client.session, NGHTTP2_FLAG_NONE, id, 1 << 20);
	http2_flush(&client);
	UNTIL(&served, served.writable == 1);
	settle(&served);
	CHECK_INT(served.writable, 1);
	CHECK(server_response_write(served.held[0], SLICE("end")));
	server_response_end(served.held[0]);
	UNTIL(&served, got_of(&client, id)->closed == 0);
	CHECK_INT(got_of(&client, id)->body.len, written + 4 + 3);
	http2_close(&client);
	served_stop(&served);
	buffer_free(&piece);
}

// The same when the client doesn't read the connection.
TEST(holds_back_a_writer_whose_connection_is_not_read) {
	struct served served;
	struct http2_client client;
	struct buffer piece;
	size_t written = 0;
	buffer_init(&piece, 1 << 20);
	append_run(&piece, 50000);
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 1 << 30);
	int32_t id = http2_ask(&client, "GET", "/hold", NULL, NULL);
	UNTIL(&served, served.held_count == 1);
	socket_want_read(client.socket, false);
	server_response_start(served.held[0], 200, (struct headers){0}, -1);
	for (bool more = true; more && written < (64 << 20); written += piece.len) {
		more = server_response_write(served.held[0], buffer_slice(&piece));
		settle(&served);
	}
	CHECK(written < (64 << 20));
	CHECK_INT(served.writable, 0);
	socket_want_read(client.socket, true);
	UNTIL(&served, served.writable == 1);
	server_response_end(served.held[0]);
	UNTIL(&served, got_of(&client, id)->closed == 0);
	CHECK_INT(got_of(&client, id)->body.len, written);
	http2_close(&client);
	served_stop(&served);
	buffer_free(&piece);
}

TEST(gathers_what_is_written_in_one_turn) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	raw_send(&client, &out);
	UNTIL(&served, frames_of(&client).acks == 1);
	size_t reads = client.reads;
	for (int i = 0; i < 3; i++)
		frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 1 + 2 * i,
		          SLICE("\x82\x86\x44\x07/stream\x41\x01"
		                "a"));
	raw_send(&client, &out);
	UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == 3);
	CHECK_INT(client.reads, reads + 1);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

enum leave { RESET_STREAM, GOAWAY_WITH_ERROR, CLOSE, RESET_CONNECTION };

TEST(reports_at_once_that_a_client_is_gone) {
	for (int leave = RESET_STREAM; leave <= RESET_CONNECTION; leave++) {
		for (int started = 0; started < 2; started++) {
			struct served served;
			struct http2_client client;
			served_start(&served, &quick_limits, &patient, NULL);
			http2_open(&client, &served, 65535);
			int32_t id = http2_ask(&client, "GET", "/hold", NULL, NULL);
			int32_t other = http2_ask(&client, "GET", "/hold/other", NULL, NULL);
			UNTIL(&served, served.held_count == 2);
			if (started)
				server_response_start(served.held[0], 200, (struct headers){0}, -1);
			settle(&served);
			CHECK_INT(served.gone, 0);
			if (leave == RESET_STREAM)
				nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
			else if (leave == GOAWAY_WITH_ERROR)
				nghttp2_submit_goaway(client.session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_INTERNAL_ERROR, NULL, 0);
			if (leave == CLOSE)
				http2_close(&client);
			else if (leave == RESET_CONNECTION)
				socket_reset(client.socket);
			else
				http2_flush(&client);
			UNTIL(&served, served.gone == (leave == RESET_STREAM ? 1 : 2));
			if (leave == RESET_STREAM) {
				CHECK(served.gone_call == served.held[0]);
				server_respond(served.held[1], 200, (struct headers){0}, SLICE("served"));
				ANSWERED(&client, other, "200 served|");
			} else {
				UNTIL(&served, server_connections(served.server) == 0);
			}
			CHECK_INT(server_calls(served.server), 0);
			if (leave == RESET_STREAM || leave == GOAWAY_WITH_ERROR)
				http2_close(&client);
			else if (leave == RESET_CONNECTION)
				http2_free(&client);
			served_stop(&served);
		}
	}
}

// After a client's GOAWAY its open streams are still served; then the connection ends.
TEST(serves_a_stream_to_its_end_after_the_clients_goaway) {
	struct served served;
	struct http2_client client;
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 65535);
	int32_t id = http2_ask(&client, "GET", "/hold", NULL, NULL);
	UNTIL(&served, served.held_count == 1);
	server_response_start(served.held[0], 200, (struct headers){0}, -1);
	server_response_write(served.held[0], SLICE("one,"));
	UNTIL(&served, got_of(&client, id)->body.len == 4);
	nghttp2_submit_goaway(client.session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
	http2_flush(&client);
	settle(&served);
	CHECK_INT(served.gone, 0);
	CHECK(!client.ended);
	server_response_write(served.held[0], SLICE("two"));
	server_response_end(served.held[0]);
	ANSWERED(&client, id, "200 one,two|");
	UNTIL(&served, client.ended);
	http2_close(&client);
	UNTIL(&served, server_connections(served.server) == 0);
	served_stop(&served);
}

#define EMPTY_SETTINGS "\0\0\0\x04\0\0\0\0\0"

// Which limit ends a connection; all other limits are long.
TEST(limits_time) {
	static const struct {
		struct slice sent;
		struct server_timeouts timeouts;
		int64_t goaway;
	} cases[] = {
	    {TEXT("PRI * HT"), {20, 30000, 30000, 30000}, OPEN},
	    {TEXT(PREFACE), {20, 30000, 30000, 30000}, OPEN},
	    {TEXT(PREFACE "\0\0\0\x04"), {20, 30000, 30000, 30000}, OPEN},
	    {TEXT(PREFACE EMPTY_SETTINGS), {30000, 30000, 30000, 20}, NGHTTP2_NO_ERROR},
	    {TEXT(PREFACE EMPTY_SETTINGS "\0\0\x08\x06\0"), {30000, 30000, 30000, 20}, NGHTTP2_NO_ERROR},
	    {TEXT(PREFACE EMPTY_SETTINGS "\0\0\x06\x01\x05\0\0\0\x01" HEAD_OF_GET),
	     {30000, 30000, 30000, 20},
	     NGHTTP2_NO_ERROR},
	    {TEXT(PREFACE EMPTY_SETTINGS "\0\0\x06\x01\x01\0\0\0\x01" HEAD_OF_GET),
	     {20, 30000, 30000, 30000},
	     NGHTTP2_ENHANCE_YOUR_CALM},
	    {TEXT(PREFACE EMPTY_SETTINGS "\0\0\x06\x01\x01\0\0\0\x01\x82"),
	     {20, 30000, 30000, 30000},
	     NGHTTP2_ENHANCE_YOUR_CALM},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct served served;
		struct client client;
		served_start(&served, &quick_limits, &cases[i].timeouts, NULL);
		client_open(&client, &served);
		client_send(&client, cases[i].sent);
		UNTIL(&served, client.ended || client.broken);
		CHECK_INT(frames_of(&client).goaway_error, cases[i].goaway);
		client_close(&client);
		UNTIL(&served, server_connections(served.server) == 0);
		served_stop(&served);
	}
}

// A body that stalls is refused; the connection stays open.
TEST(limits_the_silence_of_a_body) {
	static const struct server_timeouts timeouts = {30000, 30, 30000, 30000};
	struct served served;
	struct http2_client client;
	served_start(&served, &quick_limits, &timeouts, NULL);
	http2_open(&client, &served, 65535);
	client.upload = SLICE("begun");
	client.upload_ends = false;
	int32_t id = http2_ask(&client, "POST", "/echo", NULL, NULL);
	int32_t held = http2_ask(&client, "GET", "/hold", NULL, NULL);
	ANSWERED(&client, id, "408 refused|");
	pass(&served, 60);
	CHECK_INT(served.gone, 0);
	server_respond(served.held[0], 200, (struct headers){0}, SLICE("kept"));
	ANSWERED(&client, held, "200 kept|");
	http2_close(&client);
	served_stop(&served);
}

TEST(resets_a_stream_that_is_not_read) {
	for (int streamed = 0; streamed < 2; streamed++) {
		static const struct server_timeouts timeouts = {30000, 30000, 30, 30000};
		struct served served;
		struct http2_client client;
		served_start(&served, &quick_limits, &timeouts, NULL);
		http2_open(&client, &served, 10);
		client.holds_windows = true;
		int32_t id = http2_ask(&client, "GET", "/hold", NULL, NULL);
		int32_t other = http2_ask(&client, "GET", "/hold/other", NULL, NULL);
		UNTIL(&served, served.held_count == 2);
		if (streamed) {
			server_response_start(served.held[0], 200, (struct headers){0}, -1);
			server_response_write(served.held[0], SLICE("more than ten bytes"));
		} else {
			server_respond(served.held[0], 200, (struct headers){0}, SLICE("more than ten bytes"));
		}
		ANSWERED(&client, id, "200 more than ...");
		CHECK_INT(got_of(&client, id)->closed, NGHTTP2_CANCEL);
		CHECK_INT(served.gone, streamed);
		server_respond(served.held[1], 200, (struct headers){0}, SLICE("ten bytes."));
		ANSWERED(&client, other, "200 ten bytes.|");
		http2_close(&client);
		served_stop(&served);
	}
}

// Reading a little now and then counts as reading.
TEST(waits_for_a_slow_reader) {
	static const struct server_timeouts timeouts = {30000, 30000, 300, 30000};
	struct served served;
	struct http2_client client;
	served_start(&served, &quick_limits, &timeouts, NULL);
	http2_open(&client, &served, 1);
	client.holds_windows = true;
	int32_t id = http2_ask(&client, "GET", "/abcdefgh", NULL, NULL);
	for (size_t read = 1; read < 9; read++) {
		UNTIL(&served, got_of(&client, id)->body.len == read);
		pass(&served, 60);
		nghttp2_submit_window_update(client.session, NGHTTP2_FLAG_NONE, id, 1);
		http2_flush(&client);
	}
	ANSWERED(&client, id, "200 /abcdefgh|");
	http2_close(&client);
	served_stop(&served);
}

TEST(closes_a_connection_that_is_not_read) {
	static const struct server_timeouts timeouts = {30000, 30000, 30, 30000};
	struct served served;
	struct http2_client client;
	struct buffer body;
	buffer_init(&body, 1 << 25);
	append_run(&body, 16 << 20);
	served_start(&served, &quick_limits, &timeouts, NULL);
	http2_open(&client, &served, 1 << 30);
	http2_ask(&client, "GET", "/hold", NULL, NULL);
	http2_ask(&client, "GET", "/hold/other", NULL, NULL);
	UNTIL(&served, served.held_count == 2);
	socket_want_read(client.socket, false);
	server_respond(served.held[0], 200, (struct headers){0}, buffer_slice(&body));
	UNTIL(&served, server_connections(served.server) == 0);
	CHECK_INT(served.gone, 1);
	http2_close(&client);
	served_stop(&served);
	buffer_free(&body);
}

// Draining: open requests and those sent before the client knew are served, then the connection ends.
TEST(drains) {
	struct served served;
	struct http2_client busy, idle;
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&busy, &served, 65535);
	http2_open(&idle, &served, 65535);
	int32_t id = http2_ask(&busy, "GET", "/hold", NULL, NULL);
	ANSWERED(&idle, http2_ask(&idle, "GET", "/a", NULL, NULL), "200 /a|");
	UNTIL(&served, served.held_count == 1);
	server_drain(served.server, served_on_drained, &served);
	int32_t late = http2_ask(&busy, "GET", "/late", NULL, NULL);
	UNTIL(&served, idle.ended);
	CHECK_INT(idle.goaway_error, NGHTTP2_NO_ERROR);
	ANSWERED(&busy, late, "200 /late|");
	UNTIL(&served, busy.goaways == 2);
	CHECK_INT(busy.goaway_last_id, late);
	CHECK_INT(served.drained, 0);
	server_respond(served.held[0], 200, (struct headers){0}, SLICE("served"));
	ANSWERED(&busy, id, "200 served|");
	UNTIL(&served, busy.ended);
	http2_close(&busy);
	http2_close(&idle);
	UNTIL(&served, served.drained == 1);
	CHECK_INT(served.gone, 0);
	served_stop(&served);
}

// A client that doesn't respond to the PING doesn't delay draining.
TEST(drains_without_the_clients_help) {
	static const struct server_timeouts timeouts = {30, 30000, 30000, 30000};
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &timeouts, NULL);
	raw_open(&client, &served, &out);
	raw_send(&client, &out);
	UNTIL(&served, frames_of(&client).acks == 1);
	server_drain(served.server, served_on_drained, &served);
	UNTIL(&served, client.ended);
	client_close(&client);
	UNTIL(&served, served.drained == 1);
	buffer_free(&out);
	served_stop(&served);
}

TEST(replaces_idle_clients_by_new_ones) {
	static const struct server_limits limits = {.header_bytes = 4096, .body_bytes = 1000, .connections = 2};
	struct served served;
	struct http2_client first, second, third;
	served_start(&served, &limits, &patient, NULL);
	http2_open(&first, &served, 65535);
	http2_open(&second, &served, 65535);
	http2_ask(&first, "GET", "/hold", NULL, NULL);
	UNTIL(&served, served.held_count == 1);
	ANSWERED(&second, http2_ask(&second, "GET", "/a", NULL, NULL), "200 /a|");
	http2_open(&third, &served, 65535);
	ANSWERED(&third, http2_ask(&third, "GET", "/b", NULL, NULL), "200 /b|");
	UNTIL(&served, second.ended || second.broken);
	CHECK_INT(second.goaway_error, NGHTTP2_NO_ERROR);
	CHECK_INT(second.goaways, 1);
	CHECK_INT(server_connections(served.server), 2);
	CHECK(!first.ended && !first.broken);
	http2_close(&first);
	http2_close(&second);
	http2_close(&third);
	served_stop(&served);
}

TEST(closes_from_within_a_request) {
	struct served served;
	struct http2_client client;
	served_start(&served, &quick_limits, &patient, NULL);
	http2_open(&client, &served, 65535);
	ANSWERED(&client, http2_ask(&client, "GET", "/a", NULL, NULL), "200 /a|");
	served.close_on_request = true;
	socket_want_write(client.socket, false);
	for (int i = 0; i < 3; i++)
		http2_ask(&client, "GET", "/hold", NULL, NULL);
	UNTIL(&served, client.ended || client.broken);
	CHECK_INT(served.requests, 2);
	CHECK_INT(served.gone, 1);
	http2_close(&client);
	served_stop(&served);
}

TEST(leaves_nothing_behind) {
	struct served served;
	struct http2_client client;
	size_t before = 0;
	served_start(&served, &quick_limits, &patient, NULL);
	for (int round = 0; round < 40; round++) {
		http2_open(&client, &served, round % 3 ? 65535 : 20);
		for (int i = 0; i < 100; i++) {
			int32_t id = http2_ask(&client, i % 5 ? "GET" : "POST", i % 7 ? "/stream" : "/hold", NULL, NULL);
			if (i % 3 == 0)
				nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
			if (i % 11 == 0)
				uv_run(loop_uv(served.loop), UV_RUN_NOWAIT);
		}
		settle(&served);
		http2_close(&client);
		UNTIL(&served, server_connections(served.server) == 0);
		CHECK_INT(server_calls(served.server), 0);
		served.held_count = 0;
		buffer_clear(&served.log);
		if (round == 9)
			before = mallinfo2().uordblks;
	}
	CHECK(mallinfo2().uordblks < before + 100000);
	served_stop(&served);
}

// Calls `act` each four milliseconds.
struct ticker {
	struct timer timer;
	struct http2_client *client;
	int32_t id;
	void (*act)(struct ticker *ticker);
};

static void on_tick(void *owner) {
	struct ticker *ticker = owner;
	ticker->act(ticker);
	http2_flush(ticker->client);
	timer_start(&ticker->timer, 4);
}

static void ticker_start(struct ticker *ticker, struct served *served) {
	timer_init(&ticker->timer, served->loop, on_tick, ticker);
	timer_start(&ticker->timer, 1);
}

static void send_a_byte(struct ticker *ticker) {
	ticker->client->upload.len++;
	nghttp2_session_resume_data(ticker->client->session, ticker->id);
}

static void open_window_by_a_byte(struct ticker *ticker) {
	nghttp2_submit_window_update(ticker->client->session, NGHTTP2_FLAG_NONE, ticker->id, 1);
}

TEST(refuses_a_body_that_drips) {
	struct server_limits limits = quick_limits;
	struct served served;
	struct http2_client client;
	struct buffer body;
	limits.rate = (struct least_rate){500, 40};
	buffer_init(&body, 1 << 20);
	append_run(&body, 100000);
	served_start(&served, &limits, &patient, NULL);
	http2_open(&client, &served, 100000);
	client.upload = slice_of(body.ptr, 1);
	client.upload_ends = false;
	struct ticker ticker = {.client = &client, .id = http2_ask(&client, "POST", "/a", NULL, NULL), .act = send_a_byte};
	ticker_start(&ticker, &served);
	UNTIL(&served, got_of(&client, ticker.id)->status == 408);
	timer_stop(&ticker.timer);
	ANSWERED(&client, http2_ask(&client, "GET", "/b", NULL, NULL), "200 /b|");
	http2_close(&client);
	served_stop(&served);
	buffer_free(&body);
}

// Its stream ends, the connection goes on.
TEST(cuts_off_a_stream_that_is_read_slowly) {
	struct server_limits limits = quick_limits;
	struct served served;
	struct http2_client client;
	struct buffer body;
	limits.rate = (struct least_rate){500, 40};
	buffer_init(&body, 1 << 20);
	append_run(&body, 100000);
	served_start(&served, &limits, &patient, NULL);
	http2_open(&client, &served, 1000);
	client.holds_windows = true;
	struct ticker ticker = {
	    .client = &client, .id = http2_ask(&client, "GET", "/hold", NULL, NULL), .act = open_window_by_a_byte};
	UNTIL(&served, served.held_count == 1);
	server_response_start(served.held[0], 200, (struct headers){0}, -1);
	server_response_write(served.held[0], buffer_slice(&body));
	ticker_start(&ticker, &served);
	UNTIL(&served, got_of(&client, ticker.id)->closed == NGHTTP2_CANCEL);
	timer_stop(&ticker.timer);
	CHECK_INT(served.gone, 1);
	ANSWERED(&client, http2_ask(&client, "GET", "/b", NULL, NULL), "200 /b|");
	http2_close(&client);
	served_stop(&served);
	buffer_free(&body);
}

// No time counts in which nothing waits for the client.
TEST(a_slow_model_is_not_the_client_s_fault) {
	struct server_limits limits = quick_limits;
	struct served served;
	struct http2_client client;
	limits.rate = (struct least_rate){1000000000, 150};
	served_start(&served, &limits, &patient, NULL);
	http2_open(&client, &served, 100000);
	int32_t id = http2_ask(&client, "GET", "/hold", NULL, NULL);
	UNTIL(&served, served.held_count == 1);
	server_response_start(served.held[0], 200, (struct headers){0}, -1);
	for (int i = 0; i < 40; i++) {
		server_response_write(served.held[0], SLICE("piece"));
		pass(&served, 10);
	}
	server_response_end(served.held[0]);
	ANSWERED(&client, id, "200 (200)|");
	CHECK_INT(served.gone, 0);
	http2_close(&client);
	served_stop(&served);
}

int main(void) {
	RUN(holds_back_a_writer_whose_stream_is_not_read);
	RUN(holds_back_a_writer_whose_connection_is_not_read);
	RUN(gathers_what_is_written_in_one_turn);
	RUN(reports_at_once_that_a_client_is_gone);
	RUN(serves_a_stream_to_its_end_after_the_clients_goaway);
	RUN(limits_time);
	RUN(limits_the_silence_of_a_body);
	RUN(resets_a_stream_that_is_not_read);
	RUN(waits_for_a_slow_reader);
	RUN(closes_a_connection_that_is_not_read);
	RUN(drains);
	RUN(drains_without_the_clients_help);
	RUN(replaces_idle_clients_by_new_ones);
	RUN(closes_from_within_a_request);
	RUN(leaves_nothing_behind);
	RUN(refuses_a_body_that_drips);
	RUN(cuts_off_a_stream_that_is_read_slowly);
	RUN(a_slow_model_is_not_the_client_s_fault);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Abusive clients: each kind of flood ends its own connection only, and is accepted up to its limit.
#include <malloc.h>

#include "base/random.h"
#include "http2_client.h"

static void add_ping(struct buffer *out, int number) {
	(void)number;
	frame_add(out, NGHTTP2_PING, 0, 0, SLICE("12345678"));
}

static void add_unasked_pong(struct buffer *out, int number) {
	(void)number;
	frame_add(out, NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, SLICE("12345678"));
}

static void add_settings(struct buffer *out, int number) {
	(void)number;
	frame_add(out, NGHTTP2_SETTINGS, 0, 0, (struct slice){0});
}

static void add_priority(struct buffer *out, int number) {
	frame_add(out, NGHTTP2_PRIORITY, 0, 101 + 2 * number, SLICE("\0\0\0\0\x0f"));
}

static void add_window_update(struct buffer *out, int number) {
	frame_add(out, NGHTTP2_WINDOW_UPDATE, 0, number % 2, SLICE("\0\0\0\x01"));
}

static void add_empty_data(struct buffer *out, int number) {
	(void)number;
	frame_add(out, NGHTTP2_DATA, 0, 1, (struct slice){0});
}

static void add_padding(struct buffer *out, int number) {
	(void)number;
	frame_add(out, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, SLICE("\x01\0"));
}

static void add_reset(struct buffer *out, int number) {
	frame_add(out, NGHTTP2_HEADERS, END_BOTH, 3 + 2 * number, SLICE(HEAD_OF_HOLD));
	frame_add(out, NGHTTP2_RST_STREAM, 0, 3 + 2 * number, SLICE("\0\0\0\x08"));
}

// Makes the server reset the stream.
static void add_provoked_reset(struct buffer *out, int number) {
	frame_add(out, NGHTTP2_HEADERS, END_BOTH, 3 + 2 * number, SLICE(HEAD_OF_HOLD));
	frame_add(out, NGHTTP2_WINDOW_UPDATE, 0, 3 + 2 * number, SLICE("\x7f\xff\xff\xff"));
}

static void add_malformed_head(struct buffer *out, int number) {
	frame_add(out, NGHTTP2_HEADERS, END_BOTH, 3 + 2 * number, SLICE("\x82"));
}

static const struct {
	const char *name;
	void (*add)(struct buffer *out, int number);
	int harmless, harmful;
} floods[] = {
    {"PING", add_ping, 900, 1100},
    {"PING acknowledgements", add_unasked_pong, 900, 1100},
    {"SETTINGS", add_settings, 900, 1100},
    {"PRIORITY", add_priority, 900, 1100},
    {"WINDOW_UPDATE", add_window_update, 900, 1100},
    {"empty DATA", add_empty_data, 900, 1100},
    {"DATA of padding", add_padding, 900, 1100},
    {"RST_STREAM", add_reset, 500, 600},
    {"provoked RST_STREAM", add_provoked_reset, 400, 1300},
    {"malformed heads", add_malformed_head, 400, 1300},
};

// A stream is open during the flood: an upload that waits.
static void begin_flood(struct client *client, struct served *served, struct buffer *out) {
	raw_open(client, served, out);
	frame_add(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
	          SLICE("\x83\x86\x44\x05/echo\x41\x01"
	                "a"));
}

TEST(ends_a_flood_at_its_limit) {
	for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
		struct served served;
		struct client client;
		struct buffer out;
		served_start(&served, &quick_limits, &patient, NULL);
		begin_flood(&client, &served, &out);
		for (int n = 0; n < floods[i].harmful; n++)
			floods[i].add(&out, n);
		raw_send(&client, &out);
		UNTIL(&served, client.ended || client.broken);
		if (frames_of(&client).goaway_error != NGHTTP2_ENHANCE_YOUR_CALM)
			printf("flood of %s\n", floods[i].name);
		CHECK_INT(frames_of(&client).goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
		CHECK_INT(server_calls(served.server), 0);
		CHECK_INT(served.requests, served.gone);
		client_close(&client);
		UNTIL(&served, server_connections(served.server) == 0);
		buffer_free(&out);
		served_stop(&served);
	}
}

TEST(accepts_frames_below_the_limit) {
	for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
		struct served served;
		struct client client;
		struct buffer out;
		served_start(&served, &quick_limits, &patient, NULL);
		begin_flood(&client, &served, &out);
		for (int n = 0; n < floods[i].harmless; n++)
			floods[i].add(&out, n);
		frame_add(&out, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, SLICE("body"));
		raw_send(&client, &out);
		UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == 1);
		if (frames_of(&client).goaway_error != OPEN)
			printf("flood of %s\n", floods[i].name);
		CHECK_INT(frames_of(&client).goaway_error, OPEN);
		CHECK(slice_ends(buffer_slice(&served.log), SLICE("POST /echo body|")));
		client_close(&client);
		buffer_free(&out);
		served_stop(&served);
	}
}

// Requests that are reset in the same turn are not delivered.
TEST(does_not_deliver_what_was_reset_meanwhile) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	for (int n = 0; n < 100; n++)
		add_reset(&out, n);
	frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 1001, SLICE(HEAD_OF_GET));
	raw_send(&client, &out);
	UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == 1);
	CHECK_SLICE(buffer_slice(&served.log), SLICE("GET / |"));
	CHECK_INT(served.gone, 0);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

// Frames that the server sends earn tokens for the WINDOW_UPDATEs of the client.
TEST(accepts_a_window_update_for_every_frame) {
	struct served served;
	struct client client;
	struct buffer out;
	enum { PIECES = 1500 };
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 1, SLICE(HEAD_OF_HOLD));
	raw_send(&client, &out);
	UNTIL(&served, served.held_count == 1);
	server_response_start(served.held[0], 200, (struct headers){0}, -1);
	for (size_t i = 1; i <= PIECES; i++) {
		server_response_write(served.held[0], SLICE("piece"));
		UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == i);
		frame_add(&out, NGHTTP2_WINDOW_UPDATE, 0, 0, SLICE("\0\0\0\x05"));
		frame_add(&out, NGHTTP2_WINDOW_UPDATE, 0, 1, SLICE("\0\0\0\x05"));
		raw_send(&client, &out);
	}
	server_response_end(served.held[0]);
	UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == PIECES + 1);
	CHECK_INT(frames_of(&client).goaway_error, OPEN);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

// A head in endless pieces: nghttp2 reads eight of them.
TEST(ends_a_flood_of_continuations) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	frame_add(&out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, SLICE(HEAD_OF_GET));
	for (int i = 0; i < 100; i++)
		frame_add(&out, NGHTTP2_CONTINUATION, 0, 1, SLICE("\x00\x01x\x01y"));
	raw_send(&client, &out);
	UNTIL(&served, client.ended || client.broken);
	CHECK_INT(frames_of(&client).goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
	CHECK_INT(served.requests, 0);
	client_close(&client);
	UNTIL(&served, server_connections(served.server) == 0);
	buffer_free(&out);
	served_stop(&served);
}

// A request of which one field, of 4 KB, stays in HPACK's table: each byte 0xbe names it again.
static void begin_expansion(struct client *client, struct served *served, struct buffer *out) {
	static char field[4000];
	struct buffer head;
	buffer_init(&head, 1 << 20);
	memset(field, 'v', sizeof field);
	raw_open(client, served, out);
	buffer_append(&head, SLICE("\x82\x86\x84\x41\x01"
	                           "a"
	                           "\x40\x01x\x7f\xa1\x1e")); // 127 + 33 + 30 * 128 = 4000
	buffer_append(&head, slice_of(field, sizeof field));
	frame_add(out, NGHTTP2_HEADERS, END_BOTH, 1, buffer_slice(&head));
	buffer_free(&head);
}

static void add_expanding_head(struct buffer *out, int32_t id, size_t times) {
	static char head[16000] = "\x82\x86\x84\x01\x01"
	                          "a";
	memset(head + 6, '\xbe', sizeof head - 6);
	CHECK(times <= sizeof head - 6);
	frame_add(out, NGHTTP2_HEADERS, END_BOTH, id, slice_of(head, 6 + times));
}

// The limit is 4 KB: these heads expand to 12 KB.
TEST(keeps_little_of_a_head_that_expands) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	begin_expansion(&client, &served, &out);
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	for (int i = 0; i < 100; i++)
		add_expanding_head(&out, 3 + 2 * i, 3);
	raw_send(&client, &out);
	UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == 101);
	size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
	CHECK(after < before + (4 << 20));
	CHECK_INT(frames_of(&client).goaway_error, OPEN);
	CHECK_INT(served.requests, 0);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

static void add_far_head(struct buffer *out) {
	add_expanding_head(out, 3, 15000);
}

static void add_far_continuation(struct buffer *out) {
	frame_add(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 3,
	          SLICE("\x82\x86\x84\x01\x01"
	                "a\xbe"));
	frame_add(out, NGHTTP2_CONTINUATION, 0, 3, SLICE("\xbe\xbe"));
	frame_add(out, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 3, SLICE("\xbe\xbe"));
}

static void add_far_trailers(struct buffer *out) {
	frame_add(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 3,
	          SLICE("\x83\x86\x84\x01\x01"
	                "a"));
	frame_add(out, NGHTTP2_HEADERS, END_BOTH, 3, SLICE("\xbe\xbe\xbe\xbe\xbe"));
}

// Huffman's code for `a` has 5 bits: 11 KB that decode to 17 KB.
static void add_far_huffman(struct buffer *out) {
	struct buffer head;
	buffer_init(&head, 1 << 20);
	buffer_append(&head, SLICE(HEAD_OF_GET));
	for (int i = 0; i < 170; i++) {
		buffer_append(&head, SLICE("\x00\x01y\xbc")); // 60 bytes
		for (int piece = 0; piece < 12; piece++)
			buffer_append(&head, SLICE("\x18\xc6\x31\x8c\x63"));
	}
	frame_add(out, NGHTTP2_HEADERS, END_BOTH, 3, buffer_slice(&head));
	buffer_free(&head);
}

// Beyond four times its limit a head isn't decoded, and its client is left.
TEST(ends_a_connection_whose_head_expands_far) {
	static void (*const cases[])(struct buffer * out) = {add_far_head, add_far_continuation, add_far_trailers,
	                                                     add_far_huffman};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct served served;
		struct client client;
		struct buffer out;
		served_start(&served, &quick_limits, &patient, NULL);
		begin_expansion(&client, &served, &out);
		cases[i](&out);
		frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 5, SLICE(HEAD_OF_GET));
		raw_send(&client, &out);
		UNTIL(&served, client.ended || client.broken);
		CHECK_INT(frames_of(&client).goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
		CHECK_INT(served.requests, 0);
		client_close(&client);
		UNTIL(&served, server_connections(served.server) == 0);
		buffer_free(&out);
		served_stop(&served);
	}
}

static void open_streams(struct buffer *out, int count) {
	for (int i = 0; i < count; i++)
		frame_add(out, NGHTTP2_HEADERS, END_BOTH, 1 + 2 * i, SLICE(HEAD_OF_HOLD));
}

TEST(refuses_more_streams_than_it_allows) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	// The spec's embedder holds only some calls and responds to the others, so waiting uploads take the places.
	for (int i = 0; i < 256; i++)
		frame_add(&out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1 + 2 * i, SLICE(HEAD_OF_HOLD));
	frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 601, SLICE(HEAD_OF_GET));
	frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 603, SLICE(HEAD_OF_GET));
	raw_send(&client, &out);
	UNTIL(&served, frames_of(&client).count[NGHTTP2_RST_STREAM] == 2);
	CHECK_INT(frames_of(&client).reset_error, NGHTTP2_REFUSED_STREAM);
	CHECK_INT(served.requests, 0);
	frame_add(&out, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, SLICE("x"));
	raw_send(&client, &out);
	UNTIL(&served, served.held_count == 1);
	server_respond(served.held[0], 200, (struct headers){0}, SLICE("answer"));
	UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == 1);
	frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 605, SLICE(HEAD_OF_GET));
	raw_send(&client, &out);
	UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == 2);
	// A client that knows the limit and exceeds it loses its connection.
	frame_add(&out, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, (struct slice){0});
	for (int i = 0; i < 2; i++)
		frame_add(&out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 607 + 2 * i, SLICE(HEAD_OF_HOLD));
	raw_send(&client, &out);
	UNTIL(&served, client.ended || client.broken);
	CHECK_INT(frames_of(&client).goaway_error, NGHTTP2_PROTOCOL_ERROR);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

// A client that sends requests and never reads: the memory for it is bounded.
TEST(keeps_little_for_a_client_that_does_not_read) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	frame_add(&out, NGHTTP2_WINDOW_UPDATE, 0, 0, SLICE("\x7f\0\0\0"));
	socket_want_read(client.socket, false);
	open_streams(&out, 1);
	raw_send(&client, &out);
	UNTIL(&served, served.held_count == 1);
	// Malformed heads are reset, which nghttp2's own limits don't count.
	size_t before = mallinfo2().uordblks;
	for (int i = 0; i < 5000 && !client.broken; i++) {
		add_malformed_head(&out, i);
		add_ping(&out, i);
		raw_send(&client, &out);
		uv_run(loop_uv(served.loop), UV_RUN_NOWAIT);
	}
	CHECK(mallinfo2().uordblks < before + (2 << 20));
	socket_want_read(client.socket, true);
	UNTIL(&served, client.ended || client.broken);
	CHECK_INT(served.gone, 1);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

TEST(closes_on_what_is_no_http2) {
	static const struct slice cases[] = {
	    TEXT("\0\0\x08\x06\0\0\0\0\0"
	         "12345678"),                                           // no SETTINGS first
	    TEXT("\xff\xff\xff\x04\0\0\0\0\0"),                         // a frame of 16 MB
	    TEXT("\0\0\0\x04\0\0\0\0\0\0\0\x04\x08\0\0\0\0\0\0\0\0\0"), // a WINDOW_UPDATE of 0
	    TEXT("\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\xff"), // a head that can't be decoded
	    TEXT("\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x02\x82"), // a stream with an even number
	    TEXT("\0\0\0\x04\0\0\0\0\0\0\0\x01\0\x01\0\0\0\x01x"),      // a body without a head
	    TEXT("\0\0\0\x04\0\0\0\0\0\0\0\0\x09\x04\0\0\0\x01"),       // a CONTINUATION without a head
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct served served;
		struct client client;
		served_start(&served, &quick_limits, &patient, NULL);
		client_open(&client, &served);
		client_send(&client, SLICE(PREFACE));
		client_send(&client, cases[i]);
		UNTIL(&served, client.ended || client.broken);
		CHECK(frames_of(&client).goaway_error > 0);
		client_close(&client);
		UNTIL(&served, server_connections(served.server) == 0);
		served_stop(&served);
	}
}

// A session with frames of many types, some of them changed: it ends or continues, and every call ends.
static void add_session(struct buffer *out) {
	buffer_append(out, SLICE(PREFACE));
	frame_add(out, NGHTTP2_SETTINGS, 0, 0, SLICE("\0\x04\0\0\0\x40"));
	frame_add(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
	          SLICE("\x83\x86\x44\x05/echo\x41\x01"
	                "a"));
	frame_add(out, NGHTTP2_HEADERS, END_BOTH, 3,
	          SLICE("\x82\x86\x44\x07/stream\x41\x01"
	                "a\x40\x01x\x01"
	                "1"));
	frame_add(out, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1,
	          SLICE("\x03"
	                "body\0\0\0"));
	frame_add(out, NGHTTP2_HEADERS, END_BOTH, 5, SLICE(HEAD_OF_HOLD));
	frame_add(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 7, SLICE("\x82\x86\xbe"));
	frame_add(out, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 7,
	          SLICE("\x84\x41\x01"
	                "a"));
	frame_add(out, NGHTTP2_PING, 0, 0, SLICE("12345678"));
	frame_add(out, NGHTTP2_WINDOW_UPDATE, 0, 3, SLICE("\0\0\x01\0"));
	frame_add(out, NGHTTP2_PRIORITY, 0, 9, SLICE("\0\0\0\x01\x10"));
	frame_add(out, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, SLICE("more"));
	frame_add(out, NGHTTP2_RST_STREAM, 0, 5, SLICE("\0\0\0\x08"));
	frame_add(out, NGHTTP2_GOAWAY, 0, 0, SLICE("\0\0\0\0\0\0\0\0"));
}

TEST(holds_under_mutation) {
	enum { ROUNDS = 3000 };
	static const struct server_limits limits = {.header_bytes = 4096, .body_bytes = 1000, .connections = 100};
	struct random_source random;
	struct served served;
	random_init(&random, 7);
	served_start(&served, &limits, &patient, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		struct client client;
		struct buffer out;
		buffer_init(&out, 1 << 16);
		add_session(&out);
		for (uint64_t i = random_next(&random) % 4; i > 0; i--)
			out.ptr[24 + random_next(&random) % (out.len - 24)] = (char)random_next(&random);
		size_t split = random_next(&random) % out.len;
		client_open(&client, &served);
		client_send(&client, slice_of(out.ptr, split));
		uv_run(loop_uv(served.loop), UV_RUN_NOWAIT);
		if (!client.ended && !client.broken)
			client_send(&client, slice_from_offset(buffer_slice(&out), split));
		for (int i = 0; i < 5; i++)
			uv_run(loop_uv(served.loop), UV_RUN_NOWAIT);
		if (random_next(&random) % 2)
			client_close(&client);
		else
			client_reset(&client);
		UNTIL(&served, server_connections(served.server) == 0);
		CHECK_INT(server_calls(served.server), 0);
		served.held_count = 0;
		buffer_clear(&served.log);
		buffer_free(&out);
	}
	CHECK(served.requests > ROUNDS);
	CHECK(served.gone > ROUNDS / 10);
	served_stop(&served);
}

int main(void) {
	RUN(ends_a_flood_at_its_limit);
	RUN(accepts_frames_below_the_limit);
	RUN(does_not_deliver_what_was_reset_meanwhile);
	RUN(accepts_a_window_update_for_every_frame);
	RUN(ends_a_flood_of_continuations);
	RUN(keeps_little_of_a_head_that_expands);
	RUN(ends_a_connection_whose_head_expands_far);
	RUN(refuses_more_streams_than_it_allows);
	RUN(keeps_little_for_a_client_that_does_not_read);
	RUN(closes_on_what_is_no_http2);
	RUN(holds_under_mutation);
	return check_summary();
}

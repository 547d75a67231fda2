// SPDX-License-Identifier: Apache-2.0
// Clients that send many requests at once: each gets its share of a turn, and others are served in between.
#include "http2_client.h"

enum { MANY = 100, SHARE = 16, FURTHER = 64, CROWD = 20 };

static void add_requests(struct buffer *out, int count) {
	for (int i = 0; i < count; i++)
		buffer_append(out, SLICE(GET("/many")));
}

static void add_streams(struct buffer *out, int count) {
	for (int i = 0; i < count; i++)
		frame_add(out, NGHTTP2_HEADERS, END_BOTH, 1 + 2 * i, SLICE(HEAD_OF_GET));
}

// Bodies that end in one read, of requests whose heads came before.
static void add_uploads(struct buffer *out, int count) {
	for (int i = 0; i < count; i++)
		frame_add(out, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1 + 2 * i, SLICE("x"));
}

// Runs one turn; returns how many requests it delivered.
static size_t turn(struct served *served) {
	size_t before = served->requests;
	uv_run(loop_uv(served->loop), UV_RUN_NOWAIT);
	return served->requests - before;
}

// The greedy client's requests and one of another client are here when the turn begins: the other is answered at once.
static void check_share(struct served *served, struct client *greedy, struct buffer *out, size_t count) {
	struct client other;
	client_open(&other, served);
	settle(served);
	size_t before = served->requests, answered_at = 0;
	raw_send(greedy, out);
	client_send(&other, SLICE(GET("/other")));
	for (int turns = 0; served->requests < before + count + 1 && turns < 1000; turns++) {
		CHECK(turn(served) <= SHARE + 1);
		if (answered_at == 0 && other.in.len > 0)
			answered_at = served->requests;
	}
	CHECK_INT(served->requests, before + count + 1);
	CHECK(answered_at > 0 && answered_at <= before + 3 * SHARE);
	client_close(&other);
}

TEST(serves_others_between_pipelined_requests) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	buffer_init(&out, 1 << 20);
	client_open(&client, &served);
	add_requests(&out, MANY);
	check_share(&served, &client, &out, MANY);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

TEST(serves_others_between_streams) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	add_streams(&out, MANY);
	check_share(&served, &client, &out, MANY);
	UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == MANY);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

TEST(serves_others_between_uploads) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	for (int i = 0; i < MANY; i++)
		frame_add(&out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1 + 2 * i,
		          SLICE("\x83\x86\x84\x01\x01"
		                "a"));
	raw_send(&client, &out);
	settle(&served);
	add_uploads(&out, MANY);
	check_share(&served, &client, &out, MANY);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

// A field of 4 KB in HPACK's table, and heads of 20 bytes that name it 15 times.
TEST(decodes_a_share_of_heads_that_expand) {
	enum { HEADS = 30, A_TURN = 2 };
	static const struct server_limits limits = {.header_bytes = 65536, .body_bytes = 1000, .connections = 10};
	static char field[4000];
	struct served served;
	struct client client;
	struct buffer out, head;
	served_start(&served, &limits, &patient, NULL);
	raw_open(&client, &served, &out);
	buffer_init(&head, 1 << 16);
	memset(field, 'v', sizeof field);
	buffer_append(&head, SLICE(HEAD_OF_GET "\x40\x01x\x7f\xa1\x1e")); // 127 + 33 + 30 * 128 = 4000
	buffer_append(&head, slice_of(field, sizeof field));
	frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 1, buffer_slice(&head));
	for (int i = 1; i <= HEADS; i++)
		frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 1 + 2 * i,
		          SLICE("\x82\x86\x84\xbf"
		                "\xbe\xbe\xbe\xbe\xbe\xbe\xbe\xbe"
		                "\xbe\xbe\xbe\xbe\xbe\xbe\xbe"));
	raw_send(&client, &out);
	for (int turns = 0; served.requests < HEADS + 1 && turns < 1000; turns++)
		CHECK(turn(&served) <= A_TURN);
	UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == HEADS + 1);
	CHECK_INT(frames_of(&client).goaway_error, OPEN);
	client_close(&client);
	buffer_free(&out);
	buffer_free(&head);
	served_stop(&served);
}

// Heads with two hosts, which the server refuses itself.
TEST(refuses_a_share_of_heads) {
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	for (int i = 0; i < MANY; i++)
		frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 1 + 2 * i,
		          SLICE(HEAD_OF_GET "\x0f\x17\x01"
		                            "b"));
	raw_send(&client, &out);
	size_t before = 0;
	for (int turns = 0; before < MANY && turns < 1000; turns++) {
		turn(&served);
		size_t refused = frames_of(&client).count[NGHTTP2_DATA];
		CHECK(refused - before <= 2 * (SHARE + 1));
		before = refused;
	}
	CHECK_INT(before, MANY);
	CHECK_INT(served.requests, 0);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

// Heads that nghttp2 skips, since they are malformed, cost what their bytes cost to decode.
TEST(skips_a_share_of_heads) {
	enum { FRAME = 16000, FRAMES = 4 };
	static char head[FRAME] = "\x82\x86\x84\x01\x01"
	                          "a\x00\x01X\x01x";
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	memset(head + 11, '\x82', FRAME - 11);
	raw_open(&client, &served, &out);
	for (int i = 0; i < FRAMES; i++)
		frame_add(&out, NGHTTP2_HEADERS, END_BOTH, 1 + 2 * i, slice_of(head, FRAME));
	raw_send(&client, &out);
	size_t before = 0;
	for (int turns = 0; before < FRAMES && turns < 1000; turns++) {
		turn(&served);
		size_t reset = frames_of(&client).count[NGHTTP2_RST_STREAM];
		CHECK(reset - before <= 1);
		before = reset;
	}
	CHECK_INT(before, FRAMES);
	CHECK_INT(frames_of(&client).goaway_error, OPEN);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

// A body in frames of one byte.
TEST(reads_a_share_of_small_frames) {
	enum { FRAMES = 5000 };
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	raw_open(&client, &served, &out);
	frame_add(&out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
	          SLICE("\x83\x86\x84\x01\x01"
	                "a"));
	raw_send(&client, &out);
	settle(&served);
	for (int i = 1; i < FRAMES; i++)
		frame_add(&out, NGHTTP2_DATA, 0, 1, SLICE("x"));
	frame_add(&out, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, SLICE("x"));
	raw_send(&client, &out);
	size_t turns = 0;
	while (turns < 100 && turn(&served) == 0)
		turns++;
	CHECK_SLICE(buffer_slice(&served.log), SLICE("POST / (5000)|"));
	CHECK(turns >= 2);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

// The bytes that wait may end anywhere, also within a head or a body that goes on in the next read.
TEST(continues_where_the_share_ended) {
	struct buffer all;
	buffer_init(&all, 1 << 20);
	buffer_append(&all, SLICE(PREFACE));
	frame_add(&all, NGHTTP2_SETTINGS, 0, 0, (struct slice){0});
	for (int i = 0; i < 20; i++) {
		frame_add(&all, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1 + 2 * i,
		          SLICE("\x83\x86\x04\x05/echo\x01\x01"
		                "a"));
		frame_add(&all, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1 + 2 * i, SLICE("body"));
	}
	for (size_t split = all.len - 250; split < all.len; split += 7) {
		struct served served;
		struct client client;
		served_start(&served, &quick_limits, &patient, NULL);
		client_open(&client, &served);
		client_send(&client, slice_of(all.ptr, split));
		settle(&served);
		client_send(&client, slice_from_offset(buffer_slice(&all), split));
		UNTIL(&served, frames_of(&client).count[NGHTTP2_DATA] == 20);
		CHECK_INT(served.requests, 20);
		client_close(&client);
		served_stop(&served);
	}
	buffer_free(&all);
}

// Many such clients get no more together than their first requests and a common share.
TEST(bounds_a_turn_of_many_clients) {
	struct served served;
	struct client clients[CROWD];
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	buffer_init(&out, 1 << 20);
	for (int i = 0; i < CROWD; i++)
		client_open(&clients[i], &served);
	settle(&served);
	add_requests(&out, MANY);
	for (int i = 0; i < CROWD; i++)
		client_send(&clients[i], buffer_slice(&out));
	size_t turns = 0;
	while (served.requests < (size_t)CROWD * MANY && turns++ < 1000)
		CHECK(turn(&served) <= CROWD + FURTHER);
	CHECK_INT(served.requests, (size_t)CROWD * MANY);
	for (int i = 0; i < CROWD; i++)
		client_close(&clients[i]);
	buffer_free(&out);
	served_stop(&served);
}

// The end of the client's half is noticed only after the requests before it were served.
TEST(serves_all_that_came_before_the_end) {
	struct served served;
	struct client client;
	struct buffer out, expected;
	served_start(&served, &quick_limits, &patient, NULL);
	buffer_init(&out, 1 << 20);
	buffer_init(&expected, 1 << 20);
	client_open(&client, &served);
	add_requests(&out, MANY);
	for (int i = 0; i < MANY; i++)
		buffer_append(&expected, SLICE("200 /many|"));
	raw_send(&client, &out);
	CHECK_INT(client.out.len, 0);
	socket_end_write(client.socket);
	UNTIL(&served, client.ended);
	CHECK_INT(served.requests, MANY);
	CHECK_SLICE(client_got(&client, false), buffer_slice(&expected));
	client_close(&client);
	buffer_free(&out);
	buffer_free(&expected);
	served_stop(&served);
}

// More than the buffer of unread bytes holds: reading continues when there is room.
TEST(reads_on_when_the_share_is_served) {
	enum { FLOOD = 5000 };
	struct served served;
	struct client client;
	struct buffer out;
	served_start(&served, &quick_limits, &patient, NULL);
	buffer_init(&out, 1 << 20);
	client_open(&client, &served);
	add_requests(&out, FLOOD);
	raw_send(&client, &out);
	UNTIL(&served, served.requests == FLOOD);
	// The loop waits again: nothing is left to do.
	settle(&served);
	CHECK(uv_backend_timeout(loop_uv(served.loop)) != 0);
	client_close(&client);
	buffer_free(&out);
	served_stop(&served);
}

int main(void) {
	RUN(serves_others_between_pipelined_requests);
	RUN(serves_others_between_streams);
	RUN(serves_others_between_uploads);
	RUN(decodes_a_share_of_heads_that_expand);
	RUN(refuses_a_share_of_heads);
	RUN(skips_a_share_of_heads);
	RUN(reads_a_share_of_small_frames);
	RUN(continues_where_the_share_ended);
	RUN(bounds_a_turn_of_many_clients);
	RUN(serves_all_that_came_before_the_end);
	RUN(reads_on_when_the_share_is_served);
	return check_summary();
}

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
	RUN(bounds_a_turn_of_many_clients);
	RUN(serves_all_that_came_before_the_end);
	RUN(reads_on_when_the_share_is_served);
	return check_summary();
}

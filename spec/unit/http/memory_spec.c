// SPDX-License-Identifier: Apache-2.0
// The memory that a server holds for its clients is counted, is exactly zero with idle connections only, and doesn't
// grow once the limit is reached.
#include "http2_client.h"

static void client_send_filler(struct client *client, size_t count) {
	static char bytes[300000];
	memset(bytes, 'x', sizeof bytes);
	client_send(client, slice_of(bytes, count));
}

TEST(counts_what_it_holds_and_nothing_when_idle) {
	struct memory_meter memory;
	struct server_limits limits = quick_limits;
	struct served served;
	struct client client, other;
	memory_meter_init(&memory, 64 * 1024);
	limits.memory = &memory;
	served_start(&served, &limits, &patient, NULL);
	client_open(&client, &served);
	client_open(&other, &served);
	client_send(&client, SLICE(POST("/hold", "Content-Length: 3000\r\n")));
	client_send_filler(&client, 3000);
	UNTIL(&served, served.held_count == 1);
	CHECK(memory_meter_held(&memory) >= 3000);
	server_respond(served.held[0], 200, (struct headers){0}, SLICE("x"));
	UNTIL(&served, slice_equal(client_got(&client, false), SLICE("200 x|")));
	CHECK_INT(memory_meter_held(&memory), 0);
	CHECK_INT(server_connections(served.server), 2);

	// A streamed response that the client doesn't read.
	client_send(&client, SLICE(GET("/hold")));
	UNTIL(&served, served.held_count == 2);
	server_response_start(served.held[1], 200, (struct headers){0}, -1);
	server_response_write(served.held[1], SLICE("some bytes"));
	CHECK(memory_meter_held(&memory) > 0);
	server_response_end(served.held[1]);
	UNTIL(&served, slice_equal(client_got(&client, false), SLICE("200 x|200 some bytes|")));
	CHECK_INT(memory_meter_held(&memory), 0);
	client_close(&client);
	client_close(&other);
	served_stop(&served);
	CHECK_INT(memory_meter_held(&memory), 0);
}

static void served_start_with_heads(struct served *served, struct memory_meter *memory) {
	struct server_limits limits = quick_limits;
	memory_meter_init(memory, 1 << 20);
	limits.memory = memory;
	limits.header_bytes = 65536;
	served_start(served, &limits, &patient, NULL);
}

TEST(counts_large_heads) {
	struct memory_meter memory;
	struct served served;
	struct client client;
	served_start_with_heads(&served, &memory);
	client_open(&client, &served);
	for (size_t i = 0; i < 2; i++) {
		client_send(&client, SLICE("GET /hold HTTP/1.1\r\nHost: a\r\nX: "));
		client_send_filler(&client, 30000);
		UNTIL(&served, memory_meter_held(&memory) >= 30000);
		client_send(&client, SLICE("\r\n\r\n"));
		UNTIL(&served, served.held_count == i + 1);
		CHECK(memory_meter_held(&memory) >= 30000);
		server_respond(served.held[i], 200, (struct headers){0}, SLICE("x"));
		CHECK_INT(memory_meter_held(&memory), 0);
	}
	// An ordinary one stays with its connection.
	client_send(&client, SLICE(GET("/hold")));
	UNTIL(&served, served.held_count == 3);
	CHECK_INT(memory_meter_held(&memory), 0);
	client_send(&client, SLICE("GET /next HTTP/1.1\r\n"));
	client_close(&client);
	UNTIL(&served, server_connections(served.server) == 0);
	served_stop(&served);
	CHECK_INT(memory_meter_held(&memory), 0);
}

TEST(without_memory_large_heads_are_refused) {
	struct memory_meter memory;
	struct served served;
	struct client large, small;
	served_start_with_heads(&served, &memory);
	client_open(&large, &served);
	client_open(&small, &served);
	client_send(&large, SLICE("GET / HTTP/1.1\r\nHost: a\r\nX: "));
	client_send_filler(&large, 3000);
	UNTIL(&served, memory_meter_held(&memory) >= 3000);
	memory_meter_charge(&memory, 1 << 20);
	client_send(&small, SLICE("GET /a HTTP/1.1\r\nHost"));
	settle(&served);
	client_send(&small, SLICE(": a\r\n\r\n"));
	GOT(&small, "200 /a|");
	client_send_filler(&large, 3000);
	GOT(&large, "429 refused|");
	CHECK_INT(memory_meter_held(&memory), 1 << 20);
	memory_meter_release(&memory, 1 << 20);
	client_close(&large);
	client_close(&small);
	served_stop(&served);
}

TEST(on_http2_large_heads_are_refused_too) {
	static char value[3000];
	struct memory_meter memory;
	struct served served;
	struct http2_client client;
	memset(value, 'v', sizeof value - 1);
	served_start_with_heads(&served, &memory);
	http2_open(&client, &served, 65535);
	ANSWERED(&client, http2_ask(&client, "GET", "/a", "x", value), "200 /a|");
	memory_meter_charge(&memory, 1 << 20);
	ANSWERED(&client, http2_ask(&client, "GET", "/b", NULL, NULL), "200 /b|");
	ANSWERED(&client, http2_ask(&client, "GET", "/c", "x", value), "429 refused|");
	memory_meter_release(&memory, 1 << 20);
	http2_close(&client);
	served_stop(&served);
}

TEST(without_memory_bodies_wait_or_are_refused) {
	struct memory_meter memory;
	struct server_limits limits = quick_limits;
	struct served served;
	struct client begun, late, small;
	memory_meter_init(&memory, 1 << 20);
	limits.memory = &memory;
	served_start(&served, &limits, &patient, NULL);
	client_open(&begun, &served);
	client_open(&late, &served);
	client_open(&small, &served);
	client_send(&begun, SLICE(POST("/hold", "Content-Length: 300000\r\n")));
	client_send_filler(&begun, 1000);
	UNTIL(&served, memory_meter_held(&memory) >= 1000);
	memory_meter_charge(&memory, 1 << 20);
	client_send_filler(&begun, 299000); // one read takes at most 64 KB of it
	client_send(&late, SLICE(POST("/b", "Content-Length: 3000\r\n")));
	client_send(&small, SLICE(POST("/echo", "Content-Length: 2\r\n") "xy"));
	UNTIL(&served, late.ended);
	CHECK_SLICE(client_got(&late, false), SLICE("429 refused|"));
	UNTIL(&served, slice_equal(client_got(&small, false), SLICE("200 xy|")));
	settle(&served);
	CHECK_INT(served.held_count, 0);
	memory_meter_release(&memory, 1 << 20);
	UNTIL(&served, served.held_count == 1);
	CHECK_INT(served.held_bytes, 300000);
	server_respond(served.held[0], 200, (struct headers){0}, SLICE("x"));
	UNTIL(&served, slice_equal(client_got(&begun, false), SLICE("200 x|")));
	CHECK_INT(memory_meter_held(&memory), 0);
	client_close(&begun);
	client_close(&late);
	client_close(&small);
	served_stop(&served);
}

// Four uploads against memory for three, all of them three quarters here. The youngest is refused, the others are
// served. The time limits are longer than the test may take.
enum { UPLOADS = 4, UPLOAD_BYTES = 2000000, MEMORY_BYTES = 6710886 };

static void served_start_with_memory(struct served *served, struct memory_meter *memory, size_t memory_bytes) {
	struct server_limits limits = quick_limits;
	memory_meter_init(memory, memory_bytes);
	limits.memory = memory;
	limits.body_bytes = UPLOAD_BYTES + 100000;
	served_start(served, &limits, &patient, NULL);
}

TEST(of_bodies_half_come_the_youngest_is_refused) {
	struct memory_meter memory;
	struct served served;
	struct client clients[UPLOADS];
	struct buffer body;
	buffer_init(&body, UPLOAD_BYTES);
	append_run(&body, UPLOAD_BYTES);
	served_start_with_memory(&served, &memory, MEMORY_BYTES);
	size_t held = 0;
	for (int i = 0; i < UPLOADS; i++) {
		client_open(&clients[i], &served);
		client_send(&clients[i], SLICE(POST("/a", "Content-Length: 2000000\r\n")));
		client_send(&clients[i], slice_of(body.ptr, UPLOAD_BYTES / 2));
		UNTIL(&served, memory_meter_held(&memory) > held + UPLOAD_BYTES / 2);
		held = memory_meter_held(&memory);
		CHECK(held < MEMORY_BYTES);
	}
	for (int i = 0; i < UPLOADS; i++)
		client_send(&clients[i], slice_of(body.ptr, UPLOAD_BYTES / 4));
	UNTIL(&served, clients[UPLOADS - 1].ended);
	CHECK_SLICE(client_got(&clients[UPLOADS - 1], false), SLICE("429 refused|"));
	CHECK_INT(memory_meter_held(&memory), (UPLOADS - 1) * UPLOAD_BYTES);
	for (int i = 0; i < UPLOADS - 1; i++)
		client_send(&clients[i], slice_of(body.ptr, UPLOAD_BYTES / 4));
	for (int i = 0; i < UPLOADS - 1; i++)
		UNTIL(&served, slice_equal(client_got(&clients[i], false), SLICE("200 /a|")));
	for (int i = 0; i < UPLOADS; i++)
		client_close(&clients[i]);
	served_stop(&served);
	buffer_free(&body);
	CHECK_INT(memory_meter_held(&memory), 0);
}

// However many there are and however their bytes mix, each is served or refused, and at least one is served.
TEST(uploads_at_once_all_end) {
	struct memory_meter memory;
	struct served served;
	struct buffer body;
	enum { MANY = 12 };
	struct client clients[MANY];
	buffer_init(&body, UPLOAD_BYTES);
	append_run(&body, UPLOAD_BYTES);
	served_start_with_memory(&served, &memory, MEMORY_BYTES);
	size_t served_count = 0, refused = 0;
	for (int i = 0; i < MANY; i++) {
		client_open(&clients[i], &served);
		client_send(&clients[i], SLICE(POST("/a", "Content-Length: 2000000\r\n")));
		client_send(&clients[i], buffer_slice(&body));
	}
	for (int i = 0; i < MANY; i++) {
		UNTIL(&served, clients[i].in.len > 0);
		served_count += slice_equal(client_got(&clients[i], false), SLICE("200 /a|"));
		refused += slice_equal(client_got(&clients[i], false), SLICE("429 refused|"));
		client_close(&clients[i]);
	}
	CHECK_INT(served_count + refused, MANY);
	CHECK(served_count >= 1);
	served_stop(&served);
	buffer_free(&body);
	CHECK_INT(memory_meter_held(&memory), 0);
}

static void http2_send_more(struct http2_client *client, int32_t id, struct slice upload, bool ends) {
	client->upload = upload;
	client->upload_ends = ends;
	nghttp2_session_resume_data(client->session, id);
	http2_flush(client);
}

TEST(on_http2_the_youngest_of_them_is_refused_too) {
	struct memory_meter memory;
	struct served served;
	struct http2_client clients[UPLOADS];
	int32_t ids[UPLOADS];
	struct buffer body;
	buffer_init(&body, UPLOAD_BYTES);
	append_run(&body, UPLOAD_BYTES);
	served_start_with_memory(&served, &memory, MEMORY_BYTES);
	size_t held = 0;
	for (int i = 0; i < UPLOADS; i++) {
		http2_open(&clients[i], &served, 100000);
		clients[i].upload = slice_of(body.ptr, UPLOAD_BYTES / 2);
		clients[i].upload_ends = false;
		ids[i] = http2_ask(&clients[i], "POST", "/a", "content-length", "2000000");
		UNTIL(&served, memory_meter_held(&memory) > held + UPLOAD_BYTES / 2);
		held = memory_meter_held(&memory);
	}
	for (int i = 0; i < UPLOADS; i++)
		http2_send_more(&clients[i], ids[i], slice_of(body.ptr, UPLOAD_BYTES * 3 / 4), false);
	UNTIL(&served, got_of(&clients[UPLOADS - 1], ids[UPLOADS - 1])->status == 429);
	for (int i = 0; i < UPLOADS - 1; i++)
		http2_send_more(&clients[i], ids[i], buffer_slice(&body), true);
	for (int i = 0; i < UPLOADS - 1; i++)
		ANSWERED(&clients[i], ids[i], "200 /a|");
	for (int i = 0; i < UPLOADS; i++)
		http2_close(&clients[i]);
	served_stop(&served);
	buffer_free(&body);
	CHECK_INT(memory_meter_held(&memory), 0);
}

// The client gets no more window for it, while other streams of the connection go on.
TEST(without_memory_an_upload_on_http2_waits) {
	struct memory_meter memory;
	struct served served;
	struct http2_client client;
	struct buffer body;
	buffer_init(&body, UPLOAD_BYTES);
	append_run(&body, UPLOAD_BYTES);
	served_start_with_memory(&served, &memory, MEMORY_BYTES);
	http2_open(&client, &served, 100000);
	client.upload = slice_of(body.ptr, 1000);
	client.upload_ends = false;
	int32_t id = http2_ask(&client, "POST", "/a", "content-length", "2000000");
	UNTIL(&served, memory_meter_held(&memory) > 0);
	memory_meter_charge(&memory, MEMORY_BYTES);
	http2_send_more(&client, id, buffer_slice(&body), true);
	UNTIL(&served, nghttp2_session_get_stream_remote_window_size(client.session, id) <= 0);
	settle(&served);
	CHECK(client.upload_sent <= 512 * 1024);
	CHECK(memory_meter_held(&memory) <= MEMORY_BYTES + 512 * 1024);
	ANSWERED(&client, http2_ask(&client, "GET", "/b", NULL, NULL), "200 /b|");
	CHECK_INT(got_of(&client, id)->status, 0);
	memory_meter_release(&memory, MEMORY_BYTES);
	ANSWERED(&client, id, "200 /a|");
	http2_close(&client);
	served_stop(&served);
	buffer_free(&body);
	CHECK_INT(memory_meter_held(&memory), 0);
}

// It is not the client that is too slow.
TEST(an_upload_that_waited_in_vain_is_refused_for_lack_of_memory) {
	static const struct server_timeouts timeouts = {30000, 50, 30000, 30000};
	for (int http2 = 0; http2 < 2; http2++) {
		struct memory_meter memory;
		struct server_limits limits = quick_limits;
		struct served served;
		struct client client;
		struct http2_client streams;
		struct buffer body;
		int32_t id = 0;
		buffer_init(&body, 1 << 20);
		append_run(&body, 500000);
		memory_meter_init(&memory, 1 << 20);
		limits.memory = &memory;
		served_start(&served, &limits, &timeouts, NULL);
		if (http2) {
			http2_open(&streams, &served, 100000);
			streams.upload = slice_of(body.ptr, 100);
			streams.upload_ends = false;
			id = http2_ask(&streams, "POST", "/a", "content-length", "600000");
		} else {
			client_open(&client, &served);
			client_send(&client, SLICE(POST("/a", "Content-Length: 600000\r\n") "x"));
		}
		UNTIL(&served, memory_meter_held(&memory) > 0);
		memory_meter_charge(&memory, 1 << 20);
		if (http2) {
			http2_send_more(&streams, id, buffer_slice(&body), false);
			UNTIL(&served, got_of(&streams, id)->status == 429);
			http2_close(&streams);
		} else {
			client_send(&client, buffer_slice(&body));
			GOT(&client, "429 refused|");
			client_close(&client);
		}
		memory_meter_release(&memory, 1 << 20);
		served_stop(&served);
		buffer_free(&body);
		CHECK_INT(memory_meter_held(&memory), 0);
	}
}

// They hold all memory, need no more of it, and drip. New requests are refused, and so is one of them.
TEST(bodies_that_drip_do_not_keep_out_new_requests) {
	enum { DRIPS = 2, SENT = 1200000 };
	struct memory_meter memory;
	struct server_limits limits = quick_limits;
	struct served served;
	struct client drips[DRIPS], newcomer;
	struct buffer body;
	memory_meter_init(&memory, DRIPS * UPLOAD_BYTES);
	limits.memory = &memory;
	limits.body_bytes = UPLOAD_BYTES;
	limits.rate.period_ms = 20;
	buffer_init(&body, UPLOAD_BYTES);
	append_run(&body, UPLOAD_BYTES);
	served_start(&served, &limits, &patient, NULL);
	for (int i = 0; i < DRIPS; i++) {
		client_open(&drips[i], &served);
		client_send(&drips[i], SLICE(POST("/a", "Content-Length: 2000000\r\n")));
		client_send(&drips[i], slice_of(body.ptr, SENT));
	}
	UNTIL(&served, memory_meter_held(&memory) == DRIPS * UPLOAD_BYTES);
	size_t refused = 0;
	for (bool is_served = false; !is_served && !check_failures_in_test; refused++) {
		client_open(&newcomer, &served);
		client_send(&newcomer, SLICE(POST("/b", "Content-Length: 3000\r\n")));
		settle(&served);
		if (newcomer.in.len == 0)
			client_send(&newcomer, slice_of(body.ptr, 3000));
		UNTIL(&served, newcomer.in.len > 0);
		is_served = slice_equal(client_got(&newcomer, false), SLICE("200 /b|"));
		client_close(&newcomer);
		for (int i = 0; i < DRIPS; i++)
			client_send(&drips[i], SLICE("x"));
		CHECK(refused < 40000);
	}
	CHECK(refused > 1);
	CHECK_INT(drips[0].ended + drips[1].ended, 1);
	CHECK_SLICE(client_got(&drips[drips[1].ended ? 1 : 0], false), SLICE("429 refused|"));
	for (int i = 0; i < DRIPS; i++)
		client_close(&drips[i]);
	served_stop(&served);
	buffer_free(&body);
	CHECK_INT(memory_meter_held(&memory), 0);
}

int main(void) {
	RUN(counts_what_it_holds_and_nothing_when_idle);
	RUN(counts_large_heads);
	RUN(without_memory_large_heads_are_refused);
	RUN(on_http2_large_heads_are_refused_too);
	RUN(without_memory_bodies_wait_or_are_refused);
	RUN(of_bodies_half_come_the_youngest_is_refused);
	RUN(uploads_at_once_all_end);
	RUN(on_http2_the_youngest_of_them_is_refused_too);
	RUN(without_memory_an_upload_on_http2_waits);
	RUN(an_upload_that_waited_in_vain_is_refused_for_lack_of_memory);
	RUN(bodies_that_drip_do_not_keep_out_new_requests);
	return check_summary();
}

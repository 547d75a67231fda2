// SPDX-License-Identifier: Apache-2.0
// The memory that a server holds for its clients is counted, is exactly zero with idle connections only, and doesn't
// grow once the limit is reached.
#include "served.h"

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

int main(void) {
	RUN(counts_what_it_holds_and_nothing_when_idle);
	RUN(without_memory_bodies_wait_or_are_refused);
	return check_summary();
}

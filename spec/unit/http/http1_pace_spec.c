// SPDX-License-Identifier: Apache-2.0
// Clients that are slow, read late or leave: back-pressure, notifications, and which time limit ends what.
#include "served.h"

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
	server_response_start(served.held[0], 200, (struct headers){0}, -1);
	for (bool more = true; more && written < (64 << 20); written += piece.len) {
		more = server_response_write(served.held[0], buffer_slice(&piece));
		settle(&served);
	}
	CHECK(written < (64 << 20));
	CHECK_INT(served.writable, 0);
	for (int i = 0; i < 3; i++, written += piece.len)
		CHECK(!server_response_write(served.held[0], buffer_slice(&piece)));
	socket_want_read(client.socket, true);
	UNTIL(&served, served.writable == 1);
	settle(&served);
	CHECK_INT(served.writable, 1);
	CHECK(server_response_write(served.held[0], SLICE("end")));
	server_response_end(served.held[0]);
	UNTIL(&served, served.requests == 2 && slice_ends(client_got(&client, false), SLICE("end|200 /after|")));
	CHECK_INT(client_got(&client, false).len, 4 + written + 4 + strlen("200 /after|"));
	client_close(&client);
	served_stop(&served);
	buffer_free(&piece);
}

TEST(stops_responding_to_a_client_that_does_not_read) {
	// Each response is 8 KB; the client requests 16 MB of them and reads none at first.
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

TEST(reports_at_once_that_a_client_is_gone) {
	for (int leave = CLOSE; leave <= HALF_CLOSE; leave++) {
		for (int state = 0; state < 3; state++) {
			// 0: no response yet; 1: a response has begun; 2: as 0, and more was pipelined than is kept, but no more
			// than the kernel takes (an end after a full buffer isn't noticed).
			struct served served;
			struct client client;
			served_start(&served, &quick_limits, &patient, NULL);
			client_open(&client, &served);
			client_send(&client, SLICE(GET("/hold")));
			UNTIL(&served, served.held_count == 1);
			if (state == 1)
				server_response_start(served.held[0], 200, (struct headers){0}, -1);
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

TEST(sends_finished_responses_to_a_client_that_ended_its_half) {
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
	server_respond(served.held[0], 200, (struct headers){0}, buffer_slice(&body));
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

// Which limit ends what; all other limits are long.
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

TEST(waits_for_a_slow_body_while_bytes_arrive) {
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

// The client's idle time begins when it has read everything.
TEST(waits_for_a_slow_reader) {
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
	server_respond(served.held[0], 200, (struct headers){0}, buffer_slice(&body));
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

// The time limit for a client that doesn't read.
TEST(closes_on_a_client_that_does_not_read) {
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
			server_response_start(served.held[0], 200, (struct headers){0}, -1);
			CHECK(!server_response_write(served.held[0], buffer_slice(&body)));
			UNTIL(&served, served.gone == 1);
		} else {
			server_respond(served.held[0], 200, (struct headers){0}, buffer_slice(&body));
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

static const struct least_rate in_a_moment = {500, 40};

static struct server_limits limits_with(struct least_rate rate) {
	struct server_limits limits = quick_limits;
	limits.rate = rate;
	return limits;
}

TEST(refuses_a_body_that_drips) {
	struct server_limits limits = limits_with(in_a_moment);
	struct buffer whole;
	buffer_init(&whole, 1 << 16);
	for (int i = 0; i < 2000; i++)
		buffer_append(&whole, SLICE("1\r\na\r\n"));
	buffer_append_byte(&whole, 0);
	for (int chunked = 0; chunked < 2; chunked++) {
		struct served served;
		struct client client;
		struct drip drip;
		served_start(&served, &limits, &patient, NULL);
		client_open(&client, &served);
		client_send(&client, chunked ? SLICE(POST("/echo", "Transfer-Encoding: chunked\r\n"))
		                             : SLICE(POST("/echo", "Content-Length: 9000\r\n")));
		drip_start(&drip, &served, &client, whole.ptr, 4);
		UNTIL(&served, client.ended || client.broken);
		GOT(&client, "408 refused|");
		CHECK_INT(served.requests, 0);
		timer_stop(&drip.timer);
		client_close(&client);
		served_stop(&served);
	}
	buffer_free(&whole);
}

// Reads at most 64 KB each millisecond.
struct sip {
	struct timer timer;
	struct client *client;
	size_t bytes;
};

static void on_sip(void *owner) {
	struct sip *sip = owner;
	char bytes[65536];
	ssize_t count = socket_read(sip->client->socket, bytes, sizeof bytes);
	sip->bytes += count > 0 ? (size_t)count : 0;
	sip->client->broken |= count == SOCKET_BROKEN;
	if (!sip->client->broken)
		timer_start(&sip->timer, 1);
}

TEST(cuts_off_a_client_that_reads_slowly) {
	// That pace is too slow for the first rate only.
	static const struct least_rate rates[] = {{1000000000, 20}, {1000, 20}};
	enum { BYTES = 32 << 20 };
	struct buffer body;
	buffer_init(&body, BYTES);
	append_run(&body, BYTES);
	for (size_t i = 0; i < 2; i++) {
		struct server_limits limits = limits_with(rates[i]);
		struct served served;
		struct client client;
		struct sip sip = {.client = &client};
		served_start(&served, &limits, &patient, NULL);
		client_open(&client, &served);
		client_send(&client, SLICE(GET("/hold")));
		UNTIL(&served, served.held_count == 1);
		socket_want_read(client.socket, false);
		server_response_start(served.held[0], 200, (struct headers){0}, BYTES);
		server_response_write(served.held[0], buffer_slice(&body));
		timer_init(&sip.timer, served.loop, on_sip, &sip);
		timer_start(&sip.timer, 1);
		if (i == 0) {
			UNTIL(&served, client.broken);
			CHECK_INT(served.gone, 1);
			CHECK(sip.bytes < BYTES);
		} else {
			UNTIL(&served, sip.bytes > BYTES);
			server_response_end(served.held[0]);
		}
		timer_stop(&sip.timer);
		client_close(&client);
		served_stop(&served);
	}
	buffer_free(&body);
}

struct slow_model {
	struct timer timer;
	struct served *served;
	int pieces;
};

static void on_piece(void *owner) {
	struct slow_model *model = owner;
	if (model->pieces-- > 0) {
		server_response_write(model->served->held[0], SLICE("piece"));
		timer_start(&model->timer, 10);
	} else {
		server_response_end(model->served->held[0]);
	}
}

// No time counts in which nothing waits for the client.
TEST(a_slow_model_is_not_the_client_s_fault) {
	struct server_limits limits = limits_with((struct least_rate){1000000000, 150});
	struct served served;
	struct client client;
	struct slow_model model = {.served = &served, .pieces = 40};
	served_start(&served, &limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/hold")));
	UNTIL(&served, served.held_count == 1);
	server_response_start(served.held[0], 200, (struct headers){0}, 200);
	timer_init(&model.timer, served.loop, on_piece, &model);
	timer_start(&model.timer, 1);
	UNTIL(&served, slice_ends(client_got(&client, false), SLICE("piece|")));
	CHECK_INT(served.gone, 0);
	client_close(&client);
	served_stop(&served);
}

int main(void) {
	RUN(holds_back_a_writer_whose_client_does_not_read);
	RUN(stops_responding_to_a_client_that_does_not_read);
	RUN(reports_at_once_that_a_client_is_gone);
	RUN(sends_finished_responses_to_a_client_that_ended_its_half);
	RUN(limits_time);
	RUN(waits_for_a_slow_body_while_bytes_arrive);
	RUN(waits_for_a_slow_reader);
	RUN(closes_on_a_client_that_does_not_read);
	RUN(refuses_a_body_that_drips);
	RUN(cuts_off_a_client_that_reads_slowly);
	RUN(a_slow_model_is_not_the_client_s_fault);
	return check_summary();
}

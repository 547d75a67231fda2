// SPDX-License-Identifier: Apache-2.0
// The server around its connections: where it listens, how many it accepts, how it drains and closes, and that ten
// thousand requests leave nothing behind.
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "served.h"

static void check_responds_on(const char *address) {
	struct served served;
	struct client client;
	served_start(&served, &quick_limits, &patient, address);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/a")));
	UNTIL(&served, slice_equal(client_got(&client, false), SLICE("200 /a|")));
	client_close(&client);
	served_stop(&served);
}

static bool has_v6(void) {
	struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int descriptor = socket(AF_INET6, SOCK_STREAM, 0);
	bool good = descriptor >= 0 && bind(descriptor, (struct sockaddr *)&name, sizeof name) == 0;
	close(descriptor);
	return good;
}

static char folder[] = "/tmp/signalbox-spec-XXXXXX";

// "unix:FOLDER/NAME", valid until the fourth call from now.
static const char *unix_address(const char *name) {
	static char texts[4][200];
	static size_t next;
	char *text = texts[next++ % 4];
	snprintf(text, sizeof texts[0], "unix:%s/%s", folder, name);
	return text;
}

TEST(listens_on_addresses_of_every_kind) {
	check_responds_on("127.0.0.1:0");
	check_responds_on("localhost:0");
	check_responds_on("0.0.0.0:0");
	check_responds_on(unix_address("plain"));
	if (has_v6())
		check_responds_on("[::1]:0");
	else
		printf("skipped: no IPv6 here\n");
}

TEST(reports_its_addresses) {
	struct served served;
	const char *message;
	served_start(&served, &quick_limits, &patient, NULL);
	CHECK_INT(server_listen(served.server, unix_address("second"), false, &message), 0);
	CHECK(slice_starts(slice_from(server_address(served.server, 0)), SLICE("127.0.0.1:")));
	CHECK(port_of(server_address(served.server, 0)) > 0);
	CHECK_STRING(server_address(served.server, 1), unix_address("second"));
	CHECK(server_address(served.server, 2) == NULL);
	served_stop(&served);
}

TEST(refuses_addresses_with_a_reason) {
	static const struct {
		const char *address;
		int code;
		const char *message;
	} cases[] = {
	    {"", ERROR_INVALID, "\"\" is no address: HOST:PORT, [V6]:PORT or unix:/path"},
	    {"8080", ERROR_INVALID, "\"8080\" is no address: HOST:PORT, [V6]:PORT or unix:/path"},
	    {":8080", ERROR_INVALID, "\":8080\" is no address: HOST:PORT, [V6]:PORT or unix:/path"},
	    {"::1:80", ERROR_INVALID, "\"::1:80\" is no address: HOST:PORT, [V6]:PORT or unix:/path"},
	    {"127.0.0.1:", ERROR_INVALID, "\"127.0.0.1:\" is no address: HOST:PORT, [V6]:PORT or unix:/path"},
	    {"127.0.0.1:65536", ERROR_INVALID, "\"127.0.0.1:65536\" is no address: HOST:PORT, [V6]:PORT or unix:/path"},
	    {"127.0.0.1:8x", ERROR_INVALID, "\"127.0.0.1:8x\" is no address: HOST:PORT, [V6]:PORT or unix:/path"},
	    {"unix:", ERROR_INVALID, "\"unix:\" is no address: the path is empty or too long"},
	    {"unix:/nowhere/at/all", ERROR_IO, "unix:/nowhere/at/all: No such file or directory"},
	    {"192.0.2.1:80", ERROR_IO, "192.0.2.1:80 is no address of this machine"},
	};
	struct served served;
	served_start(&served, &quick_limits, &patient, NULL);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *message = NULL;
		CHECK_INT(server_listen(served.server, cases[i].address, false, &message), cases[i].code);
		CHECK_STRING(message, cases[i].message);
		message = NULL;
		CHECK_INT(server_probe(cases[i].address, &message), cases[i].code);
		CHECK_STRING(message, cases[i].message);
	}
	served_stop(&served);
}

TEST(knows_a_port_in_use) {
	struct served served;
	const char *message;
	char expected[200], address[100];
	served_start(&served, &quick_limits, &patient, NULL);
	snprintf(address, sizeof address, "%s", server_address(served.server, 0));
	snprintf(expected, sizeof expected, "%s is in use", address);
	CHECK_INT(server_probe(address, &message), ERROR_IN_USE);
	CHECK_STRING(message, expected);
	CHECK_INT(server_listen(served.server, address, false, &message), ERROR_IN_USE);
	CHECK_STRING(message, expected);
	CHECK_INT(server_listen(served.server, address, true, &message), ERROR_IN_USE);
	served_stop(&served);
	CHECK_INT(server_probe(address, &message), 0);
}

// Workers of one process share the address; for others it is in use.
static void shares(const char *first_address) {
	struct served served;
	const char *message = "";
	char address[200];
	served_start(&served, &quick_limits, &patient, NULL);
	CHECK_INT(server_listen(served.server, first_address, true, &message), 0);
	snprintf(address, sizeof address, "%s", server_address(served.server, 1));
	struct server *other = server_new(served.loop, &quick_limits, &patient, &served_events, &served);
	CHECK_INT(server_listen(other, address, true, &message), 0);
	CHECK_INT(server_probe(address, &message), ERROR_IN_USE);
	CHECK_INT(server_listen(other, address, false, &message), ERROR_IN_USE);
	for (int i = 0; i < 50; i++) {
		// The kernel picks the listener; either responds, even after the first was closed.
		struct client client;
		client_adopt(&client, &served, connect_to(address));
		client_send(&client, SLICE(GET("/a")));
		UNTIL(&served, slice_equal(client_got(&client, false), SLICE("200 /a|")));
		client_close(&client);
		if (i == 25) {
			server_close(served.server);
			served.server = other;
		}
	}
	served_stop(&served);
	CHECK_INT(server_probe(address, &message), 0);
}

TEST(shares_an_address_between_workers) {
	shares("127.0.0.1:0");
	shares(unix_address("shared"));
}

TEST(keeps_a_unix_socket_to_its_user) {
	struct served served;
	struct stat status;
	const char *address = unix_address("private");
	mode_t umask_before = umask(0);
	served_start(&served, &quick_limits, &patient, address);
	umask(umask_before);
	CHECK_INT(stat(address + 5, &status), 0);
	CHECK_INT(status.st_mode & 07777, 0600);
	served_stop(&served);
	CHECK_INT(stat(address + 5, &status), -1);
}

TEST(replaces_a_dead_unix_socket_and_nothing_else) {
	const char *address = unix_address("used"), *message;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof name.sun_path, "%s", address + 5);
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_INT(bind(descriptor, (struct sockaddr *)&name, sizeof name), 0);
	CHECK_INT(listen(descriptor, 1), 0);
	char expected[300];
	snprintf(expected, sizeof expected, "%s is in use", address);
	CHECK_INT(server_probe(address, &message), ERROR_IN_USE);
	CHECK_STRING(message, expected);
	close(descriptor);
	CHECK_INT(access(address + 5, F_OK), 0);
	check_responds_on(address);

	int file = open(address + 5, O_CREAT | O_WRONLY, 0600);
	close(file);
	snprintf(expected, sizeof expected, "%s: the file is there and is no socket", address);
	CHECK_INT(server_probe(address, &message), ERROR_IN_USE);
	CHECK_STRING(message, expected);
	CHECK_INT(unlink(address + 5), 0);
}

TEST(accepts_no_more_connections_than_its_limit) {
	struct server_limits limits = quick_limits;
	struct served served;
	struct client clients[4];
	limits.connections = 2;
	served_start(&served, &limits, &patient, NULL);
	for (int i = 0; i < 4; i++) {
		client_open(&clients[i], &served);
		client_send(&clients[i], SLICE(GET("/hold")));
	}
	UNTIL(&served, served.held_count == 2);
	settle(&served);
	CHECK_INT(server_connections(served.server), 2);
	CHECK_INT(served.requests, 2);
	client_close(&clients[0]);
	UNTIL(&served, served.held_count == 3);
	settle(&served);
	CHECK_INT(server_connections(served.server), 2);
	CHECK_INT(served.requests, 3);
	client_close(&clients[1]);
	UNTIL(&served, served.held_count == 4);
	client_close(&clients[2]);
	client_close(&clients[3]);
	served_stop(&served);
}

TEST(replaces_idle_clients_by_new_ones) {
	struct server_limits limits = quick_limits;
	struct served served;
	struct client clients[5];
	limits.connections = 3;
	served_start(&served, &limits, &patient, NULL);
	for (int i = 0; i < 3; i++) {
		client_open(&clients[i], &served);
		client_send(&clients[i], i == 1 ? SLICE(GET("/hold")) : SLICE(GET("/a")));
		UNTIL(&served, i == 1 ? served.held_count == 1 : clients[i].in.len > 0);
	}
	// The longest idle is closed first, then the other; the busy one stays.
	client_open(&clients[3], &served);
	client_send(&clients[3], SLICE(GET("/hold")));
	UNTIL(&served, served.held_count == 2 && clients[0].ended);
	CHECK(!clients[2].ended && !clients[0].broken);
	client_open(&clients[4], &served);
	client_send(&clients[4], SLICE(GET("/hold")));
	UNTIL(&served, served.held_count == 3 && clients[2].ended);
	CHECK_INT(server_connections(served.server), 3);
	for (int i = 0; i < 3; i++)
		server_respond(served.held[i], 200, (struct headers){0}, SLICE("done"));
	UNTIL(&served, clients[1].in.len && clients[3].in.len && clients[4].in.len);
	CHECK_SLICE(client_got(&clients[1], false), SLICE("200 done|"));
	CHECK_INT(served.gone, 0);
	for (int i = 0; i < 5; i++)
		client_close(&clients[i]);
	served_stop(&served);
}

// Clients that arrive together all get a response, whatever the limit.
TEST(responds_to_each_of_a_crowd) {
	enum { CLIENTS = 60 };
	struct server_limits limits = quick_limits;
	struct served served;
	struct client clients[CLIENTS];
	limits.connections = 3;
	served_start(&served, &limits, &patient, NULL);
	for (int i = 0; i < CLIENTS; i++) {
		client_open(&clients[i], &served);
		client_send(&clients[i], SLICE(GET("/a")));
	}
	UNTIL(&served, served.requests == CLIENTS);
	for (int i = 0; i < CLIENTS; i++) {
		UNTIL(&served, clients[i].in.len || clients[i].ended || clients[i].broken);
		CHECK_SLICE(client_got(&clients[i], false), SLICE("200 /a|"));
	}
	CHECK(server_connections(served.server) <= 3);
	for (int i = 0; i < CLIENTS; i++)
		client_close(&clients[i]);
	served_stop(&served);
}

static rlim_t lowest_free_descriptor(void) {
	int descriptor = dup(0);
	close(descriptor);
	return (rlim_t)descriptor;
}

static void on_moment(void *owner) {
	*(bool *)owner = true;
}

TEST(survives_a_lack_of_descriptors) {
	struct served served;
	struct client client;
	struct rlimit before, tight;
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&client, &served);
	client_send(&client, SLICE(GET("/a")));
	getrlimit(RLIMIT_NOFILE, &before);
	tight = before;
	tight.rlim_cur = lowest_free_descriptor();
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &tight), 0);
	log_configure(LOG_OFF, LOG_TEXT);
	bool passed = false;
	size_t turns = 0;
	struct timer moment;
	timer_init(&moment, served.loop, on_moment, &passed);
	timer_start(&moment, 50);
	// Without the pause the loop would turn many thousand times.
	while (!passed) {
		uv_run(loop_uv(served.loop), UV_RUN_ONCE);
		turns++;
	}
	CHECK(turns < 200);
	CHECK_INT(server_connections(served.server), 0);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
	UNTIL(&served, slice_equal(client_got(&client, false), SLICE("200 /a|")));
	log_configure(LOG_INFO, LOG_TEXT);
	client_close(&client);
	served_stop(&served);
}

TEST(drains) {
	struct served served;
	struct client idle, busy, streaming, sending;
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&idle, &served);
	client_open(&busy, &served);
	client_open(&streaming, &served);
	client_open(&sending, &served);
	client_send(&idle, SLICE(GET("/a")));
	client_send(&busy, SLICE(GET("/hold/busy")));
	UNTIL(&served, idle.in.len && served.held_count == 1);
	client_send(&streaming, SLICE(GET("/hold/streaming")));
	client_send(&sending, SLICE("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx"));
	UNTIL(&served, served.held_count == 2 && sending.out.len == 0);
	settle(&served);
	server_response_start(served.held[1], 200, (struct headers){0}, -1);
	server_drain(served.server, served_on_drained, &served);
	UNTIL(&served, idle.ended);
	settle(&served);
	CHECK_INT(served.drained, 0);
	CHECK_INT(server_connections(served.server), 3);
	CHECK_INT(server_calls(served.server), 2);

	client_send(&sending, SLICE("y"));
	UNTIL(&served, sending.ended);
	CHECK_SLICE(client_got(&sending, false), SLICE("200 /b|"));
	CHECK(memmem(sending.in.ptr, sending.in.len, "connection: close\r\n", 19));
	server_respond(served.held[0], 200, (struct headers){0}, SLICE("late"));
	UNTIL(&served, busy.ended);
	CHECK_SLICE(client_got(&busy, false), SLICE("200 late|"));
	CHECK(memmem(busy.in.ptr, busy.in.len, "connection: close\r\n", 19));
	server_response_write(served.held[1], SLICE("later"));
	server_response_end(served.held[1]);
	UNTIL(&served, streaming.ended);
	CHECK_SLICE(client_got(&streaming, false), SLICE("200 later|"));
	client_close(&idle);
	client_close(&busy);
	client_close(&streaming);
	CHECK_INT(served.drained, 0);
	client_close(&sending);
	UNTIL(&served, served.drained == 1);
	settle(&served);
	CHECK_INT(served.drained, 1);
	CHECK_INT(served.gone, 0);
	served_stop(&served);
}

// Clients that are connected or wait to be accepted have half a second to send a request.
TEST(serves_requests_on_their_way_while_draining) {
	struct served served;
	struct client idle, silent, waiting;
	served_start(&served, &quick_limits, &patient, NULL);
	client_open(&idle, &served);
	client_open(&silent, &served);
	client_send(&idle, SLICE(GET("/a")));
	UNTIL(&served, slice_equal(client_got(&idle, false), SLICE("200 /a|")));
	UNTIL(&served, server_connections(served.server) == 2);
	client_open(&waiting, &served);
	server_drain(served.server, served_on_drained, &served);
	CHECK_INT(server_connections(served.server), 3);
	client_send(&idle, SLICE(GET("/b")));
	client_send(&silent, SLICE(GET("/c")));
	client_send(&waiting, SLICE(GET("/d")));
	UNTIL(&served, idle.ended && silent.ended && waiting.ended);
	CHECK_SLICE(client_got(&idle, false), SLICE("200 /a|200 /b|"));
	CHECK_SLICE(client_got(&silent, false), SLICE("200 /c|"));
	CHECK_SLICE(client_got(&waiting, false), SLICE("200 /d|"));
	CHECK(memmem(idle.in.ptr, idle.in.len, "connection: close\r\n", 19));
	client_close(&idle);
	client_close(&silent);
	client_close(&waiting);
	UNTIL(&served, served.drained == 1);
	served_stop(&served);
}

TEST(drains_at_once_without_connections) {
	struct served served;
	const char *message;
	char address[100];
	served_start(&served, &quick_limits, &patient, NULL);
	snprintf(address, sizeof address, "%s", server_address(served.server, 0));
	server_drain(served.server, served_on_drained, &served);
	CHECK_INT(served.drained, 0);
	UNTIL(&served, served.drained == 1);
	CHECK_INT(server_probe(address, &message), 0);
	served_stop(&served);
}

TEST(closes_everything_that_is_open) {
	struct served served;
	struct client clients[4];
	served_start(&served, &quick_limits, &patient, NULL);
	for (int i = 0; i < 4; i++)
		client_open(&clients[i], &served);
	client_send(&clients[1], SLICE(GET("/hold/1")));
	client_send(&clients[2], SLICE(GET("/hold/2")));
	client_send(&clients[3], SLICE("GET /half"));
	UNTIL(&served, served.held_count == 2);
	settle(&served);
	server_response_start(served.held[1], 200, (struct headers){0}, -1);
	server_close(served.server);
	served.server = NULL;
	CHECK_INT(served.gone, 2);
	UNTIL(&served, (clients[0].ended || clients[0].broken) && clients[1].broken && clients[2].broken);
	for (int i = 0; i < 4; i++)
		client_close(&clients[i]);
	served_stop(&served);
}

// Closing is allowed from within any callback of the server.
TEST(closes_from_within_a_request) {
	for (int pipelined = 0; pipelined < 2; pipelined++) {
		struct served served;
		struct client client, other;
		served_start(&served, &quick_limits, &patient, NULL);
		served.close_on_request = true;
		client_open(&client, &served);
		client_open(&other, &served);
		client_send(&client, pipelined ? SLICE(GET("/a") GET("/b") "GET /c") : SLICE(GET("/a")));
		UNTIL(&served, client.broken);
		UNTIL(&served, other.ended || other.broken);
		CHECK_INT(served.requests, 1);
		CHECK_INT(served.gone, 1);
		client_close(&client);
		client_close(&other);
		served_stop(&served);
	}
}

static size_t open_descriptors(void) {
	size_t count = 0;
	DIR *list = opendir("/proc/self/fd");
	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

// One request of ten thousand: a response of any kind, at once or later, or a client that leaves at some point.
static void run_random(struct served *served, struct random_source *random, struct client *clients, size_t count) {
	static const char *const requests[] = {
	    GET("/a"),
	    GET("/stream"),
	    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
	    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	    GET("/empty"),
	    "GET /a HTTP/1.0\r\n\r\n",
	    GET("/hold"),
	    "GET / HTTP/1.1\r\n\r\n",
	    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Le",
	};
	struct client *client = &clients[random_below(random, count)];
	if (client->ended || client->broken || random_below(random, 50) == 0) {
		if (random_below(random, 2))
			client_close(client);
		else
			client_reset(client);
		client_open(client, served);
	}
	client_send(client, slice_from(requests[random_below(random, sizeof requests / sizeof *requests)]));
	if (random_below(random, 4) == 0)
		settle(served);
	while (served->held_count > 0) {
		struct server_call *call = served->held[--served->held_count];
		if (call == served->gone_call)
			continue;
		server_response_start(call, 200, (struct headers){0}, -1);
		server_response_write(call, SLICE("held"));
		if (random_below(random, 2))
			server_response_end(call);
		else
			server_response_abort(call, random_below(random, 2));
	}
	served->gone_call = NULL;
}

TEST(leaves_nothing_behind) {
	enum { CLIENTS = 20 };
	struct served served;
	struct client clients[CLIENTS];
	struct random_source random;
	random_init(&random, 3);
	size_t descriptors = open_descriptors();
	served_start(&served, &quick_limits, &patient, NULL);
	for (int i = 0; i < CLIENTS; i++)
		client_open(&clients[i], &served);
	while (served.requests < 10000) {
		size_t before = served.requests;
		for (int i = 0; i < 100; i++) {
			served.held_count = 0;
			run_random(&served, &random, clients, CLIENTS);
		}
		UNTIL(&served, served.requests > before);
		buffer_clear(&served.log);
	}
	for (int i = 0; i < CLIENTS; i++)
		client_close(&clients[i]);
	UNTIL(&served, server_connections(served.server) == 0);
	CHECK_INT(server_calls(served.server), 0);
	served_stop(&served);
	CHECK_INT(open_descriptors(), descriptors);
}

// Allocated bytes; 0 under a sanitizer's allocator, which itself checks for leaks.
static size_t allocated(void) {
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

TEST(keeps_idle_connections_small) {
	enum { CLIENTS = 200, LARGE = 16 << 20 };
	struct server_limits limits = quick_limits;
	struct served served;
	struct client *clients = memory_new(CLIENTS, sizeof *clients);
	struct buffer request;
	limits.connections = CLIENTS;
	buffer_init(&request, 1 << 20);
	buffer_printf(&request, "POST /echo HTTP/1.1\r\nHost: a\r\nX-Long: %0*d\r\nContent-Length: 100000\r\n\r\n%0*d",
	              3000, 0, 100000, 0);
	served_start(&served, &limits, &patient, NULL);
	for (int i = 0; i < CLIENTS; i++)
		client_open(&clients[i], &served);
	UNTIL(&served, server_connections(served.server) == CLIENTS);
	size_t before = allocated();
	for (int i = 0; i < CLIENTS; i++) {
		client_send(&clients[i], buffer_slice(&request));
		UNTIL(&served, clients[i].in.len > 100000);
		settle(&served);
		buffer_free(&clients[i].in);
		buffer_free(&clients[i].out);
	}
	for (int i = 0; i < 10; i++) {
		// More than the kernel takes before the client reads.
		char *large = memory_new(1, LARGE);
		served.held_count = 0;
		client_send(&clients[i], SLICE(GET("/hold")));
		UNTIL(&served, served.held_count == 1);
		socket_want_read(clients[i].socket, false);
		server_respond(served.held[0], 200, (struct headers){0}, slice_of(large, LARGE));
		settle(&served);
		socket_want_read(clients[i].socket, true);
		UNTIL(&served, clients[i].in.len > LARGE);
		buffer_free(&clients[i].in);
		buffer_free(&clients[i].out);
		free(large);
	}
	buffer_clear(&served.log);
	size_t after = allocated();
	CHECK(after <= before || (after - before) / CLIENTS < 8192);
	for (int i = 0; i < CLIENTS; i++)
		client_close(&clients[i]);
	served_stop(&served);
	buffer_free(&request);
	free(clients);
}

int main(void) {
	CHECK(mkdtemp(folder) != NULL);
	RUN(listens_on_addresses_of_every_kind);
	RUN(reports_its_addresses);
	RUN(refuses_addresses_with_a_reason);
	RUN(knows_a_port_in_use);
	RUN(shares_an_address_between_workers);
	RUN(keeps_a_unix_socket_to_its_user);
	RUN(replaces_a_dead_unix_socket_and_nothing_else);
	RUN(accepts_no_more_connections_than_its_limit);
	RUN(replaces_idle_clients_by_new_ones);
	RUN(responds_to_each_of_a_crowd);
	RUN(survives_a_lack_of_descriptors);
	RUN(drains);
	RUN(serves_requests_on_their_way_while_draining);
	RUN(drains_at_once_without_connections);
	RUN(closes_everything_that_is_open);
	RUN(closes_from_within_a_request);
	RUN(leaves_nothing_behind);
	RUN(keeps_idle_connections_small);
	CHECK_INT(rmdir(folder), 0);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// How many connections a client may have, and who is one client.
#include "net/client_places.h"
#include "http2_client.h"

static struct client_key key_of(const char *text) {
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(7)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	struct client_key key = {0};
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		CHECK(client_key_of((struct sockaddr *)&v4, &key));
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		CHECK(client_key_of((struct sockaddr *)&v6, &key));
	else
		CHECK(false);
	return key;
}

TEST(a_client_is_an_address_of_ipv4_and_a_64_of_ipv6) {
	static const struct {
		const char *one, *other;
		bool equal, loopback;
	} rows[] = {
	    {"10.0.0.1", "10.0.0.1", true, false},
	    {"10.0.0.1", "10.0.0.2", false, false},
	    {"10.0.0.1", "::ffff:10.0.0.1", true, false},
	    {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true, false},
	    {"2001:db8:1:2::1", "2001:db8:1:3::1", false, false},
	    {"2001:db8::1", "2001:db9::1", false, false},
	    {"127.0.0.1", "127.0.0.1", true, true},
	    {"127.9.9.9", "::ffff:127.9.9.9", true, true},
	    {"::1", "127.0.0.1", false, true},
	    {"128.0.0.1", "126.0.0.1", false, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct client_key one = key_of(rows[i].one), other = key_of(rows[i].other);
		CHECK((one.high == other.high && one.low == other.low) == rows[i].equal);
		CHECK(one.is_loopback == rows[i].loopback && other.is_loopback == rows[i].loopback);
	}
	struct client_key key;
	CHECK(!client_key_of((struct sockaddr *)&(struct sockaddr_un){.sun_family = AF_UNIX}, &key));
}

// Connects from that address of this machine.
static void client_open_from(struct client *client, struct served *served, const char *source) {
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
	inet_pton(AF_INET, source, &from.sin_addr);
	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	to.sin_port = htons(port_of(server_address(served->server, 0)));
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_INT(bind(descriptor, (struct sockaddr *)&from, sizeof from), 0);
	CHECK_INT(connect(descriptor, (struct sockaddr *)&to, sizeof to), 0);
	client_adopt(client, served, descriptor);
}

static void client_is_served(struct client *client, struct served *served) {
	client_send(client, SLICE(GET("/a")));
	UNTIL(served, slice_equal(client_got(client, false), SLICE("200 /a|")));
}

static void client_is_refused(struct client *client, struct served *served) {
	UNTIL(served, client->ended || client->broken);
	CHECK_INT(client->in.len, 0);
	client_close(client);
}

static struct client_places *served_start_with_places(struct served *served, size_t each, const char *address) {
	struct server_limits limits = quick_limits;
	limits.clients = client_places_new(each, each, limits.connections);
	served_start(served, &limits, &patient, address);
	return limits.clients;
}

TEST(a_connection_beyond_a_client_s_places_is_closed) {
	struct served served;
	struct client clients[3], more, other;
	struct client_places *places = served_start_with_places(&served, 3, NULL);
	for (int i = 0; i < 3; i++) {
		client_open(&clients[i], &served);
		client_is_served(&clients[i], &served);
	}
	for (int i = 0; i < 5; i++) {
		client_open(&more, &served);
		client_is_refused(&more, &served);
	}
	CHECK_INT(client_places_refused(places), 5);
	CHECK_INT(server_connections(served.server), 3);
	client_open_from(&other, &served, "127.0.0.2");
	client_is_served(&other, &served);
	client_close(&clients[0]);
	UNTIL(&served, server_connections(served.server) == 3);
	client_open(&clients[0], &served);
	client_is_served(&clients[0], &served);
	for (int i = 0; i < 3; i++)
		client_close(&clients[i]);
	client_close(&other);
	served_stop(&served);
	client_places_free(places);
}

// Its protocol takes the place over, whatever becomes of the connection; freeing the table checks that each is left.
TEST(a_place_is_taken_once_a_connection) {
	struct served served;
	struct client_places *places = served_start_with_places(&served, 1, NULL);
	for (int i = 0; i < 20; i++) {
		struct client client;
		struct http2_client streams;
		if (i % 4 == 0) {
			http2_open(&streams, &served, 100000);
			ANSWERED(&streams, http2_ask(&streams, "GET", "/a", NULL, NULL), "200 /a|");
			http2_close(&streams);
		} else {
			client_open(&client, &served);
			if (i % 4 == 1)
				client_is_served(&client, &served);
			else if (i % 4 == 2)
				client_send(&client, SLICE("PRI * HT"));
			settle(&served);
			client_close(&client);
		}
		UNTIL(&served, server_connections(served.server) == 0);
	}
	CHECK_INT(client_places_refused(places), 0);
	struct client left;
	client_open(&left, &served);
	client_is_served(&left, &served);
	server_close(served.server);
	served.server = NULL;
	client_close(&left);
	served_stop(&served);
	client_places_free(places);
}

TEST(clients_of_unix_sockets_do_not_count) {
	char path[64];
	struct served served;
	struct client clients[5];
	snprintf(path, sizeof path, "unix:/tmp/places-%d", (int)getpid());
	struct client_places *places = served_start_with_places(&served, 1, path);
	for (int i = 0; i < 5; i++) {
		client_open(&clients[i], &served);
		client_is_served(&clients[i], &served);
	}
	for (int i = 0; i < 5; i++)
		client_close(&clients[i]);
	served_stop(&served);
	client_places_free(places);
}

int main(void) {
	RUN(a_client_is_an_address_of_ipv4_and_a_64_of_ipv6);
	RUN(a_connection_beyond_a_client_s_places_is_closed);
	RUN(a_place_is_taken_once_a_connection);
	RUN(clients_of_unix_sockets_do_not_count);
	return check_summary();
}

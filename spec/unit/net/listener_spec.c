// SPDX-License-Identifier: Apache-2.0
// Clients are accepted as long as more descriptors are left than are kept back; and how a limit is divided.
#include "net/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../check.h"
#include "await.h"
#include "base/log.h"
#include "net/descriptor_limit.h"

enum { CLIENTS = 6, ACCEPTED_FIRST = 3 };

struct door {
	struct loop *loop;
	struct listener *listener;
	int accepted[CLIENTS];
	size_t count, wanted;
	int looks;
};

static void on_accepted(void *owner, int descriptor) {
	struct door *door = owner;
	door->accepted[door->count++] = descriptor;
}

static bool has_accepted(void *owner) {
	struct door *door = owner;
	return door->count >= door->wanted;
}

// Longer than the pause of a listener.
static bool has_waited(void *owner) {
	struct door *door = owner;
	return ++door->looks > 250;
}

static int lowest_free(void) {
	int descriptor = dup(STDERR_FILENO);
	close(descriptor);
	return descriptor;
}

static int connect_to(const char *address) {
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_INT(connect(client, (struct sockaddr *)(void *)&to, sizeof to), 0);
	return client;
}

TEST(descriptors_are_kept_back) {
	struct door door = {.loop = loop_new(), .wanted = ACCEPTED_FIRST};
	int clients[CLIENTS];
	const char *message;
	log_configure(LOG_OFF, LOG_TEXT);
	CHECK_INT(listener_new(door.loop, "127.0.0.1:0", false, on_accepted, &door, &door.listener, &message), 0);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = connect_to(listener_address(door.listener));
	listener_keep_back(door.listener, lowest_free() + ACCEPTED_FIRST);
	CHECK(await(door.loop, has_accepted, &door));
	CHECK(await(door.loop, has_waited, &door));
	CHECK_INT(door.count, ACCEPTED_FIRST);
	// Each that is free again is for one more client.
	close(door.accepted[0]);
	door.wanted = ACCEPTED_FIRST + 1;
	CHECK(await(door.loop, has_accepted, &door));
	door.looks = 0;
	CHECK(await(door.loop, has_waited, &door));
	CHECK_INT(door.count, ACCEPTED_FIRST + 1);
	listener_close(door.listener);
	for (size_t i = 1; i < door.count; i++)
		close(door.accepted[i]);
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
	loop_close(door.loop);
	log_configure(LOG_INFO, LOG_TEXT);
}

TEST(a_limit_is_divided) {
	static const struct {
		size_t limit, workers, upstream, clients;
	} rows[] = {
	    {1048576, 2, 1024, 1047504},
	    {1024, 1, 256, 728},
	    {1024, 64, 256, 224},
	    {64, 1, 16, 8},
	    {55, 1, 13, 2},
	    {54, 1, 0, 0},
	    {1, 1, 0, 0},
	    {0, 64, 0, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct descriptor_shares shares = descriptor_limit_divide(rows[i].limit, rows[i].workers);
		CHECK_INT(shares.upstream, rows[i].upstream);
		CHECK_INT(shares.clients, rows[i].clients);
	}
}

int main(void) {
	RUN(descriptors_are_kept_back);
	RUN(a_limit_is_divided);
	return check_summary();
}

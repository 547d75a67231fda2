// SPDX-License-Identifier: Apache-2.0
// Names with several addresses, some of which refuse: the next one is tried at once, and the failure of the last one is
// reported at once. The spec has its own resolver, so that no name server is queried.
#include "../check.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/connect.h"
#include "net/loop.h"

// Each address may take half of the rest of CONNECT_MS, so waiting for one that never responds outlasts the guard.
enum { ADDRESSES = 6, CONNECT_MS = 120000, GUARD_MS = 20000 };

static const char *const *resolved; // ended by NULL

// The linker finds this one before the C library's.
#define SEEN_BY_LIBRARIES __attribute__((visibility("default")))

SEEN_BY_LIBRARIES int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                                  struct addrinfo **list) {
	struct addrinfo **end = list;
	(void)node;
	(void)hints;
	*list = NULL;
	for (size_t i = 0; resolved[i]; i++) {
		struct addrinfo *entry = calloc(1, sizeof *entry);
		struct sockaddr_in *address = calloc(1, sizeof *address);
		if (!entry || !address)
			abort();
		*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(service))};
		inet_pton(AF_INET, resolved[i], &address->sin_addr);
		*entry = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
		entry->ai_addr = (struct sockaddr *)(void *)address;
		entry->ai_addrlen = sizeof *address;
		*end = entry;
		end = &entry->ai_next;
	}
	return *list ? 0 : EAI_NONAME;
}

SEEN_BY_LIBRARIES void freeaddrinfo(struct addrinfo *list) {
	while (list) {
		struct addrinfo *next = list->ai_next;
		free(list->ai_addr);
		free(list);
		list = next;
	}
}

struct attempt {
	struct loop *loop;
	int callbacks;
	bool connected, late;
	enum connect_failure failure;
};

static void on_connected(void *owner, int descriptor, enum connect_failure failure) {
	struct attempt *attempt = owner;
	attempt->callbacks++;
	attempt->connected = descriptor >= 0;
	attempt->failure = failure;
	if (descriptor >= 0)
		close(descriptor);
	loop_stop(attempt->loop);
}

static void on_guard(void *owner) {
	struct attempt *attempt = owner;
	attempt->late = true;
	loop_stop(attempt->loop);
}

static struct attempt try(const char *const *addresses, uint16_t port) {
	struct attempt attempt = {.loop = loop_new()};
	struct connector *connector = connector_new(attempt.loop, NULL);
	struct timer guard;
	resolved = addresses;
	timer_init(&guard, attempt.loop, on_guard, &attempt);
	timer_start(&guard, GUARD_MS);
	struct connecting *connecting =
	    connector_start(connector, false, "several.example", port, CONNECT_MS, on_connected, &attempt);
	CHECK(connecting != NULL);
	if (connecting)
		loop_run(attempt.loop);
	if (connecting && !attempt.callbacks)
		connecting_cancel(connecting);
	timer_stop(&guard);
	connector_free(connector);
	loop_close(attempt.loop);
	return attempt;
}

// Listens on 127.0.0.1 only; other loopback addresses refuse the port.
static int listen_somewhere(uint16_t *port) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(listener, (struct sockaddr *)(void *)&address, size) == 0 && listen(listener, 16) == 0);
	CHECK_INT(getsockname(listener, (struct sockaddr *)(void *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return listener;
}

TEST(addresses_that_refuse_cost_no_time) {
	static const struct {
		const char *addresses[ADDRESSES + 1];
		bool connects;
		enum connect_failure failure;
	} rows[] = {
	    {{"127.0.0.1"}, true, 0},
	    {{"127.0.0.2", "127.0.0.1"}, true, 0},
	    {{"127.0.0.2", "127.0.0.3", "127.0.0.1"}, true, 0},
	    {{"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.1"}, true, 0},
	    {{"127.0.0.2"}, false, CONNECT_REFUSED},
	    {{"127.0.0.2", "127.0.0.3", "127.0.0.4"}, false, CONNECT_REFUSED},
	    {{NULL}, false, CONNECT_NOT_RESOLVED},
	};
	uint16_t port;
	int listener = listen_somewhere(&port);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int failures = check_failures_in_test;
		struct attempt attempt = try(rows[i].addresses, port);
		CHECK(!attempt.late);
		CHECK_INT(attempt.callbacks, 1);
		CHECK_INT(attempt.connected, rows[i].connects);
		if (!rows[i].connects)
			CHECK_INT(attempt.failure, rows[i].failure);
		if (check_failures_in_test > failures)
			printf("  row %zu\n", i);
	}
	close(listener);
}

int main(void) {
	RUN(addresses_that_refuse_cost_no_time);
	return check_summary();
}

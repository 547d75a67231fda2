// SPDX-License-Identifier: Apache-2.0
// Names with several addresses, some of which refuse: the next one is tried at once, and the failure of the last one is
// reported at once. The spec has its own resolver, so that no name server is queried.
#include "../check.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "net/connect.h"
#include "net/loop.h"

// Each address may take half of the rest of CONNECT_MS, so waiting for one that never responds outlasts the guard.
enum { ADDRESSES = 6, CONNECT_MS = 120000, GUARD_MS = 20000 };

static const char *const *resolved; // ended by NULL
static struct rlimit *leaves_none;  // resolving leaves no descriptor; NULL: it does

// The linker finds this one before the C library's.
#define SEEN_BY_LIBRARIES __attribute__((visibility("default")))

SEEN_BY_LIBRARIES int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                                  struct addrinfo **list) {
	struct addrinfo **end = list;
	(void)node;
	(void)hints;
	*list = NULL;
	if (leaves_none) {
		leaves_none->rlim_cur = 0;
		setrlimit(RLIMIT_NOFILE, leaves_none);
	}
	for (size_t i = 0; resolved[i]; i++) {
		bool is_v6 = strchr(resolved[i], ':') != NULL;
		struct addrinfo *entry = calloc(1, sizeof *entry);
		struct sockaddr_in *v4 = calloc(1, sizeof(struct sockaddr_in6));
		struct sockaddr_in6 *v6 = (void *)v4;
		if (!entry || !v4)
			abort();
		if (is_v6)
			*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(service))};
		else
			*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(service))};
		inet_pton(is_v6 ? AF_INET6 : AF_INET, resolved[i], is_v6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr);
		*entry = (struct addrinfo){
		    .ai_family = is_v6 ? AF_INET6 : AF_INET, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
		entry->ai_addr = (struct sockaddr *)(void *)v4;
		entry->ai_addrlen = is_v6 ? sizeof *v6 : sizeof *v4;
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

// What the system refuses libcurl and the code under test.
static int refused_socket, refused_connect; // errno; 0: nothing
static bool refuses_threads;

SEEN_BY_LIBRARIES int socket(int family, int type, int protocol) {
	if (!refused_socket)
		return (int)syscall(SYS_socket, family, type, protocol);
	errno = refused_socket;
	return -1;
}

SEEN_BY_LIBRARIES int connect(int descriptor, const struct sockaddr *address, socklen_t size) {
	if (!refused_connect)
		return (int)syscall(SYS_connect, descriptor, address, size);
	errno = refused_connect;
	return -1;
}

SEEN_BY_LIBRARIES int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                                     void *argument) {
	typedef int create_thread(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	create_thread *next = (create_thread *)dlsym(RTLD_NEXT, "pthread_create");
	return refuses_threads ? EAGAIN : next(thread, attributes, run, argument);
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
	struct connecting *connecting = connector_start(connector, false, "several.example", port, CONNECT_MS, on_connected,
	                                                &attempt, &attempt.failure);
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

// What this process lacks is no failure of the upstream's.
TEST(a_lack_has_a_failure_of_its_own) {
	static const struct {
		const char *addresses[ADDRESSES + 1];
		int refused_socket, refused_connect;
		bool refuses_threads;
		enum connect_failure failure;
	} rows[] = {
	    {{"127.0.0.1"}, EMFILE, 0, false, CONNECT_EXHAUSTED},
	    {{"127.0.0.1"}, ENFILE, 0, false, CONNECT_EXHAUSTED},
	    {{"127.0.0.1"}, ENOBUFS, 0, false, CONNECT_EXHAUSTED},
	    {{"127.0.0.1"}, ENOMEM, 0, false, CONNECT_EXHAUSTED},
	    {{"127.0.0.1"}, EAFNOSUPPORT, 0, false, CONNECT_FAILED},
	    {{"127.0.0.1"}, 0, EADDRNOTAVAIL, false, CONNECT_EXHAUSTED},
	    {{"127.0.0.1", "127.0.0.2"}, 0, EADDRNOTAVAIL, false, CONNECT_EXHAUSTED},
	    {{"::1"}, 0, EADDRNOTAVAIL, false, CONNECT_FAILED},
	    {{"127.0.0.1", "::1"}, 0, EADDRNOTAVAIL, false, CONNECT_FAILED},
	    {{"127.0.0.1"}, 0, ENETUNREACH, false, CONNECT_FAILED},
	    {{"127.0.0.1"}, 0, ECONNREFUSED, false, CONNECT_REFUSED},
	    {{"127.0.0.1"}, 0, 0, true, CONNECT_EXHAUSTED},
	};
	log_configure(LOG_OFF, LOG_TEXT);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int failures = check_failures_in_test;
		refused_socket = rows[i].refused_socket;
		refused_connect = rows[i].refused_connect;
		refuses_threads = rows[i].refuses_threads;
		struct attempt attempt = try(rows[i].addresses, 1);
		CHECK_INT(attempt.callbacks, 1);
		CHECK(!attempt.late && !attempt.connected);
		CHECK_INT(attempt.failure, rows[i].failure);
		if (check_failures_in_test > failures)
			printf("  row %zu\n", i);
	}
	refused_socket = refused_connect = 0;
	refuses_threads = false;
	log_configure(LOG_INFO, LOG_TEXT);
}

// A resolver without a descriptor says no more than that the name doesn't resolve.
TEST(a_resolver_without_descriptors_is_a_lack) {
	static const char *const none[] = {NULL};
	struct rlimit limit, tight;
	log_configure(LOG_OFF, LOG_TEXT);
	getrlimit(RLIMIT_NOFILE, &limit);
	tight = limit;
	leaves_none = &tight;
	CHECK_INT(try(none, 1).failure, CONNECT_EXHAUSTED);
	leaves_none = NULL;
	setrlimit(RLIMIT_NOFILE, &limit);
	CHECK_INT(try(none, 1).failure, CONNECT_NOT_RESOLVED);
	log_configure(LOG_INFO, LOG_TEXT);
}

int main(void) {
	RUN(addresses_that_refuse_cost_no_time);
	RUN(a_lack_has_a_failure_of_its_own);
	RUN(a_resolver_without_descriptors_is_a_lack);
	return check_summary();
}

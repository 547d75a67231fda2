// SPDX-License-Identifier: Apache-2.0
// A port is first bound without SO_REUSEPORT if it must be free: with it, a second process would get the same port
// without an error. A socket file left behind by a dead process is removed only when connecting to it is refused.
#include "net/bind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/slice.h"
#include "net/bind_adopted.h"
#include "net/bind_unix.h"

static _Thread_local char message_text[BIND_TEXT_BYTES + 100];

static int bind_set_message(const char **message, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int bind_set_message(const char **message, int code, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message_text, sizeof message_text, format, arguments);
	va_end(arguments);
	*message = message_text;
	return code;
}

static int bind_set_errno_message(const char **message, const char *address, int failure) {
	switch (failure) {
	case EADDRINUSE:
		return bind_set_message(message, ERROR_IN_USE, "%s is in use", address);
	case EACCES:
	case EPERM:
		return bind_set_message(message, ERROR_IO, "%s: no permission to listen there", address);
	case EADDRNOTAVAIL:
		return bind_set_message(message, ERROR_IO, "%s is no address of this machine", address);
	default:
		return bind_set_message(message, ERROR_IO, "%s: %s", address, strerror(failure));
	}
}

// Splits "HOST:PORT" and "[V6]:PORT".
static int bind_parse_address(const char *address, char host[256], char port[8], const char **message) {
	struct slice text = slice_from(address);
	const char *colon = strrchr(address, ':');
	struct slice name = slice_of(address, colon ? (size_t)(colon - address) : 0);
	uint64_t number;
	if (slice_starts(name, SLICE("[")) && slice_ends(name, SLICE("]")))
		name = slice_of(name.ptr + 1, name.len - 2);
	else if (slice_find(name, ':') < name.len)
		name.len = 0;
	if (name.len == 0 || name.len >= 256 || text.len >= BIND_TEXT_BYTES ||
	    !slice_parse_u64(slice_from(colon + 1), UINT16_MAX, &number))
		return bind_set_message(message, ERROR_INVALID, "\"%.200s\" is no address: HOST:PORT, [V6]:PORT or unix:/path",
		                        address);
	snprintf(host, 256, "%.*s", SLICE_ARGS(name));
	snprintf(port, 8, "%u", (unsigned)number);
	return 0;
}

static int bind_to(const struct addrinfo *found, bool shared, int *descriptor) {
	int on = 1;
	int type = found->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC;
	*descriptor = socket(found->ai_family, type, found->ai_protocol);
	if (*descriptor < 0)
		return errno;
	setsockopt(*descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (shared)
		setsockopt(*descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (bind(*descriptor, found->ai_addr, found->ai_addrlen) == 0)
		return 0;
	int failure = errno;
	close(*descriptor);
	return failure;
}

static int bind_tcp(const char *address, bool shared, int *descriptor, const char **message) {
	char host[256], port[8];
	int rc = bind_parse_address(address, host, port, message);
	if (rc)
		return rc;
	struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found;
	int failure = getaddrinfo(host, port, &wanted, &found);
	if (failure)
		return bind_set_message(message, ERROR_INVALID, "%s: %s", address, gai_strerror(failure));
	failure = bind_to(found, shared, descriptor);
	freeaddrinfo(found);
	return failure ? bind_set_errno_message(message, address, failure) : 0;
}

static bool is_unix_address(const char *address) {
	return slice_starts(slice_from(address), SLICE("unix:"));
}

static int bind_any(const char *address, bool shared, struct bound_socket *bound, const char **message) {
	int failure = bind_adopted_take(address, &bound->descriptor);
	bound->is_adopted = failure != ENOENT;
	if (bound->is_adopted)
		return failure ? bind_set_errno_message(message, address, failure) : 0;
	if (!is_unix_address(address))
		return bind_tcp(address, shared, &bound->descriptor, message);
	failure = bind_unix(address + 5, shared, &bound->descriptor);
	if (failure == ENAMETOOLONG || failure == EINVAL)
		return bind_set_message(message, ERROR_INVALID, "\"%.200s\" is no address: the path is empty or too long",
		                        address);
	if (failure == ENOTSOCK)
		return bind_set_message(message, ERROR_IN_USE, "%s: the file is there and is no socket", address);
	return failure ? bind_set_errno_message(message, address, failure) : 0;
}

int bind_listen(const char *address, bool shared, struct bound_socket *bound, const char **message) {
	int rc = bind_any(address, shared, bound, message);
	if (rc || bound->is_adopted)
		return rc;
	if (listen(bound->descriptor, SOMAXCONN) == 0)
		return 0;
	// With SO_REUSEADDR two sockets can be bound to the port at the same time, but only one of them can listen.
	int failure = errno;
	bind_close(*bound, address);
	return bind_set_errno_message(message, address, failure);
}

int bind_probe(const char *address, const char **message) {
	struct bound_socket bound;
	int rc = bind_any(address, false, &bound, message);
	if (rc == 0)
		bind_close(bound, address);
	return rc;
}

const char *bind_address(int descriptor, const char *address, char text[BIND_TEXT_BYTES]) {
	struct sockaddr_in6 name = {0}; // a sockaddr_in keeps its port at the same place
	socklen_t size = sizeof name;
	struct slice host = slice_from(address);
	while (host.len && host.ptr[host.len - 1] != ':')
		host.len--;
	if (is_unix_address(address) || getsockname(descriptor, (struct sockaddr *)&name, &size))
		snprintf(text, BIND_TEXT_BYTES, "%s", address);
	else
		snprintf(text, BIND_TEXT_BYTES, "%.*s%u", SLICE_ARGS(host), (unsigned)ntohs(name.sin6_port));
	return text;
}

static bool is_listening_socket(int descriptor) {
	int type = 0, listens = 0;
	socklen_t size = sizeof type, listens_size = sizeof listens;
	return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
	       getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) == 0 && listens;
}

// The address that the descriptor is bound to, as text. False for another kind of address.
static bool format_bound_address(int descriptor, char address[BIND_TEXT_BYTES]) {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	} name = {0};
	char host[INET6_ADDRSTRLEN];
	socklen_t size = sizeof name;
	if (getsockname(descriptor, &name.any, &size))
		return false;
	switch (name.any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &name.v4.sin_addr, host, sizeof host);
		snprintf(address, BIND_TEXT_BYTES, "%s:%u", host, (unsigned)ntohs(name.v4.sin_port));
		return true;
	case AF_INET6:
		inet_ntop(AF_INET6, &name.v6.sin6_addr, host, sizeof host);
		snprintf(address, BIND_TEXT_BYTES, "[%s]:%u", host, (unsigned)ntohs(name.v6.sin6_port));
		return true;
	case AF_UNIX:
		snprintf(address, BIND_TEXT_BYTES, "unix:%.*s", (int)sizeof name.local.sun_path, name.local.sun_path);
		return name.local.sun_path[0] == '/';
	default:
		return false;
	}
}

int bind_adopt(int descriptor, char address[BIND_TEXT_BYTES], const char **message) {
	if (!is_listening_socket(descriptor))
		return bind_set_message(message, ERROR_INVALID, "descriptor %d is no stream socket that listens", descriptor);
	if (!format_bound_address(descriptor, address))
		return bind_set_message(message, ERROR_INVALID, "descriptor %d listens neither on an IP address nor on a path",
		                        descriptor);
	int flags = fcntl(descriptor, F_GETFL);
	if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) || fcntl(descriptor, F_SETFD, FD_CLOEXEC))
		return bind_set_message(message, ERROR_INVALID, "descriptor %d: %s", descriptor, strerror(errno));
	bind_adopted_add(address, descriptor);
	return 0;
}

void bind_close(struct bound_socket bound, const char *address) {
	if (is_unix_address(address) && !bound.is_adopted)
		bind_unix_close(bound.descriptor, address + 5);
	else
		close(bound.descriptor);
}

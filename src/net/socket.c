// SPDX-License-Identifier: Apache-2.0
// A descriptor watched by the loop. Invariant: `watched` is what libuv polls for. It changes only when it must, since
// each change costs two system calls: an event that is no longer wanted stays watched until it occurs.
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/handshake_pace.h"
#include "net/loop_uv.h"
#include "net/transport.h"

struct socket {
	uv_poll_t poll;
	struct wire wire;
	const struct transport *transport;
	const struct socket_events *events;
	void *owner;
	struct loop *loop;
	struct handshake_step step; // of a handshake that has a pace
	struct timer unread;        // reports bytes that TLS has read already
	int watched;                // UV_READABLE and so on, as libuv has them
	bool wants_read;
	bool wants_write;
	bool opening;
	bool ending_write; // TLS's closing alert waits for room
	bool hung_up;      // on_hangup was called
	bool closed;
};

static void socket_on_poll(uv_poll_t *poll, int status, int happened);

static void socket_watch(struct socket *socket, int events) {
	if (socket->watched == events)
		return;
	socket->watched = events;
	if (events)
		uv_poll_start(&socket->poll, events, socket_on_poll);
	else
		uv_poll_stop(&socket->poll);
}

// The events that must be watched for.
static int socket_needed_events(const struct socket *socket) {
	const struct wire *wire = &socket->wire;
	int events = 0;
	if (socket->opening && handshake_step_waits(&socket->step))
		return 0;
	if (socket->opening)
		return wire->read_needs_room ? UV_WRITABLE : UV_READABLE;
	if (socket->wants_read)
		events |= UV_READABLE | (wire->read_needs_room ? UV_WRITABLE : 0);
	else if (socket->events->on_hangup && !socket->hung_up)
		events |= UV_DISCONNECT;
	if (socket->ending_write)
		events |= UV_WRITABLE;
	if (socket->wants_write)
		events |= wire->write_needs_bytes ? UV_READABLE : UV_WRITABLE;
	return events;
}

static void socket_notify_readable(struct socket *socket) {
	if (!socket->closed && socket->wants_read)
		socket->events->on_readable(socket->owner);
}

static void socket_notify_writable(struct socket *socket) {
	if (!socket->closed && socket->wants_write)
		socket->events->on_writable(socket->owner);
}

static void socket_notify_hangup(struct socket *socket) {
	if (socket->closed || socket->wants_read || socket->hung_up || !socket->events->on_hangup)
		return;
	socket->hung_up = true;
	socket->events->on_hangup(socket->owner);
}

// TLS may have read bytes from the descriptor that the owner hasn't read: polling doesn't report those.
static void socket_check_unread(struct socket *socket) {
	if (socket->wants_read && !socket->opening && socket->transport->has_unread(&socket->wire))
		timer_start(&socket->unread, 0);
}

static void socket_on_unread(void *owner) {
	struct socket *socket = owner;
	socket_notify_readable(socket);
	if (!socket->closed) {
		socket_check_unread(socket);
		socket_watch(socket, socket->watched | socket_needed_events(socket));
	}
}

static void socket_continue_open(struct socket *socket) {
	int status = socket->transport->open(&socket->wire);
	if (status == SOCKET_AGAIN)
		return;
	socket->opening = false;
	socket->events->on_open(socket->owner, status == 1);
}

// After a step that has waited, while nothing was watched.
static void socket_on_step(void *owner) {
	struct socket *socket = owner;
	socket_continue_open(socket);
	if (!socket->closed) {
		socket_check_unread(socket);
		socket_watch(socket, socket->watched | socket_needed_events(socket));
	}
}

static void socket_on_poll(uv_poll_t *poll, int status, int happened) {
	struct socket *socket = poll->data;
	if (status < 0) {
		// libuv stops watching a descriptor in error; the owner's next read or write returns the error.
		socket->watched = 0;
		happened = UV_READABLE | UV_WRITABLE | UV_DISCONNECT;
	}
	if (socket->opening && socket->step.pace) {
		handshake_step_take(&socket->step);
	} else if (socket->opening) {
		socket_continue_open(socket);
	} else {
		bool readable = happened & (UV_READABLE | (socket->wire.read_needs_room ? UV_WRITABLE : 0));
		bool writable = happened & (UV_WRITABLE | (socket->wire.write_needs_bytes ? UV_READABLE : 0));
		if ((happened & UV_WRITABLE) && socket->ending_write)
			socket->ending_write = !socket->transport->end_write(&socket->wire);
		if (writable)
			socket_notify_writable(socket);
		if (readable || (happened & UV_DISCONNECT))
			socket_notify_readable(socket);
		if (happened & UV_DISCONNECT)
			socket_notify_hangup(socket);
	}
	if (socket->closed)
		return;
	socket_check_unread(socket);
	// Polling is level-triggered: an event that stays watched unwanted would make the loop spin.
	int unwanted = status < 0 ? 0 : happened & ~socket_needed_events(socket);
	socket_watch(socket, (socket->watched & ~unwanted) | socket_needed_events(socket));
}

struct socket *socket_new(struct loop *loop, int descriptor, const struct socket_events *events, void *owner) {
	struct socket *socket = memory_new(1, sizeof(*socket));
	int on = 1;
	// uv_poll_init makes the descriptor non-blocking.
	if (uv_poll_init(loop_uv(loop), &socket->poll, descriptor)) {
		close(descriptor);
		free(socket);
		return NULL;
	}
	fcntl(descriptor, F_SETFD, FD_CLOEXEC);
	setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	socket->poll.data = socket;
	socket->wire.descriptor = descriptor;
	socket->transport = &transport_plain;
	socket->events = events;
	socket->owner = owner;
	socket->loop = loop;
	timer_init(&socket->unread, loop, socket_on_unread, socket);
	handshake_step_init(&socket->step, NULL, socket_on_step, socket);
	return socket;
}

void socket_set_owner(struct socket *socket, const struct socket_events *events, void *owner) {
	socket->events = events;
	socket->owner = owner;
}

void socket_start_tls(struct socket *socket, struct ssl_st *ssl, struct handshake_pace *pace) {
	socket->step.pace = pace;
	transport_tls_init(&socket->wire, ssl);
	socket->transport = &transport_tls;
	socket->opening = true;
	// A client sends its first message when the loop reports room for it.
	socket->wire.read_needs_room = !SSL_is_server(ssl);
	socket_watch(socket, socket_needed_events(socket));
}

struct ssl_st *socket_tls(const struct socket *socket) {
	return socket->wire.ssl;
}

struct slice socket_protocol(const struct socket *socket) {
	const unsigned char *name = NULL;
	unsigned size = 0;
	if (socket->wire.ssl)
		SSL_get0_alpn_selected(socket->wire.ssl, &name, &size);
	return slice_of(name, size);
}

ssize_t socket_read(struct socket *socket, void *bytes, size_t size) {
	return socket->transport->read(&socket->wire, bytes, size);
}

ssize_t socket_writev(struct socket *socket, const struct iovec *parts, int count) {
	return socket->transport->writev(&socket->wire, parts, count);
}

void socket_want_read(struct socket *socket, bool wanted) {
	socket->wants_read = wanted;
	if (wanted) {
		socket_check_unread(socket);
		socket_watch(socket, socket->watched | socket_needed_events(socket));
	} else {
		timer_stop(&socket->unread);
	}
}

void socket_want_write(struct socket *socket, bool wanted) {
	socket->wants_write = wanted;
	if (wanted)
		socket_watch(socket, socket->watched | socket_needed_events(socket));
}

void socket_end_write(struct socket *socket) {
	socket->ending_write = !socket->transport->end_write(&socket->wire);
	if (socket->ending_write)
		socket_watch(socket, socket->watched | socket_needed_events(socket));
}

static void socket_on_closed(uv_handle_t *handle) {
	free(handle->data);
}

static void socket_close_as(struct socket *socket, bool orderly) {
	socket->closed = true;
	timer_stop(&socket->unread);
	handshake_step_drop(&socket->step);
	socket->transport->close(&socket->wire, orderly);
	uv_close((uv_handle_t *)&socket->poll, socket_on_closed);
	close(socket->wire.descriptor);
	socket->wire.descriptor = -1;
}

void socket_close(struct socket *socket) {
	socket_close_as(socket, true);
}

void socket_reset(struct socket *socket) {
	struct linger abruptly = {.l_onoff = 1, .l_linger = 0};
	setsockopt(socket->wire.descriptor, SOL_SOCKET, SO_LINGER, &abruptly, sizeof(abruptly));
	socket_close_as(socket, false);
}

int socket_failure(const struct socket *socket) {
	return socket->wire.failure;
}

const char *socket_failure_reason(const struct socket *socket) {
	return socket->wire.reason;
}

const char *socket_peer(const struct socket *socket, char *text, size_t size) {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage storage;
	} address = {0};
	socklen_t address_size = sizeof(address);
	text[0] = 0;
	if (getpeername(socket->wire.descriptor, &address.any, &address_size))
		return text;
	if (address.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &address.v4.sin_addr, text, (socklen_t)size);
	else if (address.any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &address.v6.sin6_addr, text, (socklen_t)size);
	else
		snprintf(text, size, "unix");
	return text;
}

// SPDX-License-Identifier: Apache-2.0
// Bytes as they are: one recv, one sendmsg. No call raises SIGPIPE.
#include "net/transport.h"

#include <errno.h>
#include <sys/socket.h>

static ssize_t plain_failure(struct wire *wire) {
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return SOCKET_AGAIN;
	wire->failure = errno;
	return SOCKET_BROKEN;
}

static ssize_t plain_read(struct wire *wire, void *bytes, size_t size) {
	ssize_t count;
	do
		count = recv(wire->descriptor, bytes, size, 0);
	while (count < 0 && errno == EINTR);
	return count >= 0 ? count : plain_failure(wire);
}

static ssize_t plain_writev(struct wire *wire, const struct iovec *parts, int part_count) {
	// sendmsg only reads the parts; its struct is shared with recvmsg, hence the cast.
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)part_count};
	ssize_t count;
	do
		count = sendmsg(wire->descriptor, &message, MSG_NOSIGNAL);
	while (count < 0 && errno == EINTR);
	return count >= 0 ? count : plain_failure(wire);
}

static int plain_open(struct wire *wire) {
	(void)wire;
	return 1;
}

static bool plain_end_write(struct wire *wire) {
	shutdown(wire->descriptor, SHUT_WR);
	return true;
}

static bool plain_has_unread(const struct wire *wire) {
	(void)wire;
	return false;
}

static void plain_close(struct wire *wire, bool orderly) {
	(void)wire;
	(void)orderly;
}

const struct transport transport_plain = {plain_read,      plain_writev,     plain_open,
                                          plain_end_write, plain_has_unread, plain_close};

// SPDX-License-Identifier: Apache-2.0
// How the bytes of a socket go over its descriptor: as they are, or through TLS. Inside of the socket only.
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "net/socket.h"

struct wire {
	int descriptor;
	int failure;        // errno of the last SOCKET_BROKEN
	const char *reason; // OpenSSL's word for it, static; NULL: none
	struct ssl_st *ssl; // NULL: plain
	// What TLS waits for, where it isn't what the caller waits for.
	bool read_needs_room;
	bool write_needs_bytes;
	bool close_alert_waits; // TLS's closing alert, for room
	bool ending_unread;     // the end or a failure came behind bytes that were returned first
};

// Each returns as the function of the socket by its name does.
struct transport {
	ssize_t (*read)(struct wire *wire, void *bytes, size_t size);
	ssize_t (*writev)(struct wire *wire, const struct iovec *parts, int count);
	// 1 when done, SOCKET_AGAIN (see read_needs_room), SOCKET_BROKEN.
	int (*open)(struct wire *wire);
	// False when there is no room for the goodbye: again when there is.
	bool (*end_write)(struct wire *wire);
	// Bytes that were taken from the descriptor and not yet read, which no watch would tell of.
	bool (*has_unread)(const struct wire *wire);
	// Gives up what the transport holds, but not the descriptor; when orderly, says goodbye first.
	void (*close)(struct wire *wire, bool orderly);
};

extern const struct transport transport_plain;
extern const struct transport transport_tls;

// Takes `ssl` over as the wire's. Aborts when memory is out.
void transport_tls_init(struct wire *wire, struct ssl_st *ssl);

#endif

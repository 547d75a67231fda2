// SPDX-License-Identifier: Apache-2.0
// Internal to the socket: how its bytes pass over the descriptor, as they are or through TLS.
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
	const char *reason; // OpenSSL's text for it, static; NULL: none
	struct ssl_st *ssl; // NULL: plain
	// TLS waits for the other direction than its caller.
	bool read_needs_room;
	bool write_needs_bytes;
	bool close_alert_waits; // TLS's closing alert waits for room
	bool ending_unread;     // bytes were returned before the end or failure after them
	unsigned receives_left; // of TLS, in this call
};

// `read` and `writev` return as socket_read and socket_writev do.
struct transport {
	ssize_t (*read)(struct wire *wire, void *bytes, size_t size);
	ssize_t (*writev)(struct wire *wire, const struct iovec *parts, int count);
	// 1 when done, SOCKET_AGAIN (see read_needs_room), SOCKET_BROKEN.
	int (*open)(struct wire *wire);
	// False when there is no room for TLS's closing alert: call it again when there is.
	bool (*end_write)(struct wire *wire);
	// Whether bytes were read from the descriptor but not returned yet, which polling wouldn't report.
	bool (*has_unread)(const struct wire *wire);
	// Frees what the transport holds, but not the descriptor; if `orderly`, sends TLS's closing alert first.
	void (*close)(struct wire *wire, bool orderly);
};

extern const struct transport transport_plain;
extern const struct transport transport_tls;

// Takes `ssl` over for the wire. Aborts when memory is out.
void transport_tls_init(struct wire *wire, struct ssl_st *ssl);

#endif

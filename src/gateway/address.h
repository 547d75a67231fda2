// SPDX-License-Identifier: Apache-2.0
// Addresses to listen on, as text: "HOST:PORT", "[V6]:PORT" or "unix:/path". Pure; nothing is resolved.
#ifndef GATEWAY_ADDRESS_H
#define GATEWAY_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct address {
	bool is_unix;
	struct slice host; // or the path of a Unix socket; without brackets; borrowed from the text
	uint16_t port;     // 0 picks one
};

// Reads it; false for anything else than the forms above.
bool address_parse(struct slice text, struct address *address);

// Whether nobody off this machine can reach it: a Unix socket, "localhost", 127.0.0.0/8, ::1.
bool address_is_local(const struct address *address);

// Whether a connection to that host and port would arrive at a listener on `address`.
bool address_receives(const struct address *address, struct slice host, uint16_t port);

// Whether both can't be listened on at once. Port 0 clashes with nothing.
bool address_clashes(const struct address *a, const struct address *b);

#endif

// SPDX-License-Identifier: Apache-2.0
// Addresses to listen on, as text: "HOST:PORT", "[V6]:PORT" or "unix:/path". No name is resolved. Pure, except
// address_is_of_this_machine.
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct address {
	bool is_unix;
	struct slice host; // without brackets; or the path of a Unix socket; borrowed from the text
	uint16_t port;     // 0: the system picks one
};

// Addresses as owned texts. Zero-initialised is empty.
struct address_list {
	char **list;
	size_t count;
};

void address_list_append(struct address_list *addresses, struct slice text);
void address_list_free(struct address_list *addresses);

// Parses the text; false if it has none of the forms above.
bool address_parse(struct slice text, struct address *address);

// Whether only this machine can reach it: a Unix socket, "localhost", 127.0.0.0/8, ::1.
bool address_is_local(const struct address *address);

// Whether a connection to that host and port would reach a listener on `address`. `is_of_this_machine` says so of the
// host, which matters to a listener on all interfaces.
bool address_receives(const struct address *address, struct slice host, uint16_t port, bool is_of_this_machine);

// Whether the host is loopback, this machine's name, or the address of one of its interfaces.
bool address_is_of_this_machine(struct slice host);

// Whether a process can't listen on both at once. Port 0 clashes with nothing.
bool address_clashes(const struct address *a, const struct address *b);

#endif

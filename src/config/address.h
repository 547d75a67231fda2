// SPDX-License-Identifier: Apache-2.0
// Addresses to listen on, as text: "HOST:PORT", "[V6]:PORT" or "unix:/path". Nothing is resolved; pure but for
// address_is_of_this_machine.
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct address {
	bool is_unix;
	struct slice host; // or the path of a Unix socket; without brackets; borrowed from the text
	uint16_t port;     // 0 picks one
};

// Addresses as texts, each in an allocation of its own, as the list is; zero-initialised is empty.
struct address_list {
	char **list;
	size_t count;
};

void address_list_append(struct address_list *addresses, struct slice text);
void address_list_free(struct address_list *addresses);

// Reads it; false for anything else than the forms above.
bool address_parse(struct slice text, struct address *address);

// Whether nobody off this machine can reach it: a Unix socket, "localhost", 127.0.0.0/8, ::1.
bool address_is_local(const struct address *address);

// Whether a connection to that host and port would arrive at a listener on `address`. `of_this_machine`: the host is,
// which matters to a listener on every interface.
bool address_receives(const struct address *address, struct slice host, uint16_t port, bool of_this_machine);

// Whether the host is loopback, this machine's name, or the address of one of its interfaces.
bool address_is_of_this_machine(struct slice host);

// Whether both can't be listened on at once. Port 0 clashes with nothing.
bool address_clashes(const struct address *a, const struct address *b);

#endif

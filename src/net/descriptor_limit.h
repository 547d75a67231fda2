// SPDX-License-Identifier: Apache-2.0
// How many descriptors the process may open, and who gets them.
#ifndef NET_DESCRIPTOR_LIMIT_H
#define NET_DESCRIPTOR_LIMIT_H

#include <stddef.h>

// Raises the soft limit to the hard one: a proxied request may need two descriptors. Returns the limit that holds now,
// at most INT_MAX.
size_t descriptor_limit_raise(void);

// Connections to upstreams have descriptors below this one, so that the last sixteen are for the process itself: the
// admin listener's clients, the files of a reload. INT_MAX before descriptor_limit_raise. From any thread.
int descriptor_limit_of_upstreams(void);

// How a limit is divided. Each is 0 if the limit doesn't even suffice for the process itself.
struct descriptor_shares {
	size_t own;      // the process's files, loops and listeners
	size_t upstream; // kept back for connections to upstreams: a quarter, at most 1024
	size_t clients;  // the rest: open connections of clients
};

struct descriptor_shares descriptor_limit_divide(size_t limit, size_t workers);

#endif

// SPDX-License-Identifier: Apache-2.0
// A listening socket on a loop. It pauses when accepting fails for lack of descriptors or memory, instead of spinning
// on a connection that it can't accept, and when descriptors are kept back.
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>

#include "net/loop.h"

struct listener;

// A new client's descriptor, non-blocking, owned by the callee.
typedef void (*listener_accepted)(void *owner, int descriptor);

// Listens on an address; `shared`, results and *message are those of bind_listen.
int listener_new(struct loop *loop, const char *address, bool shared, listener_accepted on_accepted, void *owner,
                 struct listener **listener, const char **message);

// "HOST:PORT" with the port that was picked, "[V6]:PORT" or "unix:/path".
const char *listener_address(const struct listener *listener);

// Whether the process was started with the socket, see bind.h.
bool listener_is_adopted(const struct listener *listener);

// Clients are accepted while the lowest free descriptor is below `below`, which keeps the others back for what those
// clients need. 0, as at first: no limit.
void listener_keep_back(struct listener *listener, int below);

// Whether to accept; new clients wait in the kernel's queue meanwhile. It may be called from on_accepted.
void listener_want(struct listener *listener, bool wanted);

// Accepts the clients that the kernel has accepted already, unless listener_want turned accepting off: closing would
// break their connections. Clients of an adopted socket are left to the process that owns it.
void listener_drain(struct listener *listener);

// Stops listening and removes the file of a Unix socket. The memory is freed once the loop has closed the handle.
void listener_close(struct listener *listener);

#endif

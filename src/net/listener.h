// SPDX-License-Identifier: Apache-2.0
// A listening socket on a loop. It accepts while it may, and pauses where accepting fails for want of descriptors or
// memory, instead of spinning on a connection that it can't take.
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>

#include "net/loop.h"

struct listener;

// A new client's descriptor, non-blocking, owned by the callee.
typedef void (*listener_accepted)(void *owner, int descriptor);

// Listens on an address as server_listen does, with the same results and message.
int listener_new(struct loop *loop, const char *address, bool shared, listener_accepted on_accepted, void *owner,
                 struct listener **listener, const char **message);

// "HOST:PORT" with the port that was picked, "[V6]:PORT" or "unix:/path".
const char *listener_address(const struct listener *listener);

// Whether the process was started with the socket, see bind.h.
bool listener_is_adopted(const struct listener *listener);

// Whether to accept; new clients wait in the kernel's queue meanwhile. It may be called from on_accepted.
void listener_want(struct listener *listener, bool wanted);

// Takes what clients the kernel has let in already, as far as they are wanted: closing would break their connections.
// The clients of an adopted socket are left to who holds it.
void listener_drain(struct listener *listener);

// Stops listening, removes the file of a Unix socket; the memory is freed when the loop has let go of it.
void listener_close(struct listener *listener);

#endif

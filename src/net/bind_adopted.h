// SPDX-License-Identifier: Apache-2.0
// Listening descriptors that the process inherited. A listener on the address of one gets a duplicate; the process that
// opened the socket remains responsible for it and for the file of a Unix socket.
#ifndef NET_BIND_ADOPTED_H
#define NET_BIND_ADOPTED_H

#include <stdbool.h>

// Takes the descriptor over for the life of the process. It replaces one that was adopted for the same address before.
void bind_adopted_add(const char *address, int descriptor);

// Whether the address is that of an adopted descriptor.
bool bind_adopted_has(const char *address);

// Sets *descriptor to a duplicate. 0, or an errno: ENOENT if none was adopted for the address. From any thread.
int bind_adopted_take(const char *address, int *descriptor);

#endif

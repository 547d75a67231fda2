// SPDX-License-Identifier: Apache-2.0
// Listening descriptors that the process inherited. A listener on the address of one gets a duplicate; the process that
// opened the socket remains responsible for it and for the file of a Unix socket.
#ifndef NET_BIND_ADOPTED_H
#define NET_BIND_ADOPTED_H

// Takes the descriptor over, for the life of the process: it is what `address` means from now on, instead of one that
// was adopted before.
void bind_adopted_add(const char *address, int descriptor);

// A duplicate in *descriptor; 0, or an errno: ENOENT for an address that none was adopted for. From any thread.
int bind_adopted_take(const char *address, int *descriptor);

#endif

// SPDX-License-Identifier: Apache-2.0
// Descriptors that listen on a textual address: "HOST:PORT", "[V6]:PORT" or "unix:/path". Each failure has a message of
// one line that names the address and the cause.
#ifndef NET_BIND_H
#define NET_BIND_H

#include <stdbool.h>
#include <stddef.h>

enum { BIND_TEXT_BYTES = 300 };

// A listening socket, and whether the process was started with it: then it outlives its listeners, and so does the file
// of a Unix socket.
struct bound_socket {
	int descriptor;
	bool is_adopted;
};

// A non-blocking listening socket in *bound; `shared` as for server_listen. Blocks while a name is resolved.
// 0, or ERROR_INVALID, ERROR_IN_USE, ERROR_IO with *message set (thread-local, until the next call).
//
// Listeners of one process that share a Unix socket get duplicates of one descriptor, since there is no SO_REUSEPORT
// for those.
int bind_listen(const char *address, bool shared, struct bound_socket *bound, const char **message);

// Takes over a listening descriptor that the process inherited, and writes its address to `address`: from now on
// bind_listen on that address returns duplicates, shared or not. 0, or ERROR_INVALID with *message set and the
// descriptor unchanged: it isn't a listening stream socket, or has no such address.
int bind_adopt(int descriptor, char address[BIND_TEXT_BYTES], const char **message);

// Checks that bind_listen would find the address free, without listening. Returns as bind_listen does.
int bind_probe(const char *address, const char **message);

// The address with the port that was picked; returns `text`.
const char *bind_address(int descriptor, const char *address, char text[BIND_TEXT_BYTES]);

// Closes the descriptor; the last one on a Unix socket that was not adopted removes its file. `address` is that of
// bind_listen.
void bind_close(struct bound_socket bound, const char *address);

#endif

// SPDX-License-Identifier: Apache-2.0
// Unix sockets to listen on. Their files have mode 0600; a file that a dead process left behind is replaced.
#ifndef NET_BIND_UNIX_H
#define NET_BIND_UNIX_H

#include <stdbool.h>

// Sets *descriptor to a listening descriptor. 0 or an errno: EADDRINUSE when a process listens there, ENOTSOCK when the
// file isn't a socket. With `shared`, a path that this process has bound already gives a duplicate. From any thread.
int bind_unix(const char *path, bool shared, int *descriptor);

// Closes it; closing the last descriptor on the path removes its file.
void bind_unix_close(int descriptor, const char *path);

#endif

// SPDX-License-Identifier: Apache-2.0
// Unix sockets to listen on: their files belong to this user alone (mode 0600), and one that a dead process left behind
// is replaced.
#ifndef NET_BIND_UNIX_H
#define NET_BIND_UNIX_H

#include <stdbool.h>

// A bound descriptor in *descriptor; 0 or an errno: EADDRINUSE when somebody answers there, ENOTSOCK when the file is
// something else. With `shared`, a path that this process has bound already gives a duplicate. From any thread.
int bind_unix(const char *path, bool shared, int *descriptor);

// Closes it; with the last descriptor on the path its file goes.
void bind_unix_close(int descriptor, const char *path);

#endif

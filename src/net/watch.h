// SPDX-License-Identifier: Apache-2.0
// Tells when one of a set of files may have changed: written to, replaced by a rename (as editors save), deleted, made
// anew, or reached by another way, since a directory or a symbolic link on the way to it changed. It watches the
// directories of every path, so it sees files come that aren't there yet. What is told is a hint: whoever listens
// compares. Belongs to its loop, which it doesn't keep running.
#ifndef NET_WATCH_H
#define NET_WATCH_H

#include "net/loop.h"

struct watch;

// Watches nothing yet. `on_change(owner)` is called on the loop once a burst of changes has been over for a moment (at
// the latest a second after it began).
struct watch *watch_new(struct loop *loop, loop_callback on_change, void *owner);
void watch_close(struct watch *watch); // NULL is fine

// Watches these paths (ended by NULL) from here on instead of those before. What changed until it returns may go
// untold, so look at the files afterwards. 0, or ERROR_LIMIT when the system lets no more be watched: the others are.
int watch_files(struct watch *watch, const char *const *paths);

#endif

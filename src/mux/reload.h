// SPDX-License-Identifier: Apache-2.0
// The thread on which policies are built and old versions freed, so that no loop waits for either. It is started by the
// first order; until then there is nothing to do but to keep what is unused.
#ifndef MUX_RELOAD_H
#define MUX_RELOAD_H

#include "mux/version.h"

struct mux;
struct reloader;

struct reloader *reloader_new(struct mux *mux);
// A version_release that was the last: the version is freed soon. From any thread.
void reloader_take_unused(void *reloader, struct mux_version *version);
// Ends the thread; orders that have not been answered are told so.
void reloader_stop(struct reloader *reloader);
// After reloader_stop; frees the versions that are unused.
void reloader_free(struct reloader *reloader);

#endif

// SPDX-License-Identifier: Apache-2.0
// The thread that builds policy versions and frees unused ones, so that no loop waits for either. The first reload
// starts it; until then unused versions are kept.
#ifndef MUX_RELOAD_H
#define MUX_RELOAD_H

#include "mux/version.h"

struct mux;
struct reloader;

// One per mux, which is borrowed. mux_reload gives it orders.
struct reloader *reloader_new(struct mux *mux);
// Takes over a published version that has no references left; it is freed on the thread. From any thread.
void reloader_take_version(struct reloader *reloader, struct mux_version *version);
// Ends the thread and calls `done` of every order that has not reported yet; orders not begun report ERROR_BUSY. May be
// called again.
void reloader_stop(struct reloader *reloader);
// Frees the unused versions, too. After reloader_stop.
void reloader_free(struct reloader *reloader);

#endif

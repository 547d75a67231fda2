// SPDX-License-Identifier: Apache-2.0
// The last policy versions, as the texts that they were built from: enough to run one again, without its VMs. Pure; the
// owner locks it.
#ifndef MUX_HISTORY_H
#define MUX_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "mux/version.h"

struct sources;

enum { HISTORY_BEFORE = 10 }; // versions kept beside the running one

struct history_entry {
	uint64_t number;
	uint64_t restores; // the earlier version that it restores; 0 for none
	int64_t since_wall_ms;
	char hash[VERSION_HASH_BYTES];
	struct sources *sources; // retained
};

// Empty when zero-initialised.
struct history {
	struct history_entry list[HISTORY_BEFORE + 1]; // oldest first; the last is the running one
	size_t count;
};

// Appends a copy of the entry and takes over its reference to the sources. Returns the sources of the oldest entry if
// it was dropped, else NULL; the caller releases them after unlocking, since that may free much.
struct sources *history_add(struct history *history, const struct history_entry *entry);

// The entry of that number, or NULL; valid until the next change.
const struct history_entry *history_find(const struct history *history, uint64_t number);

// The entry of the running version; NULL if the history is empty. Valid until the next change.
const struct history_entry *history_last(const struct history *history);

// Releases all sources; the history is empty afterwards.
void history_free(struct history *history);

#endif

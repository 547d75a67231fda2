// SPDX-License-Identifier: Apache-2.0
// The policy versions that ran last, as the texts that they were built from: what is needed to run one again, without
// its VMs. Pure; its owner guards it.
#ifndef MUX_HISTORY_H
#define MUX_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "mux/version.h"

struct sources;

enum { HISTORY_BEFORE = 10 }; // versions kept beside the running one

struct history_entry {
	uint64_t number;
	uint64_t restores; // the earlier version whose texts it runs again; 0 for none
	int64_t since_wall_ms;
	char hash[VERSION_HASH_BYTES];
	struct sources *sources; // retained
};

// Zero-initialised is empty.
struct history {
	struct history_entry list[HISTORY_BEFORE + 1]; // oldest first; the last is the running one
	size_t count;
};

// Takes the entry's reference to its sources; the oldest entry goes when there are too many. Returns that one's
// sources, or NULL, for the caller to release: it may be much to free, and a lock is held here.
struct sources *history_add(struct history *history, const struct history_entry *entry);

// The entry of that number, or NULL; valid until the next change.
const struct history_entry *history_find(const struct history *history, uint64_t number);

// The running one, or NULL.
const struct history_entry *history_last(const struct history *history);

void history_free(struct history *history);

#endif

// SPDX-License-Identifier: Apache-2.0
// How much memory the owners of one kind of thing hold together, against a limit that they ask about before they take
// on more. It refuses nothing itself: what is under way is let finish. Safe from any thread.
//
// Invariant: each byte charged is released once, so that it shows 0 when nothing is held.
#ifndef BASE_MEMORY_METER_H
#define BASE_MEMORY_METER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct memory_meter {
	atomic_size_t held_bytes;
	size_t limit_bytes;
};

void memory_meter_init(struct memory_meter *meter, size_t limit_bytes);

// Both do nothing for a NULL meter.
void memory_meter_charge(struct memory_meter *meter, size_t bytes);
void memory_meter_release(struct memory_meter *meter, size_t bytes);

size_t memory_meter_held(const struct memory_meter *meter);

// Whether the limit is reached; a NULL meter has none.
bool memory_meter_is_full(const struct memory_meter *meter);

#endif

// SPDX-License-Identifier: Apache-2.0
// Counts the memory that many objects hold together, and compares it with a limit. A meter refuses nothing itself:
// owners check it before they accept new work, and work in progress completes. Thread-safe.
//
// Invariant: each charged byte is released once, so that the count is 0 when no memory is held.
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

// Both functions do nothing for a NULL meter.
void memory_meter_charge(struct memory_meter *meter, size_t bytes);
void memory_meter_release(struct memory_meter *meter, size_t bytes);

size_t memory_meter_held(const struct memory_meter *meter);

// Whether the limit is reached. A NULL meter is never full.
bool memory_meter_is_full(const struct memory_meter *meter);

#endif

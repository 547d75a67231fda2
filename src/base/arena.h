// SPDX-License-Identifier: Apache-2.0
// Memory with one lifetime: what a request allocates is freed together. Blocks grow; nothing is freed by itself.
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"
#include "base/slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t used_bytes;
	size_t limit_bytes;
	bool is_exhausted;          // an allocation has failed
	struct memory_meter *meter; // counts the blocks; NULL for none; set it while the arena is empty
};

// An empty arena that hands out up to `limit_bytes`; allocates nothing yet.
void arena_init(struct arena *arena, size_t limit_bytes);

// Frees everything that the arena handed out; the arena is empty again, with the same limit and meter.
void arena_free(struct arena *arena);

// The same, but wipes the memory first.
void arena_free_secret(struct arena *arena);

// Zeroed, 16-byte aligned memory that lives as long as the arena, or NULL when the limit is reached or memory is out.
void *arena_alloc(struct arena *arena, size_t bytes);

// A copy of the text, followed by a NUL. An empty slice with a NULL pointer when there is no room.
struct slice arena_copy(struct arena *arena, struct slice text);

// Formatted text, NUL-terminated; NULL pointer when there is no room.
struct slice arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

// SPDX-License-Identifier: Apache-2.0
// Memory that lives and dies together: what one request allocates. Blocks grow; nothing is freed singly.
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory_meter.h"
#include "base/slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t used_bytes;
	size_t limit_bytes;
	bool is_exhausted;          // something asked for had no room
	struct memory_meter *meter; // is charged with the blocks; NULL for none; set it while the arena is empty
};

// An empty arena that hands out up to `limit_bytes`; allocates nothing yet.
void arena_init(struct arena *arena, size_t limit_bytes);

// Frees everything that it handed out; the arena is empty again, with the same limit and meter.
void arena_free(struct arena *arena);

// The same, wiping what was handed out first.
void arena_free_secret(struct arena *arena);

// Zeroed, 16-byte aligned memory that lives as long as the arena, or NULL past the limit or when memory is out.
void *arena_alloc(struct arena *arena, size_t bytes);

// A copy of the text with a NUL behind it. An empty slice with a NULL pointer when there is no room.
struct slice arena_copy(struct arena *arena, struct slice text);

// Formatted text, NUL-terminated; NULL pointer when there is no room.
struct slice arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

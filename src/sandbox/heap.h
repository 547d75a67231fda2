// SPDX-License-Identifier: Apache-2.0
// The memory of one Lua state: a region that its blocks are carved from, so that a state that stays small is made and
// given up without a call of the process's allocator for each of its objects. What doesn't fit into the region comes
// from there. Of one thread at a time.
#ifndef SANDBOX_HEAP_H
#define SANDBOX_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap;

// NULL when there is no memory.
struct heap *heap_new(void);

// Frees the region with every block in it. Blocks outside of it have to be freed before.
void heap_close(struct heap *heap);

// As realloc, told the size that the block was asked for last (0 for no block). `size` 0 frees it. NULL leaves the
// block as it was; a block never has to move to shrink.
void *heap_resize(struct heap *heap, void *block, size_t old, size_t size);

// Whether every block is in the region.
bool heap_holds_all(const struct heap *heap);

#endif

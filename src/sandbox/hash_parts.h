// SPDX-License-Identifier: Apache-2.0
// The hash parts of large tables. Lua hashes whole numbers and floats without a seed, so a script can choose keys that
// fit one size of a hash part well and all collide in the next: then the one instruction that makes the part grow takes
// time with the square of its length, and nothing can interrupt it. The allocator sees the growth before it happens.
// This knows the layout of a node in Lua 5.4; nothing is written to.
#ifndef SANDBOX_HASH_PARTS_H
#define SANDBOX_HASH_PARTS_H

#include <stdbool.h>
#include <stddef.h>

// The live blocks that may be hash parts of large tables; smaller ones are never slow.
struct hash_parts {
	struct hash_part {
		const void *block;
		size_t bytes;
	} * list; // owned
	size_t count, capacity;
};

// Whether a block of that size may be the hash part of a large table.
bool hash_part_fits(size_t bytes);

// Adds a block of such a size, and removes it before it is freed.
void hash_parts_add(struct hash_parts *parts, const void *block, size_t bytes);
void hash_parts_remove(struct hash_parts *parts, const void *block);
void hash_parts_free(struct hash_parts *parts);

// Whether the keys of one of the parts collide so much in a part of `bytes` that moving them there would take long.
bool hash_parts_collide(const struct hash_parts *parts, size_t bytes);

#endif

// SPDX-License-Identifier: Apache-2.0
#include "sandbox/hash_parts.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include <lua.h>

#include "base/memory.h"

enum {
	// A part of half as many nodes takes at most 3 ms, whatever its keys are.
	NODES_MIN = 4096,
	// Nodes that are passed while keys are moved: more than this many take about 10 ms.
	STEPS_MAX = 4 << 20,
	// Types of Lua's values and keys: the low four bits are the type, nil for an empty place.
	TYPE_MASK = 0x0f,
	KEY_INTEGER = LUA_TNUMBER,
	KEY_FLOAT = LUA_TNUMBER | 1 << 4,
};

// A node of a hash part, as Lua 5.4 lays it out (its lobject.h).
struct hash_node {
	uint64_t value;
	uint8_t value_type;
	uint8_t key_type;
	int32_t next;
	union {
		uint64_t integer;
		double number;
	} key;
};

_Static_assert(LUA_VERSION_NUM == 504, "another Lua has other nodes and other hashes");
_Static_assert(sizeof(struct hash_node) == 24, "a node of Lua 5.4 on a machine of 64 bits");

static size_t nodes_of(size_t bytes) {
	return bytes / sizeof(struct hash_node);
}

bool hash_part_fits(size_t bytes) {
	size_t nodes = nodes_of(bytes);
	return nodes >= NODES_MIN && (nodes & (nodes - 1)) == 0 && nodes * sizeof(struct hash_node) == bytes;
}

// What Lua hashes a float to: its fraction as a whole number, and its exponent.
static uint64_t float_hash(double number) {
	int exponent;
	double fraction = frexp(number, &exponent) * -(double)INT_MIN;
	if (!(fraction >= (double)INT64_MIN && fraction < -(double)INT64_MIN))
		return 0;
	unsigned hash = (unsigned)exponent + (unsigned)(int64_t)fraction;
	return hash <= INT_MAX ? hash : ~hash;
}

// Whether the hash of the node's key is known: strings have a seed, and the other kinds have addresses.
static bool has_known_hash(const struct hash_node *node, uint64_t *hash) {
	if ((node->value_type & TYPE_MASK) == LUA_TNIL)
		return false;
	if (node->key_type == KEY_INTEGER)
		*hash = node->key.integer;
	else if (node->key_type == KEY_FLOAT)
		*hash = float_hash(node->key.number);
	else
		return false;
	return true;
}

void hash_parts_add(struct hash_parts *parts, const void *block, size_t bytes) {
	if (parts->count == parts->capacity) {
		parts->capacity = parts->capacity ? 2 * parts->capacity : 8;
		parts->list = memory_resize(parts->list, parts->capacity, sizeof *parts->list);
	}
	parts->list[parts->count++] = (struct hash_part){block, bytes};
}

void hash_parts_remove(struct hash_parts *parts, const void *block) {
	for (size_t i = parts->count; i-- > 0;) {
		if (parts->list[i].block != block)
			continue;
		parts->list[i] = parts->list[--parts->count];
		return;
	}
}

void hash_parts_free(struct hash_parts *parts) {
	free(parts->list);
	*parts = (struct hash_parts){0};
}

// Counts the nodes that are passed when a key is put at the end of its chain. `chains` has a length for each place.
static bool part_collides(const struct hash_part *part, size_t nodes, uint32_t *chains) {
	const struct hash_node *list = part->block;
	uint64_t steps = 0, hash;
	for (size_t i = 0; i < nodes_of(part->bytes); i++) {
		if (has_known_hash(&list[i], &hash))
			steps += chains[hash % (nodes - 1)]++;
		if (steps > STEPS_MAX)
			return true;
	}
	return false;
}

bool hash_parts_collide(const struct hash_parts *parts, size_t bytes) {
	size_t nodes = nodes_of(bytes);
	bool collides = false;
	for (size_t i = 0; i < parts->count && !collides; i++) {
		// A part grows to twice its length.
		if (2 * parts->list[i].bytes < bytes)
			continue;
		uint32_t *chains = memory_new(nodes, sizeof *chains);
		collides = part_collides(&parts->list[i], nodes, chains);
		free(chains);
	}
	return collides;
}

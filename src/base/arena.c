// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

enum { ALIGNMENT = 16, FIRST_BLOCK_BYTES = 4096 };

struct arena_block {
	struct arena_block *next;
	size_t capacity;
	size_t used;
	size_t padding; // keeps `bytes` aligned to 16
	char bytes[];
};

void arena_init(struct arena *arena, size_t limit_bytes) {
	*arena = (struct arena){.limit_bytes = limit_bytes};
}

void arena_free(struct arena *arena) {
	struct arena_block *block = arena->blocks;
	while (block) {
		struct arena_block *next = block->next;
		memory_meter_release(arena->meter, block->capacity);
		free(block);
		block = next;
	}
	*arena = (struct arena){.limit_bytes = arena->limit_bytes, .meter = arena->meter};
}

void arena_free_secret(struct arena *arena) {
	for (struct arena_block *block = arena->blocks; block; block = block->next)
		memory_wipe(block->bytes, block->used);
	arena_free(arena);
}

static struct arena_block *add_block(struct arena *arena, size_t bytes) {
	size_t capacity = arena->blocks ? arena->blocks->capacity * 2 : FIRST_BLOCK_BYTES - sizeof(struct arena_block);
	if (capacity < bytes)
		capacity = bytes;
	struct arena_block *block = malloc(sizeof *block + capacity);
	if (!block)
		return NULL;
	memory_meter_charge(arena->meter, capacity);
	*block = (struct arena_block){.next = arena->blocks, .capacity = capacity};
	arena->blocks = block;
	return block;
}

static void *report_exhausted(struct arena *arena) {
	arena->is_exhausted = true;
	return NULL;
}

void *arena_alloc(struct arena *arena, size_t bytes) {
	if (bytes > arena->limit_bytes || arena->used_bytes > arena->limit_bytes - bytes)
		return report_exhausted(arena);
	size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct arena_block *block = arena->blocks;
	if (!block || block->capacity - block->used < rounded)
		block = add_block(arena, rounded);
	if (!block)
		return report_exhausted(arena);
	void *ptr = block->bytes + block->used;
	block->used += rounded;
	arena->used_bytes += rounded;
	memset(ptr, 0, rounded);
	return ptr;
}

struct slice arena_copy(struct arena *arena, struct slice text) {
	char *copy = arena_alloc(arena, text.len + 1);
	if (!copy)
		return (struct slice){NULL, 0};
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	return slice_of(copy, text.len);
}

struct slice arena_printf(struct arena *arena, const char *format, ...) {
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int needed = vsnprintf(NULL, 0, format, arguments);
	char *text = needed < 0 ? NULL : arena_alloc(arena, (size_t)needed + 1);
	if (text)
		vsnprintf(text, (size_t)needed + 1, format, again);
	va_end(again);
	va_end(arguments);
	return slice_of(text, text ? (size_t)needed : 0);
}

// SPDX-License-Identifier: Apache-2.0
// The region is filled from its start; freed blocks are kept in a list for each class of sizes and never split or
// joined. A block in the list of a class is at least as large as the class says, so a block that shrank where it is may
// end in another list than it came from.
#include "sandbox/heap.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(block, size) ((void)(block), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(block, size) ((void)(block), (void)(size))
#endif

#include "base/memory.h"

enum {
	// Three times what a small policy takes with its libraries, so that most of what hooks leave behind fits too.
	REGION_BYTES = 120 << 10,
	SPARE_MAX = 16,
	STEP_BYTES = 16, // of small classes, and what every block is aligned to
	SMALL_BYTES = 512,
	SMALL_CLASSES = SMALL_BYTES / STEP_BYTES,
	LARGE_CLASSES = 6, // each twice the one before
	CLASSES = SMALL_CLASSES + LARGE_CLASSES,
	LARGE_BYTES = SMALL_BYTES << LARGE_CLASSES,
};

struct unused {
	struct unused *next;
};

struct heap {
	size_t filled_bytes;
	size_t outside_count; // blocks that are not in the region
	struct unused *unused[CLASSES];
	_Alignas(STEP_BYTES) char region[REGION_BYTES];
};

static size_t class_of(size_t size) {
	if (size <= SMALL_BYTES)
		return (size - 1) / STEP_BYTES;
	size_t class = SMALL_CLASSES;
	for (size_t bytes = SMALL_BYTES << 1; bytes < size; bytes <<= 1)
		class ++;
	return class;
}

static size_t class_bytes(size_t class) {
	return class < SMALL_CLASSES ? (class + 1) * STEP_BYTES : (size_t)SMALL_BYTES << (class - SMALL_CLASSES + 1);
}

static bool is_inside(const struct heap *heap, const void *block) {
	return (uintptr_t)block - (uintptr_t)heap->region < REGION_BYTES;
}

// Heaps that were closed, for the next ones: their pages are there already, and given back to the system and asked for
// again they would cost more than all else in them.
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER; // guards the two below
static struct heap *spare[SPARE_MAX];
static size_t spare_count;

static struct heap *take_spare(void) {
	pthread_mutex_lock(&spare_lock);
	struct heap *heap = spare_count ? spare[--spare_count] : NULL;
	pthread_mutex_unlock(&spare_lock);
	return heap;
}

static bool keep_spare(struct heap *heap) {
	pthread_mutex_lock(&spare_lock);
	bool has_room = spare_count < SPARE_MAX;
	if (has_room)
		spare[spare_count++] = heap;
	pthread_mutex_unlock(&spare_lock);
	return has_room;
}

struct heap *heap_new(void) {
	struct heap *heap = take_spare();
	if (!heap)
		heap = malloc(sizeof *heap);
	if (!heap)
		return NULL;
	memset(heap, 0, offsetof(struct heap, region));
	ASAN_POISON_MEMORY_REGION(heap->region, REGION_BYTES);
	return heap;
}

void heap_close(struct heap *heap) {
	if (!heap)
		return;
	ASAN_UNPOISON_MEMORY_REGION(heap->region, REGION_BYTES);
	// A file of settings, with what is secret in it, is read in such a state too.
	memory_wipe(heap->region, heap->filled_bytes);
	if (!keep_spare(heap))
		free(heap);
}

static void *take(struct heap *heap, size_t size) {
	size_t class = size <= LARGE_BYTES ? class_of(size) : CLASSES;
	if (class < CLASSES && heap->unused[class]) {
		struct unused *block = heap->unused[class];
		ASAN_UNPOISON_MEMORY_REGION(block, sizeof *block);
		heap->unused[class] = block->next;
		ASAN_UNPOISON_MEMORY_REGION(block, size);
		return block;
	}
	if (class < CLASSES && class_bytes(class) <= REGION_BYTES - heap->filled_bytes) {
		void *block = heap->region + heap->filled_bytes;
		heap->filled_bytes += class_bytes(class);
		ASAN_UNPOISON_MEMORY_REGION(block, size);
		return block;
	}
	void *block = malloc(size);
	heap->outside_count += block != NULL;
	return block;
}

static void give_back(struct heap *heap, void *block, size_t size) {
	if (!is_inside(heap, block)) {
		heap->outside_count--;
		free(block);
		return;
	}
	size_t class = class_of(size);
	struct unused *unused = block;
	ASAN_UNPOISON_MEMORY_REGION(unused, sizeof *unused);
	unused->next = heap->unused[class];
	heap->unused[class] = unused;
	ASAN_POISON_MEMORY_REGION(block, class_bytes(class));
}

static void *move(struct heap *heap, void *block, size_t old, size_t size) {
	void *moved = take(heap, size);
	if (!moved)
		return size <= old ? block : NULL;
	memcpy(moved, block, old < size ? old : size);
	give_back(heap, block, old);
	return moved;
}

void *heap_resize(struct heap *heap, void *block, size_t old, size_t size) {
	if (size == 0) {
		if (block)
			give_back(heap, block, old);
		return NULL;
	}
	if (!block)
		return take(heap, size);
	if (is_inside(heap, block)) {
		if (size > LARGE_BYTES || class_of(size) != class_of(old))
			return move(heap, block, old, size);
		ASAN_POISON_MEMORY_REGION(block, class_bytes(class_of(old)));
		ASAN_UNPOISON_MEMORY_REGION(block, size);
		return block;
	}
	void *moved = realloc(block, size);
	return moved || size > old ? moved : block;
}

bool heap_holds_all(const struct heap *heap) {
	return heap->outside_count == 0;
}

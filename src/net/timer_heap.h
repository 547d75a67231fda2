// SPDX-License-Identifier: Apache-2.0
// The running timers of a loop, the earliest first: a binary heap of borrowed timers, each of which knows its place.
// Pure.
#ifndef NET_TIMER_HEAP_H
#define NET_TIMER_HEAP_H

#include <stddef.h>

#include "net/loop.h"

// Places count from 1: list[0] is unused, so that a timer with place 0 is in no heap. Zero-initialise.
struct timer_heap {
	struct timer **list;
	size_t count;
	size_t capacity;
};

// Removes all timers and frees the heap's memory.
void timer_heap_free(struct timer_heap *heap);

// Adds a timer by its due_ms, or moves one that is in the heap. O(log n); aborts when memory is out.
void timer_heap_place(struct timer_heap *heap, struct timer *timer);

// Removes a timer; does nothing for one that isn't in the heap. O(log n).
void timer_heap_remove(struct timer_heap *heap, struct timer *timer);

// The earliest timer, or NULL.
struct timer *timer_heap_first(const struct timer_heap *heap);

#endif

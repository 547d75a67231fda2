// SPDX-License-Identifier: Apache-2.0
// The heap of the loop's timers. Invariant: list[timer->heap_place] is timer, and no timer is due before its parent.
#include "net/timer_heap.h"

#include <stdlib.h>

#include "base/memory.h"

enum { FIRST_PLACE = 1, INITIAL_CAPACITY = 64 };

static void timer_heap_put(struct timer_heap *heap, size_t place, struct timer *timer) {
	heap->list[place] = timer;
	timer->heap_place = place;
}

static void timer_heap_move_up(struct timer_heap *heap, struct timer *timer) {
	size_t place = timer->heap_place;
	while (place > FIRST_PLACE && heap->list[place / 2]->due_ms > timer->due_ms) {
		timer_heap_put(heap, place, heap->list[place / 2]);
		place /= 2;
	}
	timer_heap_put(heap, place, timer);
}

static void timer_heap_move_down(struct timer_heap *heap, struct timer *timer) {
	size_t place = timer->heap_place;
	for (;;) {
		size_t child = 2 * place;
		if (child > heap->count)
			break;
		if (child < heap->count && heap->list[child + 1]->due_ms < heap->list[child]->due_ms)
			child++;
		if (heap->list[child]->due_ms >= timer->due_ms)
			break;
		timer_heap_put(heap, place, heap->list[child]);
		place = child;
	}
	timer_heap_put(heap, place, timer);
}

void timer_heap_free(struct timer_heap *heap) {
	for (size_t place = FIRST_PLACE; place <= heap->count; place++)
		heap->list[place]->heap_place = 0;
	free(heap->list);
	*heap = (struct timer_heap){0};
}

void timer_heap_place(struct timer_heap *heap, struct timer *timer) {
	if (timer->heap_place == 0) {
		if (heap->count + 1 >= heap->capacity) {
			heap->capacity = heap->capacity ? 2 * heap->capacity : INITIAL_CAPACITY;
			heap->list = memory_resize(heap->list, heap->capacity, sizeof(struct timer *));
		}
		timer_heap_put(heap, ++heap->count, timer);
	}
	timer_heap_move_up(heap, timer);
	timer_heap_move_down(heap, timer);
}

void timer_heap_remove(struct timer_heap *heap, struct timer *timer) {
	size_t place = timer->heap_place;
	if (place == 0)
		return;
	timer->heap_place = 0;
	struct timer *last = heap->list[heap->count--];
	if (last == timer)
		return;
	timer_heap_put(heap, place, last);
	timer_heap_move_up(heap, last);
	timer_heap_move_down(heap, last);
}

struct timer *timer_heap_first(const struct timer_heap *heap) {
	return heap->count ? heap->list[FIRST_PLACE] : NULL;
}

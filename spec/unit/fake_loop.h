// SPDX-License-Identifier: Apache-2.0
// A loop in virtual time in place of net's: these definitions satisfy the linker before net's archive is looked at. A
// spec moves the clock.
#ifndef SPEC_FAKE_LOOP_H
#define SPEC_FAKE_LOOP_H

#include <stdlib.h>

#include "net/loop.h"

enum { FAKE_TIMERS = 4096 };

struct loop {
	uint64_t now_ms;
	struct timer *running[FAKE_TIMERS];
	size_t count;
};

static struct loop fake_loop = {.now_ms = 1000000};

uint64_t loop_now_ms(const struct loop *loop) {
	return loop->now_ms;
}

void timer_init(struct timer *timer, struct loop *loop, loop_callback callback, void *owner) {
	*timer = (struct timer){loop, callback, owner, 0, 0};
}

void timer_stop(struct timer *timer) {
	if (timer->heap_place == 0)
		return;
	struct loop *loop = timer->loop;
	struct timer *last = loop->running[--loop->count];
	loop->running[timer->heap_place - 1] = last;
	last->heap_place = timer->heap_place;
	timer->heap_place = 0;
}

void timer_start(struct timer *timer, uint64_t delay_ms) {
	timer_stop(timer);
	if (timer->loop->count == FAKE_TIMERS)
		abort();
	timer->due_ms = timer->loop->now_ms + delay_ms;
	timer->loop->running[timer->loop->count++] = timer;
	timer->heap_place = timer->loop->count;
}

bool timer_is_running(const struct timer *timer) {
	return timer->heap_place != 0;
}

static inline struct timer *fake_next_timer(void) {
	struct timer *next = NULL;
	for (size_t i = 0; i < fake_loop.count; i++)
		if (!next || fake_loop.running[i]->due_ms < next->due_ms)
			next = fake_loop.running[i];
	return next;
}

// Moves the clock on, firing what falls due, in order.
static inline void pass(uint64_t ms) {
	uint64_t until = fake_loop.now_ms + ms;
	struct timer *next;
	while ((next = fake_next_timer()) != NULL && next->due_ms <= until) {
		fake_loop.now_ms = next->due_ms > fake_loop.now_ms ? next->due_ms : fake_loop.now_ms;
		timer_stop(next);
		next->callback(next->owner);
	}
	fake_loop.now_ms = until;
}

// Moves the clock on to what falls due next; there must be something.
static inline void pass_to_next(void) {
	struct timer *next = fake_next_timer();
	if (!next)
		abort();
	pass(next->due_ms > fake_loop.now_ms ? next->due_ms - fake_loop.now_ms : 0);
}

#endif

// SPDX-License-Identifier: Apache-2.0
// The requests that wait for a model, in the order of their arrival. A request asks again after all that arrived before
// it, whatever their times are, so a model that returns goes to the oldest request that wants it. The owner keeps the
// timer.
#ifndef ROUTE_WAIT_QUEUE_H
#define ROUTE_WAIT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct waiter {
	struct list link;
	uint64_t arrival; // counts the owner's requests
	uint64_t ask_ms;  // when to ask again at the latest; UINT64_MAX while it asks
	void (*ask)(void *owner);
	void *owner;
};

struct wait_queue {
	struct list waiters; // by `arrival`
	struct list cursor;  // behind the waiter that asks now
	size_t asked;        // waiters that asked, the last time
};

void wait_queue_init(struct wait_queue *queue);
// It waits for nothing yet. Its memory may go once it has left.
void waiter_init(struct waiter *waiter, uint64_t arrival, void (*ask)(void *owner), void *owner);

// Waits until `ask_ms`. A waiter that is in the queue already keeps its place and gets the new time.
void wait_queue_join(struct wait_queue *queue, struct waiter *waiter, uint64_t ask_ms);
// Leaving twice, or without having joined, does nothing.
void wait_queue_leave(struct waiter *waiter);

bool wait_queue_is_empty(const struct wait_queue *queue);

// When the next waiter has to ask; UINT64_MAX for never.
uint64_t wait_queue_next_ms(const struct wait_queue *queue);

// Lets the waiters ask, in order, up to the youngest whose time has come. Each then either joins again or leaves, in
// its `ask` or before the next call; `ask` may also make others join and leave. Not from within `ask`.
void wait_queue_ask(struct wait_queue *queue, uint64_t now_ms);

#endif

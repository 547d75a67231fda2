// SPDX-License-Identifier: Apache-2.0
// The requests that wait for a model, in the order of their arrival. A request is woken after all that arrived before
// it, whatever their times are, so that the oldest request that can use a model gets it. The owner runs the timer.
#ifndef ROUTE_WAIT_QUEUE_H
#define ROUTE_WAIT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct waiter {
	struct list link;
	uint64_t arrival; // the request's number, in order of arrival
	uint64_t wake_ms; // when to wake it at the latest; UINT64_MAX from its `wake` until it joins again
	void (*wake)(void *owner);
	void *owner;
};

struct wait_queue {
	struct list waiters; // by `arrival`
	struct list cursor;  // behind the waiter that is being woken
	size_t woken;        // waiters in the last wait_queue_wake
};

void wait_queue_init(struct wait_queue *queue);
// Does not join a queue. A waiter may be freed once it has left.
void waiter_init(struct waiter *waiter, uint64_t arrival, void (*wake)(void *owner), void *owner);

// Waits until `wake_ms` at the latest. A waiter that is in the queue keeps its place and gets the new time.
void wait_queue_join(struct wait_queue *queue, struct waiter *waiter, uint64_t wake_ms);
// Leaving twice, or without having joined, does nothing.
void wait_queue_leave(struct waiter *waiter);

bool wait_queue_is_empty(const struct wait_queue *queue);

// When to call wait_queue_wake next; UINT64_MAX for never.
uint64_t wait_queue_next_ms(const struct wait_queue *queue);

// Wakes the waiters in order, up to the youngest whose time has come. Each has to join again or leave, in its `wake` or
// before the next call; `wake` may also make others join and leave. Must not be called from within `wake`.
void wait_queue_wake(struct wait_queue *queue, uint64_t now_ms);

#endif

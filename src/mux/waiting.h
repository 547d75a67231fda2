// SPDX-License-Identifier: Apache-2.0
// The requests of a worker that wait for a model, in the order of their arrival. Who asks again does so after everybody
// who came before, whatever their times are: a model that returns goes to the oldest that wants it. Pure: it is given
// the time, and its owner keeps the timer.
#ifndef MUX_WAITING_H
#define MUX_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct waiter {
	struct list link;
	uint64_t arrival; // counts the worker's requests
	uint64_t ask_ms;  // when to ask again at the latest; UINT64_MAX while it asks
	void (*ask)(void *owner);
	void *owner;
};

struct waiting {
	struct list waiters; // by `arrival`
	struct list cursor;  // behind who asks now
	size_t asked;        // how many did, the last time
};

void waiting_init(struct waiting *waiting);
// It waits for nothing yet. Its memory may go once it has left.
void waiter_init(struct waiter *waiter, uint64_t arrival, void (*ask)(void *owner), void *owner);

// Waits until `ask_ms`; who waits already keeps its place and gets a new time.
void waiting_join(struct waiting *waiting, struct waiter *waiter, uint64_t ask_ms);
// Leaving twice, or without having joined, does nothing.
void waiting_leave(struct waiter *waiter);

bool waiting_is_empty(const struct waiting *waiting);

// When somebody has to ask; UINT64_MAX for never.
uint64_t waiting_next_ms(const struct waiting *waiting);

// Lets everybody ask, in order, up to the youngest whose time has come. Each then either joins again or leaves, in its
// `ask` or before the next call; `ask` may also make others join and leave. Not from within `ask`.
void waiting_ask(struct waiting *waiting, uint64_t now_ms);

#endif

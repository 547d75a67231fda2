// SPDX-License-Identifier: Apache-2.0
#include "mux/waiting.h"

#include <assert.h>

static struct waiter *waiter_at(struct list *link) {
	return LIST_OWNER(link, struct waiter, link);
}

static bool is_waiting(const struct waiter *waiter) {
	return waiter->link.next != &waiter->link;
}

void waiting_init(struct waiting *waiting) {
	list_init(&waiting->waiters);
	list_init(&waiting->cursor);
	waiting->asked = 0;
}

void waiter_init(struct waiter *waiter, uint64_t arrival, void (*ask)(void *owner), void *owner) {
	*waiter = (struct waiter){.arrival = arrival, .ask_ms = UINT64_MAX, .ask = ask, .owner = owner};
	list_init(&waiter->link);
}

// Who fails over after a while may be older than some that wait; most are the youngest.
void waiting_join(struct waiting *waiting, struct waiter *waiter, uint64_t ask_ms) {
	waiter->ask_ms = ask_ms;
	if (is_waiting(waiter))
		return;
	struct list *before = waiting->waiters.previous;
	while (before != &waiting->waiters && (before == &waiting->cursor || waiter_at(before)->arrival > waiter->arrival))
		before = before->previous;
	list_append(before->next, &waiter->link);
}

void waiting_leave(struct waiter *waiter) {
	list_remove(&waiter->link);
	waiter->ask_ms = UINT64_MAX;
}

bool waiting_is_empty(const struct waiting *waiting) {
	return list_is_empty(&waiting->waiters);
}

uint64_t waiting_next_ms(const struct waiting *waiting) {
	uint64_t next_ms = UINT64_MAX;
	for (struct list *link = waiting->waiters.next; link != &waiting->waiters; link = link->next)
		if (link != &waiting->cursor && waiter_at(link)->ask_ms < next_ms)
			next_ms = waiter_at(link)->ask_ms;
	return next_ms;
}

// The arrival of the youngest whose time has come; false for nobody.
static bool find_last_due(const struct waiting *waiting, uint64_t now_ms, uint64_t *arrival) {
	struct list *link = waiting->waiters.previous;
	while (link != &waiting->waiters && waiter_at(link)->ask_ms > now_ms)
		link = link->previous;
	if (link == &waiting->waiters)
		return false;
	*arrival = waiter_at(link)->arrival;
	return true;
}

void waiting_ask(struct waiting *waiting, uint64_t now_ms) {
	uint64_t last;
	assert(list_is_empty(&waiting->cursor));
	waiting->asked = 0;
	if (!find_last_due(waiting, now_ms, &last))
		return;
	struct list *link = waiting->waiters.next;
	while (link != &waiting->waiters && waiter_at(link)->arrival <= last) {
		struct waiter *waiter = waiter_at(link);
		list_append(link->next, &waiting->cursor);
		waiter->ask_ms = UINT64_MAX;
		waiting->asked++;
		waiter->ask(waiter->owner);
		link = waiting->cursor.next;
		list_remove(&waiting->cursor);
	}
}

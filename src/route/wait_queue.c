// SPDX-License-Identifier: Apache-2.0
// Waiting requests as a list in the order of arrival; a cursor survives changes of the list while it is walked.
#include "route/wait_queue.h"

#include <assert.h>

static struct waiter *waiter_at(struct list *link) {
	return LIST_OWNER(link, struct waiter, link);
}

static bool is_waiting(const struct waiter *waiter) {
	return waiter->link.next != &waiter->link;
}

void wait_queue_init(struct wait_queue *queue) {
	list_init(&queue->waiters);
	list_init(&queue->cursor);
	queue->woken = 0;
}

void waiter_init(struct waiter *waiter, uint64_t arrival, void (*wake)(void *owner), void *owner) {
	*waiter = (struct waiter){.arrival = arrival, .wake_ms = UINT64_MAX, .wake = wake, .owner = owner};
	list_init(&waiter->link);
}

// Searches from the youngest end: a request that fails over may be older than some that wait, but most are not.
void wait_queue_join(struct wait_queue *queue, struct waiter *waiter, uint64_t wake_ms) {
	waiter->wake_ms = wake_ms;
	if (is_waiting(waiter))
		return;
	struct list *before = queue->waiters.previous;
	while (before != &queue->waiters && (before == &queue->cursor || waiter_at(before)->arrival > waiter->arrival))
		before = before->previous;
	list_append(before->next, &waiter->link);
}

void wait_queue_leave(struct waiter *waiter) {
	list_remove(&waiter->link);
	waiter->wake_ms = UINT64_MAX;
}

bool wait_queue_is_empty(const struct wait_queue *queue) {
	return list_is_empty(&queue->waiters);
}

uint64_t wait_queue_next_ms(const struct wait_queue *queue) {
	uint64_t next_ms = UINT64_MAX;
	for (struct list *link = queue->waiters.next; link != &queue->waiters; link = link->next)
		if (link != &queue->cursor && waiter_at(link)->wake_ms < next_ms)
			next_ms = waiter_at(link)->wake_ms;
	return next_ms;
}

// The arrival of the youngest waiter whose time has come; false if there is none.
static bool find_last_due(const struct wait_queue *queue, uint64_t now_ms, uint64_t *arrival) {
	struct list *link = queue->waiters.previous;
	while (link != &queue->waiters && waiter_at(link)->wake_ms > now_ms)
		link = link->previous;
	if (link == &queue->waiters)
		return false;
	*arrival = waiter_at(link)->arrival;
	return true;
}

void wait_queue_wake(struct wait_queue *queue, uint64_t now_ms) {
	uint64_t last;
	assert(list_is_empty(&queue->cursor));
	queue->woken = 0;
	if (!find_last_due(queue, now_ms, &last))
		return;
	struct list *link = queue->waiters.next;
	while (link != &queue->waiters && waiter_at(link)->arrival <= last) {
		struct waiter *waiter = waiter_at(link);
		list_append(link->next, &queue->cursor);
		waiter->wake_ms = UINT64_MAX;
		queue->woken++;
		waiter->wake(waiter->owner);
		link = queue->cursor.next;
		list_remove(&queue->cursor);
	}
}

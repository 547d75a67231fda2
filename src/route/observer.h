// SPDX-License-Identifier: Apache-2.0
// The observers of an engine: each is told every event of the kinds that it listens to, on the thread where the event
// happens and before that thread goes on. So an observer must be quick, safe from any thread, and must not call the
// engine. An event that no observer listens to is never built.
#ifndef ROUTE_OBSERVER_H
#define ROUTE_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "route/event.h"

struct observer {
	void (*observe)(void *owner, const struct event *event);
	void *owner;
	unsigned kinds; // that it listens to: bits of enum event_kind, by event_bit
};

enum { OBSERVERS_MAX = 8 };

// Zeroed is none. Complete before the first event: it is read without a lock.
struct observers {
	struct observer list[OBSERVERS_MAX];
	size_t count;
	unsigned kinds; // that any of them listens to
};

static inline unsigned event_bit(enum event_kind kind) {
	return 1U << kind;
}

// Copies the observer; its owner must outlive the engine. Only OBSERVERS_MAX find room.
void observers_add(struct observers *observers, struct observer observer);

// Whether anything listens to events of that kind. NULL is none.
static inline bool observers_want(const struct observers *observers, enum event_kind kind) {
	return observers && observers->kinds & event_bit(kind);
}

// Tells those that listen to the event's kind, in the order in which they were added. NULL is none.
void observers_tell(const struct observers *observers, const struct event *event);

#endif

// SPDX-License-Identifier: Apache-2.0
// The observers of an engine. Each is notified of every event of the kinds that it subscribes to, synchronously, on the
// thread where the event happens. So an observer must be quick and thread-safe, and must not call the engine. A record
// is built only if an observer subscribes to its kind.
#ifndef ROUTE_OBSERVER_H
#define ROUTE_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "route/event.h"

struct observer {
	void (*observe)(void *owner, const struct event *event);
	void *owner;
	unsigned kinds; // that it subscribes to: bits of enum event_kind, by event_bit
};

enum { OBSERVERS_MAX = 8 };

// Zeroed is an empty list. Add all observers before the first event: the list is read without a lock.
struct observers {
	struct observer list[OBSERVERS_MAX];
	size_t count;
	unsigned kinds; // that any of them subscribes to
};

static inline unsigned event_bit(enum event_kind kind) {
	return 1U << kind;
}

// Copies the observer; its owner must outlive the engine. There is room for OBSERVERS_MAX.
void observers_add(struct observers *observers, struct observer observer);

// Whether any observer subscribes to events of that kind. NULL is an empty list.
static inline bool observers_want(const struct observers *observers, enum event_kind kind) {
	return observers && observers->kinds & event_bit(kind);
}

// Notifies the observers that subscribe to the event's kind, in the order in which they were added. NULL is an empty
// list.
void observers_notify(const struct observers *observers, const struct event *event);

#endif

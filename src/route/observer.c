// SPDX-License-Identifier: Apache-2.0
// The list of observers and their notification.
#include "route/observer.h"

#include <assert.h>

void observers_add(struct observers *observers, struct observer observer) {
	assert(observers->count < OBSERVERS_MAX);
	observers->list[observers->count++] = observer;
	observers->kinds |= observer.kinds;
}

void observers_notify(const struct observers *observers, const struct event *event) {
	if (!observers_want(observers, event->kind))
		return;
	for (size_t i = 0; i < observers->count; i++)
		if (observers->list[i].kinds & event_bit(event->kind))
			observers->list[i].observe(observers->list[i].owner, event);
}

// SPDX-License-Identifier: Apache-2.0
#include "mux/history.h"

#include <string.h>

#include "sandbox/sources.h"

struct sources *history_add(struct history *history, const struct history_entry *entry) {
	struct sources *dropped = NULL;
	if (history->count == HISTORY_BEFORE + 1) {
		dropped = history->list[0].sources;
		history->count--;
		memmove(&history->list[0], &history->list[1], history->count * sizeof history->list[0]);
	}
	history->list[history->count++] = *entry;
	return dropped;
}

const struct history_entry *history_find(const struct history *history, uint64_t number) {
	for (size_t i = 0; i < history->count; i++)
		if (history->list[i].number == number)
			return &history->list[i];
	return NULL;
}

const struct history_entry *history_last(const struct history *history) {
	return history->count ? &history->list[history->count - 1] : NULL;
}

void history_free(struct history *history) {
	for (size_t i = 0; i < history->count; i++)
		sources_release(history->list[i].sources);
	*history = (struct history){0};
}

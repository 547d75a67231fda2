// SPDX-License-Identifier: Apache-2.0
// The health window as a ring with running sums, so that an attempt costs the same however full it is.
#include "route/window.h"

#include "route/elapsed.h"

static void drop_oldest(struct window *window) {
	const struct window_entry *oldest = &window->entries[window->first];
	window->errors -= oldest->error;
	window->latency_sum_ms -= oldest->latency_ms;
	window->first = (window->first + 1) % WINDOW_ENTRIES;
	window->count--;
}

void window_expire(struct window *window, uint64_t now_ms) {
	while (window->count > 0 && elapsed_ms(now_ms, window->at_ms[window->first]) >= WINDOW_MS)
		drop_oldest(window);
}

void window_add(struct window *window, enum window_kind kind, uint64_t latency_ms, uint64_t now_ms) {
	if (window->count == WINDOW_ENTRIES)
		drop_oldest(window);
	size_t place = (window->first + window->count++) % WINDOW_ENTRIES;
	struct window_entry *entry = &window->entries[place];
	window->at_ms[place] = now_ms;
	entry->latency_ms = (latency_ms > INT32_MAX ? INT32_MAX : (uint32_t)latency_ms) & INT32_MAX;
	entry->error = kind == WINDOW_FAILURE;
	window->errors += entry->error;
	window->latency_sum_ms += entry->latency_ms;
	if (kind == WINDOW_SUCCESS)
		window->last_success_ms = now_ms;
	else if (kind == WINDOW_FAILURE)
		window->last_failure_ms = now_ms;
}

double window_error_rate(const struct window *window) {
	return window->count ? (double)window->errors / (double)window->count : 0;
}

bool window_is_failing(const struct window *window) {
	return window->count >= 10 && window_error_rate(window) >= 0.5;
}

double window_requests_per_minute(const struct window *window, uint64_t now_ms) {
	if (window->count < WINDOW_ENTRIES)
		return (double)window->count;
	uint64_t span_ms = elapsed_ms(now_ms, window->at_ms[window->first]);
	return (double)window->count * WINDOW_MS / (double)(span_ms ? span_ms : 1);
}

double window_average_latency_ms(const struct window *window) {
	return window->count ? (double)window->latency_sum_ms / (double)window->count : 0;
}

// SPDX-License-Identifier: Apache-2.0
// A model's health window: how its attempts ended over the last 60 s, at most 1 000 of them. A plain structure without
// a lock (that of model_state guards it); zeroed is empty.
#ifndef ROUTE_WINDOW_H
#define ROUTE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WINDOW_MS = 60000, WINDOW_ENTRIES = 1000 };

struct window_entry {
	uint32_t latency_ms : 31;
	uint32_t error : 1;
};

struct window {
	uint64_t at_ms[WINDOW_ENTRIES]; // apart from the entries, which would be a third larger with it
	struct window_entry entries[WINDOW_ENTRIES];
	size_t first;
	size_t count;
	uint64_t errors;
	uint64_t latency_sum_ms;
	uint64_t last_success_ms; // 0 is never
	uint64_t last_failure_ms;
};

// WINDOW_PLAIN is neither: a throttle, a caller's error.
enum window_kind { WINDOW_SUCCESS, WINDOW_FAILURE, WINDOW_PLAIN };

void window_add(struct window *window, enum window_kind kind, uint64_t latency_ms, uint64_t now_ms);

// Drops entries older than 60 s. Call it before the functions below.
void window_expire(struct window *window, uint64_t now_ms);

// The share of attempts that failed, 0..1; 0 without attempts.
double window_error_rate(const struct window *window);

// Whether the model is unhealthy: at least ten attempts, and half of them failed.
bool window_is_failing(const struct window *window);

// Attempts in the window; if it is full, extrapolated from its span.
double window_requests_per_minute(const struct window *window, uint64_t now_ms);

double window_average_latency_ms(const struct window *window);

#endif

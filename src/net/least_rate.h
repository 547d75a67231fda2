// SPDX-License-Identifier: Apache-2.0
// Whether a client sends or reads fast enough. Only time in which the client is waited for counts. A pause alone is not
// too slow, since silences have limits of their own: two periods in a row are.
#ifndef NET_LEAST_RATE_H
#define NET_LEAST_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct least_rate {
	uint32_t bytes_per_second; // 0: none
	uint64_t period_ms;
};

enum { LEAST_RATE_PERIOD_MS = 10000 };

// Zeroed is new and stopped.
struct rate_watch {
	uint64_t waited_ms; // of this period
	uint64_t bytes;     // of this period
	uint64_t since_ms;  // waited_ms is up to here, while it runs
	uint64_t last_rate; // of the period before, bytes a second; 0: there was none
	bool runs;
	bool was_slow; // in the period before
};

// From now on the client is waited for.
static inline void rate_watch_run(struct rate_watch *watch, uint64_t now_ms) {
	if (!watch->runs)
		watch->since_ms = now_ms;
	watch->runs = true;
}

// It is no longer.
static inline void rate_watch_stop(struct rate_watch *watch, uint64_t now_ms) {
	if (watch->runs)
		watch->waited_ms += now_ms - watch->since_ms;
	watch->runs = false;
}

// Counts bytes that have passed. Whether the client is too slow.
static inline bool rate_watch_count(struct rate_watch *watch, uint64_t bytes, const struct least_rate *least,
                                    uint64_t now_ms) {
	watch->bytes += bytes;
	if (watch->runs) {
		watch->waited_ms += now_ms - watch->since_ms;
		watch->since_ms = now_ms;
	}
	if (watch->waited_ms < least->period_ms)
		return false;
	bool is_slow = watch->bytes * 1000 < watch->waited_ms * least->bytes_per_second;
	bool is_too_slow = is_slow && watch->was_slow;
	watch->was_slow = is_slow;
	watch->last_rate = watch->waited_ms ? watch->bytes * 1000 / watch->waited_ms : 0;
	watch->waited_ms = watch->bytes = 0;
	return is_too_slow;
}

// How fast bytes have passed lately, in bytes a second.
static inline uint64_t rate_watch_recent(const struct rate_watch *watch, const struct least_rate *least,
                                         uint64_t now_ms) {
	uint64_t waited_ms = watch->waited_ms + (watch->runs ? now_ms - watch->since_ms : 0);
	if (watch->last_rate && waited_ms < least->period_ms)
		return watch->last_rate;
	return watch->bytes * 1000 / (waited_ms + 1);
}

#endif

// SPDX-License-Identifier: Apache-2.0
// A model's rests: for a known time after a throttle, or behind the others after a failure that the operator has to
// mend. A plain structure without a lock (model_state holds it): zeroed is awake.
#ifndef ROUTE_COOLDOWN_H
#define ROUTE_COOLDOWN_H

#include <stdbool.h>
#include <stdint.h>

struct cooldown {
	uint64_t until_ms;        // rests until then
	uint64_t orders_until_ms; // stands behind other models until then, usable all the same
	uint64_t length_ms;       // what the doubling has come to; 0 after a success
};

static inline bool cooldown_is_resting(const struct cooldown *cooldown, uint64_t now_ms) {
	return now_ms < cooldown->until_ms;
}

static inline bool cooldown_is_behind(const struct cooldown *cooldown, uint64_t now_ms) {
	return now_ms < cooldown->orders_until_ms;
}

// Rests after a throttle of an attempt sent at `sent_ms`: `asked_ms` where the upstream asked for a time (not 0), else
// 1 s doubling up to `ceiling_ms`.
void cooldown_throttled(struct cooldown *cooldown, uint64_t asked_ms, uint64_t ceiling_ms, uint64_t sent_ms,
                        uint64_t now_ms);

// Rests, or stands behind, for `length_ms`. No call shortens what is under way.
void cooldown_rest(struct cooldown *cooldown, uint64_t length_ms, uint64_t now_ms);
void cooldown_stand_behind(struct cooldown *cooldown, uint64_t length_ms, uint64_t now_ms);

// The model answers, so what the operator had to mend is mended.
void cooldown_mended(struct cooldown *cooldown);

// The same, of the tier that throttles: doubling begins anew. A rest under way goes on.
void cooldown_succeeded(struct cooldown *cooldown);

#endif

// SPDX-License-Identifier: Apache-2.0
// A model's rests: for a known time after a throttle, or behind the others after a failure that the operator has to
// mend. A plain structure without a lock (model_state holds it): zeroed is awake.
#ifndef ROUTE_COOLDOWN_H
#define ROUTE_COOLDOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "route/model.h"

struct cooldown {
	uint64_t until_ms;        // rests until then
	uint64_t orders_until_ms; // stands behind other models until then, usable all the same
	uint64_t length_ms;       // what the doubling has come to; 0 after a success
	unsigned tiers;           // that this rest is of, as bits of enum service_tier; 0 is the whole model
};

static inline bool cooldown_is_active(const struct cooldown *cooldown, uint64_t now_ms) {
	return now_ms < cooldown->until_ms;
}

// Whether the rest is one of that tier too; TIER_NONE asks for any.
static inline bool cooldown_holds(const struct cooldown *cooldown, enum service_tier tier, uint64_t now_ms) {
	return cooldown_is_active(cooldown, now_ms) &&
	       (tier == TIER_NONE || cooldown->tiers == 0 || cooldown->tiers & 1U << tier);
}

static inline bool cooldown_is_deprioritized(const struct cooldown *cooldown, uint64_t now_ms) {
	return now_ms < cooldown->orders_until_ms;
}

// Rests after a throttle of an attempt sent at `sent_ms`: `asked_ms` where the upstream asked for a time (not 0), else
// 1 s doubling up to `ceiling_ms`. A rest under way becomes one of this tier too; TIER_NONE is the whole model.
void cooldown_throttled(struct cooldown *cooldown, enum service_tier tier, uint64_t asked_ms, uint64_t ceiling_ms,
                        uint64_t sent_ms, uint64_t now_ms);

// Rests, or stands behind, for `length_ms`. No call shortens what is under way.
void cooldown_start(struct cooldown *cooldown, uint64_t length_ms, uint64_t now_ms);
void cooldown_deprioritize(struct cooldown *cooldown, uint64_t length_ms, uint64_t now_ms);

// The model answers, so what the operator had to mend is mended.
void cooldown_mended(struct cooldown *cooldown);

// The same, of the tier that throttles: doubling begins anew. A rest under way goes on.
void cooldown_succeeded(struct cooldown *cooldown);

#endif

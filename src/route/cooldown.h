// SPDX-License-Identifier: Apache-2.0
// A model's cooldown after a throttle, and for how long it is deprioritized (usable, after the other models) after a
// failure that the operator has to fix. A plain structure without a lock (that of model_state guards it); zeroed has
// neither.
#ifndef ROUTE_COOLDOWN_H
#define ROUTE_COOLDOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "route/model.h"

struct cooldown {
	uint64_t until_ms;
	uint64_t deprioritized_until_ms;
	uint64_t length_ms; // of the last doubling; 0 after a success
	unsigned tiers;     // that cool down, as bits of enum service_tier; 0 is the whole model
};

static inline bool cooldown_is_active(const struct cooldown *cooldown, uint64_t now_ms) {
	return now_ms < cooldown->until_ms;
}

// Whether the tier cools down; with TIER_NONE, whether any does.
static inline bool cooldown_holds(const struct cooldown *cooldown, enum service_tier tier, uint64_t now_ms) {
	return cooldown_is_active(cooldown, now_ms) &&
	       (tier == TIER_NONE || cooldown->tiers == 0 || cooldown->tiers & 1U << tier);
}

static inline bool cooldown_is_deprioritized(const struct cooldown *cooldown, uint64_t now_ms) {
	return now_ms < cooldown->deprioritized_until_ms;
}

// Starts a cooldown after a throttle of an attempt that was sent at `sent_ms`: of `asked_ms` if the upstream asked for
// a time (not 0), else of 1 s, doubling up to `ceiling_ms`. A cooldown under way extends to this tier; TIER_NONE is the
// whole model.
void cooldown_throttled(struct cooldown *cooldown, enum service_tier tier, uint64_t asked_ms, uint64_t ceiling_ms,
                        uint64_t sent_ms, uint64_t now_ms);

// Starts a cooldown of the whole model, or deprioritizes it, for `length_ms`. No call shortens what is under way.
void cooldown_start(struct cooldown *cooldown, uint64_t length_ms, uint64_t now_ms);
void cooldown_deprioritize(struct cooldown *cooldown, uint64_t length_ms, uint64_t now_ms);

// The model has responded, so the operator has fixed what was wrong.
void cooldown_end_deprioritized(struct cooldown *cooldown);

// The same, at the tier that was throttled: the next cooldown starts at 1 s again. One under way goes on.
void cooldown_succeeded(struct cooldown *cooldown);

#endif

// SPDX-License-Identifier: Apache-2.0
// Service tiers: which one an attempt is made at, and which one comes after a throttle. Sets of tiers are bits, by
// tier_bit.
#ifndef ROUTE_TIER_H
#define ROUTE_TIER_H

#include <stdbool.h>

#include "route/decide.h"
#include "route/model.h"

// Who wants an attempt's tier.
enum tier_source { TIER_FROM_NOBODY, TIER_FROM_POLICY, TIER_FROM_CLIENT, TIER_FROM_MODEL, TIER_FROM_LADDER };

struct tier_choice {
	enum service_tier tier;
	enum tier_source source;
};

// Where an attempt starts: the tier that the policy selected, else the client's own, else the model's. Tiers in
// `missing` are passed over, but for the client's own: that it can't be had is for the client to hear.
struct tier_choice tier_start(enum service_tier selected, enum service_tier client, enum service_tier model,
                              unsigned missing);

// The rung above `from` that isn't missing, or TIER_NONE. A tier that is no rung has those above it that are worth more
// (flex, default, priority, reserved).
enum service_tier tier_next(const struct tier_ladder *ladder, enum service_tier from, unsigned missing);

#endif

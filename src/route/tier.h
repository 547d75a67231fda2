// SPDX-License-Identifier: Apache-2.0
// Service tiers: which one an attempt is made at, and which one is next after a throttle. Sets of tiers are bits, by
// tier_bit.
#ifndef ROUTE_TIER_H
#define ROUTE_TIER_H

#include <stdbool.h>

#include "route/decide.h"
#include "route/model.h"

// Where an attempt's tier comes from.
enum tier_source { TIER_FROM_NONE, TIER_FROM_POLICY, TIER_FROM_CLIENT, TIER_FROM_MODEL, TIER_FROM_LADDER };

struct tier_choice {
	enum service_tier tier;
	enum tier_source source;
};

// The tier that an attempt starts at: the one that the policy selected, else the client's, else the model's. Tiers in
// `missing` are left out, except the client's: the client gets the service's error about it.
struct tier_choice tier_start(enum service_tier selected, enum service_tier client, enum service_tier model,
                              unsigned missing);

// The next rung after `from` that isn't in `missing`, or TIER_NONE. If `from` is no rung, the first rung of a higher
// tier (in the order flex, default, priority, reserved).
enum service_tier tier_next(const struct tier_ladder *ladder, enum service_tier from, unsigned missing);

#endif

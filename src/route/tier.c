// SPDX-License-Identifier: Apache-2.0
// The choice of a service tier. A pure function: the tiers that a model is known to lack are an argument.
#include "route/tier.h"

static bool may_use(enum service_tier tier, unsigned missing) {
	return tier != TIER_NONE && !(missing & tier_bit(tier));
}

struct tier_choice tier_start(enum service_tier selected, enum service_tier client, enum service_tier model,
                              unsigned missing) {
	if (may_use(selected, missing))
		return (struct tier_choice){selected, TIER_FROM_POLICY};
	if (client != TIER_NONE)
		return (struct tier_choice){client, TIER_FROM_CLIENT};
	if (may_use(model, missing))
		return (struct tier_choice){model, TIER_FROM_MODEL};
	return (struct tier_choice){TIER_NONE, TIER_FROM_NONE};
}

static int worth(enum service_tier tier) {
	static const int worths[] = {
	    [TIER_FLEX] = 0, [TIER_NONE] = 1, [TIER_DEFAULT] = 1, [TIER_PRIORITY] = 2, [TIER_RESERVED] = 3};
	return worths[tier];
}

enum service_tier tier_next(const struct tier_ladder *ladder, enum service_tier from, unsigned missing) {
	from = tier_in_effect(from);
	size_t above = 0;
	while (above < ladder->count && ladder->rungs[above] != from)
		above++;
	bool is_rung = above < ladder->count;
	for (size_t i = is_rung ? above + 1 : 0; i < ladder->count; i++)
		if (may_use(ladder->rungs[i], missing) && (is_rung || worth(ladder->rungs[i]) > worth(from)))
			return ladder->rungs[i];
	return TIER_NONE;
}

// SPDX-License-Identifier: Apache-2.0
// The choice of a service tier, as tables: where an attempt starts, and what comes next.
#include "route/tier.h"

#include "../check.h"

TEST(policy_client_and_model_choose_in_this_order) {
	static const struct {
		enum service_tier selected, client, model;
		unsigned missing;
		enum service_tier tier;
		enum tier_source source;
	} rows[] = {
	    {TIER_NONE, TIER_NONE, TIER_NONE, 0, TIER_NONE, TIER_FROM_NONE},
	    {TIER_NONE, TIER_NONE, TIER_FLEX, 0, TIER_FLEX, TIER_FROM_MODEL},
	    {TIER_NONE, TIER_PRIORITY, TIER_FLEX, 0, TIER_PRIORITY, TIER_FROM_CLIENT},
	    {TIER_RESERVED, TIER_PRIORITY, TIER_FLEX, 0, TIER_RESERVED, TIER_FROM_POLICY},
	    {TIER_NONE, TIER_NONE, TIER_FLEX, 1U << TIER_FLEX, TIER_NONE, TIER_FROM_NONE},
	    {TIER_RESERVED, TIER_NONE, TIER_FLEX, 1U << TIER_RESERVED, TIER_FLEX, TIER_FROM_MODEL},
	    {TIER_RESERVED, TIER_NONE, TIER_RESERVED, 1U << TIER_RESERVED, TIER_NONE, TIER_FROM_NONE},
	    {TIER_RESERVED, TIER_PRIORITY, TIER_FLEX, 1U << TIER_RESERVED, TIER_PRIORITY, TIER_FROM_CLIENT},
	    // The client's own tier stays, even if the model lacks it.
	    {TIER_NONE, TIER_PRIORITY, TIER_FLEX, 1U << TIER_PRIORITY | 1U << TIER_FLEX, TIER_PRIORITY, TIER_FROM_CLIENT},
	    {TIER_DEFAULT, TIER_NONE, TIER_FLEX, 0, TIER_DEFAULT, TIER_FROM_POLICY},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tier_choice found = tier_start(rows[i].selected, rows[i].client, rows[i].model, rows[i].missing);
		char what[32];
		snprintf(what, sizeof what, "row %zu", i);
		check_int(__FILE__, __LINE__, what, found.tier, rows[i].tier);
		check_int(__FILE__, __LINE__, what, found.source, rows[i].source);
	}
}

TEST(the_next_rung_depends_on_the_present_tier) {
	static const struct {
		struct tier_ladder ladder;
		enum service_tier from;
		unsigned missing;
		enum service_tier next;
	} rows[] = {
	    {{{TIER_NONE}, 0}, TIER_DEFAULT, 0, TIER_NONE},
	    {{{TIER_PRIORITY}, 1}, TIER_NONE, 0, TIER_PRIORITY},
	    {{{TIER_PRIORITY}, 1}, TIER_DEFAULT, 0, TIER_PRIORITY},
	    {{{TIER_PRIORITY}, 1}, TIER_FLEX, 0, TIER_PRIORITY},
	    {{{TIER_PRIORITY}, 1}, TIER_PRIORITY, 0, TIER_NONE},
	    {{{TIER_PRIORITY}, 1}, TIER_RESERVED, 0, TIER_NONE},
	    {{{TIER_PRIORITY}, 1}, TIER_NONE, 1U << TIER_PRIORITY, TIER_NONE},
	    {{{TIER_PRIORITY, TIER_RESERVED}, 2}, TIER_NONE, 0, TIER_PRIORITY},
	    {{{TIER_PRIORITY, TIER_RESERVED}, 2}, TIER_NONE, 1U << TIER_PRIORITY, TIER_RESERVED},
	    {{{TIER_PRIORITY, TIER_RESERVED}, 2}, TIER_PRIORITY, 0, TIER_RESERVED},
	    // No tier is the default one.
	    {{{TIER_FLEX, TIER_DEFAULT, TIER_PRIORITY}, 3}, TIER_NONE, 0, TIER_PRIORITY},
	    {{{TIER_FLEX, TIER_DEFAULT, TIER_PRIORITY}, 3}, TIER_FLEX, 0, TIER_DEFAULT},
	    {{{TIER_DEFAULT, TIER_PRIORITY}, 2}, TIER_FLEX, 0, TIER_DEFAULT},
	    // Among rungs the operator's order counts.
	    {{{TIER_RESERVED, TIER_PRIORITY}, 2}, TIER_NONE, 0, TIER_RESERVED},
	    {{{TIER_RESERVED, TIER_PRIORITY}, 2}, TIER_RESERVED, 0, TIER_PRIORITY},
	    {{{TIER_RESERVED, TIER_FLEX}, 2}, TIER_PRIORITY, 1U << TIER_RESERVED, TIER_NONE},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char what[32];
		snprintf(what, sizeof what, "row %zu", i);
		check_int(__FILE__, __LINE__, what, tier_next(&rows[i].ladder, rows[i].from, rows[i].missing), rows[i].next);
	}
}

int main(void) {
	RUN(policy_client_and_model_choose_in_this_order);
	RUN(the_next_rung_depends_on_the_present_tier);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// The lengths of cooldowns. A burst of throttles counts once: the length doubles only after a throttle of an attempt
// that was sent after the last cooldown ended.
#include "route/cooldown.h"

enum { FIRST_COOLDOWN_MS = 1000 };

static uint64_t at_most(uint64_t value, uint64_t limit) {
	return value < limit ? value : limit;
}

static void extend_until(uint64_t *until_ms, uint64_t end_ms) {
	if (end_ms > *until_ms)
		*until_ms = end_ms;
}

void cooldown_start(struct cooldown *cooldown, uint64_t length_ms, uint64_t now_ms) {
	extend_until(&cooldown->until_ms, now_ms + length_ms);
	cooldown->tiers = 0;
}

void cooldown_deprioritize(struct cooldown *cooldown, uint64_t length_ms, uint64_t now_ms) {
	extend_until(&cooldown->deprioritized_until_ms, now_ms + length_ms);
}

// A cooldown of the whole model remains one of the whole model.
static void start_tier_cooldown(struct cooldown *cooldown, enum service_tier tier, uint64_t length_ms,
                                uint64_t now_ms) {
	unsigned others = cooldown_is_active(cooldown, now_ms) ? cooldown->tiers : 0;
	bool is_whole = tier == TIER_NONE || (cooldown_is_active(cooldown, now_ms) && others == 0);
	cooldown_start(cooldown, length_ms, now_ms);
	cooldown->tiers = is_whole ? 0 : others | 1U << tier;
}

void cooldown_throttled(struct cooldown *cooldown, enum service_tier tier, uint64_t asked_ms, uint64_t ceiling_ms,
                        uint64_t sent_ms, uint64_t now_ms) {
	if (asked_ms > 0) {
		start_tier_cooldown(cooldown, tier, asked_ms, now_ms);
		return;
	}
	if (cooldown->length_ms == 0)
		cooldown->length_ms = FIRST_COOLDOWN_MS;
	else if (sent_ms >= cooldown->until_ms)
		cooldown->length_ms *= 2;
	cooldown->length_ms = at_most(cooldown->length_ms, ceiling_ms);
	start_tier_cooldown(cooldown, tier, cooldown->length_ms, now_ms);
}

void cooldown_end_deprioritized(struct cooldown *cooldown) {
	cooldown->deprioritized_until_ms = 0;
}

void cooldown_succeeded(struct cooldown *cooldown) {
	cooldown->length_ms = 0;
	cooldown_end_deprioritized(cooldown);
}

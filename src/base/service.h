// SPDX-License-Identifier: Apache-2.0
// What rooms that may not include each other share of Bedrock: its service tiers, by the service's names, and counts of
// tokens. A set of tiers is an unsigned of bits, see tier_bit.
#ifndef BASE_SERVICE_H
#define BASE_SERVICE_H

#include <stdint.h>

#include "base/slice.h"

// TIER_NONE: a request or a setting names no tier.
enum service_tier { TIER_NONE, TIER_DEFAULT, TIER_FLEX, TIER_PRIORITY, TIER_RESERVED };

// The names, indexed by enum service_tier; "" for TIER_NONE. NULL ends the list.
extern const char *const service_tier_names[];

// The tier of that name, or TIER_NONE.
enum service_tier service_tier_find(struct slice name);

static inline unsigned tier_bit(enum service_tier tier) {
	return 1U << tier;
}

// A request without a tier is served at the default one.
static inline enum service_tier tier_in_effect(enum service_tier tier) {
	return tier == TIER_NONE ? TIER_DEFAULT : tier;
}

// The tokens of a request and its response, as the model counted them; -1 is unknown.
struct token_usage {
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cache_read_tokens;
	int64_t cache_write_tokens;
};

#define TOKEN_USAGE_UNKNOWN ((struct token_usage){-1, -1, -1, -1})

#endif

// SPDX-License-Identifier: Apache-2.0
// Service tiers as bits, so that a number holds a set of them.
#ifndef WORLD_TIER_H
#define WORLD_TIER_H

#include "base/document.h"
#include "base/schema.h"
#include "base/slice.h"

enum {
	TIER_BIT_DEFAULT = 1,
	TIER_BIT_FLEX = 2,
	TIER_BIT_PRIORITY = 4,
	TIER_BIT_RESERVED = 8,
};

// The bit of a tier's name, or 0 for an unknown name.
unsigned tier_bit_of(struct slice name);

// The name of a bit (static).
const char *tier_bit_name(unsigned bit);

// A schema_parse for one tier's name, or a list of them; its target is an unsigned.
void tier_bits_parse(const struct document *value, void *target, const struct schema_place *place);

#endif

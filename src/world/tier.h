// SPDX-License-Identifier: Apache-2.0
// Sets of service tiers as scenarios state them.
#ifndef WORLD_TIER_H
#define WORLD_TIER_H

#include "base/document.h"
#include "base/schema.h"

// A schema_parse for the name of a tier, or a list of names; its target is an unsigned of bits, see tier_bit.
void tier_bits_parse(const struct document *value, void *target, const struct schema_place *place);

#endif

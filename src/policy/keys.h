// SPDX-License-Identifier: Apache-2.0
// Every key of a policy file, defined once: validation, the pool and the tables of policies/REFERENCE.md come from
// here.
#ifndef POLICY_KEYS_H
#define POLICY_KEYS_H

#include "base/schema.h"
#include "route/model.h"

// What the keys at the top of a policy fill.
struct policy_settings {
	struct route_limits limits;
	struct breaker_settings breaker;
	const struct document *models; // borrowed from the document
};

extern const struct schema_key policy_keys[];
extern const struct schema_key breaker_keys[];
extern const struct schema_key quota_keys[];
extern const struct schema_key price_keys[];
// Fill a struct model.
extern const struct schema_key model_keys[];

#endif

// SPDX-License-Identifier: Apache-2.0
// The keys of a policy file, each defined once: for validation, for the pool, and for the check of the tables in
// policies/REFERENCE.md.
#ifndef POLICY_KEYS_H
#define POLICY_KEYS_H

#include <stdbool.h>

#include "base/schema.h"
#include "route/model.h"

// Which hooks want the request refused when they fail.
struct on_error {
	bool select, classify, accept, prepare;
};

// Filled by the keys at the top level of a policy.
struct policy_settings {
	struct route_limits limits;
	struct on_error on_error;
	struct breaker_settings breaker;
	const struct document *models; // borrowed from the document
};

extern const struct schema_key policy_keys[];
extern const struct schema_key on_error_keys[]; // fill a struct on_error
extern const struct schema_key breaker_keys[];
extern const struct schema_key quota_keys[];
extern const struct schema_key price_keys[];
// Fill a struct model.
extern const struct schema_key model_keys[];

#endif

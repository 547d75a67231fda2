// SPDX-License-Identifier: Apache-2.0
// The attributes of a call that routing needs; of its body only those that the policy uses.
#ifndef MUX_REQUEST_ATTRIBUTES_H
#define MUX_REQUEST_ATTRIBUTES_H

#include "mux/mux.h"
#include "mux/request_body.h"
#include "route/decide.h"
#include "route/model.h"

// Fills `attributes`, which borrow from the call and from `body`, except for what the body says.
void request_attributes_init(const struct mux_call *call, struct request_body *body,
                             struct request_attributes *attributes);

// Whether routing wants to know what the body says: for a pool with quotas, or with tiers unless they are in a header.
bool request_attributes_want_body(const struct mux_call *call, const struct pool *pool);

// Fills in the rest. The body is read only if routing wants it.
void request_attributes_fill(const struct mux_call *call, const struct pool *pool, struct request_body *body,
                             struct request_attributes *attributes);

#endif

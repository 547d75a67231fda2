// SPDX-License-Identifier: Apache-2.0
// The attributes of a call that routing needs; of its body only those that the policy uses.
#ifndef MUX_REQUEST_ATTRIBUTES_H
#define MUX_REQUEST_ATTRIBUTES_H

#include "mux/mux.h"
#include "mux/request_body.h"
#include "route/decide.h"
#include "route/model.h"

// Fills all of `attributes`, which borrow from the call and from `body`. The body is read only for a pool with quotas
// or tiers.
void request_attributes_fill(const struct mux_call *call, const struct pool *pool, struct request_body *body,
                             struct request_attributes *attributes);

#endif

// SPDX-License-Identifier: Apache-2.0
// What routing is told of a call, and of its body only what the policy has a use for.
#ifndef MUX_REQUEST_ATTRIBUTES_H
#define MUX_REQUEST_ATTRIBUTES_H

#include "mux/mux.h"
#include "route/decide.h"
#include "route/model.h"

// Everything in `facts` is borrowed from the call.
void request_attributes_fill(const struct mux_call *call, const struct pool *pool,
                             struct request_attributes *attributes);

#endif

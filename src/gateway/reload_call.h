// SPDX-License-Identifier: Apache-2.0
// POST /reload: an admin request that is answered once the policy has been loaded, or wasn't.
#ifndef GATEWAY_RELOAD_CALL_H
#define GATEWAY_RELOAD_CALL_H

#include "base/buffer.h"
#include "base/slice.h"
#include "gateway/reload.h"
#include "http/server.h"

struct reload_call;

// What the request asks for: the query `to=VERSION`, or a body {"to": VERSION}, or neither. False when it makes no
// sense.
bool reload_call_read(struct slice query, struct slice body, struct mux_reload_order *order);

// The answer's status and JSON body.
int reload_call_format(const struct mux_reload_order *order, const struct mux_reloaded *reloaded, struct buffer *body);

// Gives the order; `call` is answered later. 0 and *out, or a status of mux_reload's.
int reload_call_start(struct reload *reload, struct mux_reload_order order, struct server_call *call,
                      struct reload_call **out);

// The client has gone; the order is carried out all the same.
void reload_call_abandon(struct reload_call *pending);

#endif

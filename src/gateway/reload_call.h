// SPDX-License-Identifier: Apache-2.0
// POST /reload: an admin request whose response is sent once the policy has been loaded or rejected.
#ifndef GATEWAY_RELOAD_CALL_H
#define GATEWAY_RELOAD_CALL_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "gateway/reload.h"
#include "http/server.h"

struct reload_call;

// A bound of version numbers: JSON numbers are doubles, which hold whole numbers up to here.
#define RELOAD_CALL_VERSION_MAX (UINT64_C(1) << 53)

// Reads the order from the query `to=VERSION` or a body {"to": VERSION}; neither means what is on disk. False for
// anything else.
bool reload_call_read(struct slice query, struct slice body, struct mux_reload_order *order);

// Returns the response's status and writes its JSON body.
int reload_call_format(const struct mux_reload_order *order, const struct mux_reloaded *reloaded, struct buffer *body);

// Gives the order; its result is sent to `call` later. 0 and *out, or a status of mux_reload's.
int reload_call_start(struct reload *reload, struct mux_reload_order order, struct server_call *call,
                      struct reload_call **out);

// The client has disconnected; the order is carried out all the same.
void reload_call_abandon(struct reload_call *pending);

#endif

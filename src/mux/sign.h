// SPDX-License-Identifier: Apache-2.0
// A call made into one model's HTTP request: path, headers that go up, signature. Done anew for each attempt, so that
// dates and credentials are fresh.
#ifndef MUX_SIGN_H
#define MUX_SIGN_H

#include "base/arena.h"
#include "mux/mux.h"
#include "mux/version.h"
#include "mux/worker.h"
#include "net/exchange.h"

// `model` is NULL for an operation that is on none. `payload_hash` (SIGV4_HEX_BYTES) is filled when a signature first
// needs it, and kept by the caller for the next attempt; empty before. Fills `request` with texts of the arena and of
// the call. 0; ERROR_MISSING without credentials, ERROR_LIMIT, ERROR_MEMORY, ERROR_CRYPTO, with *reason set to one line
// for the log.
int sign_request(struct mux_worker *worker, const struct mux_call *call, const struct target *target,
                 const struct model *model, char *payload_hash, struct arena *arena, struct exchange_request *request,
                 const char **reason);

#endif

// SPDX-License-Identifier: Apache-2.0
// A call made into one model's HTTP request: path, headers that go up, signature. Done anew for each attempt, so that
// dates and credentials are fresh.
#ifndef MUX_SIGN_H
#define MUX_SIGN_H

#include "base/arena.h"
#include "http/exchange.h"
#include "mux/mux.h"
#include "mux/version.h"
#include "mux/worker.h"

// What an attempt sends that may be other than what the client sent.
struct upload {
	struct slice body;
	// SIGV4_HEX_BYTES: the body's hash, filled when a signature first needs it; empty before. The caller keeps it for
	// the next attempt with the same body.
	char *payload_hash;
	struct headers headers; // in place of the client's of these names; a value without a pointer leaves the name out
};

// `model` is NULL for an operation that is on none. Fills `request` with texts of the arena, the call and the upload.
// 0; ERROR_MISSING without credentials, ERROR_LIMIT, ERROR_MEMORY, ERROR_CRYPTO, with *reason set to one line for the
// log.
int sign_request(struct mux_worker *worker, const struct mux_call *call, const struct upload *upload,
                 const struct target *target, const struct model *model, struct arena *arena,
                 struct exchange_request *request, const char **reason);

#endif

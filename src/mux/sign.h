// SPDX-License-Identifier: Apache-2.0
// Makes the signed HTTP request of an attempt: path, headers, signature. Each attempt is signed anew, so that the date
// and the credentials are fresh.
#ifndef MUX_SIGN_H
#define MUX_SIGN_H

#include "base/arena.h"
#include "http/exchange.h"
#include "mux/mux.h"
#include "mux/version.h"
#include "mux/worker.h"

// The parts of an attempt's request that may differ from the client's. Borrowed.
struct upload {
	struct slice body;
	// SIGV4_HEX_BYTES: the body's hash, empty until a signature first needs it. The caller keeps it for later attempts
	// with the same body.
	char *payload_hash;
	struct headers headers; // replace the client's of these names; a NULL value removes the header
};

// Fills `request`; its texts are those of the arena, the call, the target and the upload. `model` is NULL for an
// operation without one. Returns 0; or ERROR_MISSING (no credentials), ERROR_LIMIT, ERROR_MEMORY or ERROR_CRYPTO, with
// *reason set to one line for the log.
int sign_request(struct mux_worker *worker, const struct mux_call *call, const struct upload *upload,
                 const struct target *target, const struct model *model, struct arena *arena,
                 struct exchange_request *request, const char **reason);

#endif

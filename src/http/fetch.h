// SPDX-License-Identifier: Apache-2.0
// One HTTP request to a listener, waited for on the caller's thread: for commands, which have nothing else to do.
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include "base/buffer.h"
#include "base/slice.h"

struct fetch_request {
	const char *address; // as server_listen takes it: "HOST:PORT", "[V6]:PORT" or "unix:/path"
	const char *method;
	const char *path; // with its query
	struct slice body;
	long timeout_ms;
};

// Appends the answer's body to `body`, whose limit bounds it. The answer's status, or 0 with *message one line that
// says why there is none (static).
int fetch(const struct fetch_request *request, struct buffer *body, const char **message);

#endif

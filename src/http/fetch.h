// SPDX-License-Identifier: Apache-2.0
// A blocking HTTP request to a listener, for commands, which have nothing else to do meanwhile.
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

// Appends the response's body to `body`, up to its limit. Returns the response's status; or 0, and *message is one line
// that says why (static).
int fetch(const struct fetch_request *request, struct buffer *body, const char **message);

#endif

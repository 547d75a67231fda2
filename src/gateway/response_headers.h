// SPDX-License-Identifier: Apache-2.0
// The headers of an answer, composed: what comes down from an upstream, and what the gateway adds. A heading is reused
// from answer to answer; its list stays valid until the next response_headers_response or response_headers_error.
#ifndef GATEWAY_RESPONSE_HEADERS_H
#define GATEWAY_RESPONSE_HEADERS_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/header.h"
#include "mux/mux.h"

struct response_headers {
	struct header *list;
	size_t count;
	size_t capacity;
	char attempts[16];
	char retry_after_ms[24];
	char retry_after_s[24];
};

// Zero-initialise; release with response_headers_free.
void response_headers_free(struct response_headers *response_headers);

// Of an answer: the upstream's headers, x-amzn-requestid (the upstream's, else `request_id`), x-signalbox-model and
// x-signalbox-attempts where there was an attempt. Everything is borrowed.
struct headers response_headers_response(struct response_headers *response_headers, struct headers upstream,
                                         struct slice request_id, struct slice model, uint32_t attempts);

// Of an error: as above with x-amzn-errortype, x-signalbox-error, and what tells when to come back, in milliseconds
// (x-amz-retry-after) and whole seconds, rounded up (Retry-After). An upstream's own headers come first and win.
struct headers response_headers_error(struct response_headers *response_headers, const struct mux_error *error,
                                      struct slice request_id, struct slice model, uint32_t attempts);

#endif

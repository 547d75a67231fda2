// SPDX-License-Identifier: Apache-2.0
// The headers of a response: the upstream's, and what the gateway adds. The structure is reused for many responses; a
// list stays valid until the next call of response_headers_make or response_headers_make_error.
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
void response_headers_free(struct response_headers *headers);

// For a response: the upstream's headers, x-amzn-requestid (the upstream's, else `request_id`), x-signalbox-model if
// `model` isn't empty, and x-signalbox-attempts. Everything is borrowed.
struct headers response_headers_make(struct response_headers *headers, struct headers upstream, struct slice request_id,
                                     struct slice model, uint32_t attempts);

// For an error: the same with x-amzn-errortype, x-signalbox-error, and when to retry, in milliseconds
// (x-amz-retry-after) and in whole seconds, rounded up (retry-after). An upstream's own headers take precedence.
struct headers response_headers_make_error(struct response_headers *headers, const struct mux_error *error,
                                           struct slice request_id, struct slice model, uint32_t attempts);

#endif

// SPDX-License-Identifier: Apache-2.0
// How much body a response to a client may still have, by its status, the request's method and its stated length. Both
// protocols count it alike.
#ifndef HTTP_RESPONSE_EXTENT_H
#define HTTP_RESPONSE_EXTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct response_extent {
	bool bodiless;            // a body that is written is not sent
	uint64_t remaining_bytes; // of a stated length; UINT64_MAX if none is stated
};

// Sets what status and method imply; no length is stated yet.
static inline void response_extent_begin(struct response_extent *extent, int status, struct slice method) {
	bool empty_status = status < 200 || status == 204 || status == 304;
	extent->bodiless = empty_status || slice_equal(method, SLICE("HEAD"));
	extent->remaining_bytes = UINT64_MAX;
}

// The part of the body's next bytes that fits the stated length.
static inline struct slice response_extent_take(struct response_extent *extent, struct slice bytes) {
	if (extent->remaining_bytes == UINT64_MAX)
		return bytes;
	if (bytes.len > extent->remaining_bytes)
		bytes.len = (size_t)extent->remaining_bytes;
	extent->remaining_bytes -= bytes.len;
	return bytes;
}

// Whether a response that ends now is shorter than stated.
static inline bool response_extent_is_short(const struct response_extent *extent) {
	return extent->remaining_bytes != UINT64_MAX && extent->remaining_bytes > 0 && !extent->bodiless;
}

#endif

// SPDX-License-Identifier: Apache-2.0
// The canonical request of Signature Version 4: method, path, query, headers, signed names, payload hash, each in the
// one form that signer and verifier agree on. Pure text, no cryptography.
#ifndef AWS_CANONICAL_H
#define AWS_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/header.h"
#include "base/slice.h"

enum {
	CANONICAL_HEADERS = 128,      // most headers that are signed; they are sorted by insertion
	CANONICAL_PARAMETERS = 128,   // most query parameters, likewise
	CANONICAL_BYTES = 1024 * 1024 // a buffer's limit that is enough for any request we take
};

struct canonical_request {
	struct slice method;
	struct slice path;  // raw; empty is "/"
	struct slice query; // raw, without '?'
	bool normalise_path;
	bool encode_path_once;
	struct header *headers; // all that are signed, host too; sorted in place by name, repeated names in their order
	size_t header_count;
	struct slice payload_hash;
};

// Replaces the content of `out`, and sets *signed_headers ("host;x-amz-date") to a part of it. 0; ERROR_LIMIT (too many
// headers or parameters, or no room); ERROR_MEMORY.
int canonical_build(const struct canonical_request *request, struct buffer *out, struct slice *signed_headers);

#endif

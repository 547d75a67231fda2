// SPDX-License-Identifier: Apache-2.0
// The canonical request of Signature Version 4: method, path, query, headers, names of the signed headers and payload
// hash, each in a normal form that signer and verifier compute alike. Only text, no cryptography.
#ifndef AWS_CANONICAL_H
#define AWS_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/header.h"
#include "base/slice.h"

enum {
	CANONICAL_HEADERS = 128,      // limit of signed headers, which are sorted by insertion
	CANONICAL_PARAMETERS = 128,   // limit of query parameters, likewise
	CANONICAL_BYTES = 1024 * 1024 // buffer limit, enough for any request that the gateway accepts
};

struct canonical_request {
	struct slice method;
	struct slice path;  // raw; empty is "/"
	struct slice query; // raw, without '?'
	bool normalise_path;
	bool encode_path_once;
	struct header *headers; // all signed headers, with host; sorted in place by name, equal names keep their order
	size_t header_count;
	struct slice payload_hash;
};

// Replaces the content of `out`, and sets *signed_headers ("host;x-amz-date") to a part of it. 0; ERROR_LIMIT: too many
// headers or parameters, or too long; ERROR_MEMORY.
int canonical_build(const struct canonical_request *request, struct buffer *out, struct slice *signed_headers);

#endif

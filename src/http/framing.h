// SPDX-License-Identifier: Apache-2.0
// How the body of an HTTP/1.1 message is delimited, read strictly and incrementally: any chunking of the input, down to
// single bytes, gives the same body. Copies nothing and allocates nothing.
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum framing_kind {
	FRAMING_NONE,        // no body
	FRAMING_LENGTH,      // content-length
	FRAMING_CHUNKED,     // transfer-encoding: chunked
	FRAMING_UNTIL_CLOSE, // a response that ends with its connection
};

enum framing_step {
	FRAMING_MORE,      // the input is used up
	FRAMING_PIECE,     // *piece holds bytes of the body
	FRAMING_END,       // the body is whole; the rest of the input belongs to the next message
	FRAMING_MALFORMED, // no valid chunked coding; further calls return the same
};

struct framing {
	enum framing_kind kind;
	int state;
	unsigned digits;
	size_t extra_bytes;       // of chunk extensions and trailers so far
	uint64_t remaining_bytes; // of the body, or of the current chunk
};

// `length` is used with FRAMING_LENGTH only.
void framing_init(struct framing *framing, enum framing_kind kind, uint64_t length);

// Takes the next step and removes what it consumed from the front of *input. A piece points into the original input.
// Chunk extensions and trailers are bounded and dropped.
enum framing_step framing_read(struct framing *framing, struct slice *input, struct slice *piece);

#endif

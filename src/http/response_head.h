// SPDX-License-Identifier: Apache-2.0
// The text of an HTTP/1.1 answer's head.
#ifndef HTTP_RESPONSE_HEAD_H
#define HTTP_RESPONSE_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/header.h"
#include "base/slice.h"

struct response_head {
	int status;
	struct slice date;
	struct headers headers;
	int64_t content_length; // negative: none is stated
	bool chunked;
	struct slice connection; // "close", "keep-alive", or empty for none
};

// Appends the head with its final empty line; what fails shows in out->failed. Headers that could end a line early, and
// those that frame the message (which is this function's own business), are left out.
void response_head_format(const struct response_head *head, struct buffer *out);

// Whether the head may carry it: see above.
bool response_head_passes(const struct header *header);

#endif

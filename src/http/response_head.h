// SPDX-License-Identifier: Apache-2.0
// Formats the head of an HTTP/1.1 response. Pure.
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
	int64_t content_length; // negative: not stated
	bool chunked;
	struct slice connection; // "close", "keep-alive", or empty for no header
};

// Appends the head with its final empty line; sets out->failed on failure. Headers that could end a line early, and
// those that this function writes itself (date, connection, framing), are left out.
void response_head_format(const struct response_head *head, struct buffer *out);

// Whether response_head_format keeps the header.
bool response_head_passes(const struct header *header);

#endif

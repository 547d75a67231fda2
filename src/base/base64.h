// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648, section 4). The AWS APIs carry bytes in JSON in this form.
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buffer.h"
#include "base/slice.h"

// Appends the encoded bytes, with padding. 0, or as buffer_append.
int base64_encode(struct slice bytes, struct buffer *out);

// Appends the decoded bytes. 0, or ERROR_INVALID (other characters, a wrong length or padding), or as buffer_append.
int base64_decode(struct slice text, struct buffer *out);

#endif

// SPDX-License-Identifier: Apache-2.0
// Percent-encoding (RFC 3986): escapes all but the unreserved characters (letters, digits, `-` `.` `_` `~`), with
// upper-case hex digits, as AWS requires in paths and in canonical requests.
#ifndef AWS_PERCENT_H
#define AWS_PERCENT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

enum percent_rule {
	PERCENT_SEGMENT, // also escapes slashes
	PERCENT_PATH,    // keeps slashes
	PERCENT_ONCE,    // keeps slashes and existing escapes, in upper case
};

// Appends the escaped text. 0, or as buffer_reserve.
int percent_encode(struct slice text, enum percent_rule rule, struct buffer *out);

// Appends the text with all escapes decoded. False, with nothing appended, if a `%` is not followed by two hex digits
// or if the buffer reaches its limit.
bool percent_decode(struct slice text, struct buffer *out);

// Appends the text with its valid escapes decoded and the rest unchanged. 0, or as buffer_reserve.
int percent_decode_lenient(struct slice text, struct buffer *out);

#endif

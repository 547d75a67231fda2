// SPDX-License-Identifier: Apache-2.0
// Percent-encoding of RFC 3986: everything but the unreserved characters (letters, digits, `-` `.` `_` `~`) is escaped,
// with upper-case hex digits, as AWS wants it in paths and in what is signed.
#ifndef AWS_PERCENT_H
#define AWS_PERCENT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

enum percent_rule {
	PERCENT_SEGMENT, // escapes slashes too
	PERCENT_PATH,    // keeps slashes
	PERCENT_ONCE,    // keeps slashes and the escapes that are there already, in upper case
};

// Appends the escaped text. 0, or as buffer_reserve.
int percent_encode(struct slice text, enum percent_rule rule, struct buffer *out);

// Appends the text with every escape decoded. False, having appended something or nothing, when a `%` is not followed
// by two hex digits or when the buffer has no room.
bool percent_decode(struct slice text, struct buffer *out);

// Appends the text with its valid escapes decoded and all else as it is. 0, or as buffer_reserve.
int percent_decode_lenient(struct slice text, struct buffer *out);

#endif

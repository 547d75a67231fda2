// SPDX-License-Identifier: Apache-2.0
// Checks UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

// The length of the sequence at the front of `text`, or 0 if it is invalid. `text` must not be empty.
size_t utf8_length(struct slice text);

// Whether the whole text is valid.
bool utf8_is_valid(struct slice text);

#endif

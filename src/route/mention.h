// SPDX-License-Identifier: Apache-2.0
// What an upstream's message speaks of: some failures are told apart by nothing else.
#ifndef ROUTE_MENTION_H
#define ROUTE_MENTION_H

#include <stdbool.h>
#include <strings.h>

#include "base/slice.h"

// Whether the word occurs in the text, in whatever case, also within another word.
static inline bool mentions(struct slice text, struct slice word) {
	for (size_t i = 0; i + word.len <= text.len; i++)
		if (strncasecmp(text.ptr + i, word.ptr, word.len) == 0)
			return true;
	return false;
}

#endif

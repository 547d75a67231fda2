// SPDX-License-Identifier: Apache-2.0
// A named value, as HTTP messages and views carry them.
#ifndef BASE_HEADER_H
#define BASE_HEADER_H

#include <stddef.h>

#include "base/slice.h"

struct header {
	struct slice name;
	struct slice value;
};

// A borrowed run of headers.
struct headers {
	const struct header *list;
	size_t count;
};

// The value of the first header of that name (without case), or NULL.
static inline const struct slice *headers_find(struct headers headers, struct slice name) {
	for (size_t i = 0; i < headers.count; i++)
		if (slice_equal_nocase(headers.list[i].name, name))
			return &headers.list[i].value;
	return NULL;
}

#endif

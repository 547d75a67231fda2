// SPDX-License-Identifier: Apache-2.0
// Named values, as in the headers of HTTP messages.
#ifndef BASE_HEADER_H
#define BASE_HEADER_H

#include <stddef.h>

#include "base/slice.h"

struct header {
	struct slice name;
	struct slice value;
};

// A borrowed array of headers.
struct headers {
	const struct header *list;
	size_t count;
};

// The value of the first header with that name (case-insensitive), or NULL.
static inline const struct slice *headers_find(struct headers headers, struct slice name) {
	for (size_t i = 0; i < headers.count; i++)
		if (slice_equal_nocase(headers.list[i].name, name))
			return &headers.list[i].value;
	return NULL;
}

#endif

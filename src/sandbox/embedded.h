// SPDX-License-Identifier: Apache-2.0
// The Lua files that are compiled into the program, by their paths in the source tree.
#ifndef SANDBOX_EMBEDDED_H
#define SANDBOX_EMBEDDED_H

#include <stddef.h>

struct embedded {
	const char *path;
	const char *bytes; // followed by a NUL
	size_t size;
};

// The file of that path, or NULL.
const struct embedded *embedded_find(const char *path);

#endif

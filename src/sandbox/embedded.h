// SPDX-License-Identifier: Apache-2.0
// The Lua that ships inside the program, by its path in the tree.
#ifndef SANDBOX_EMBEDDED_H
#define SANDBOX_EMBEDDED_H

#include <stddef.h>

struct embedded {
	const char *path;
	const char *bytes; // a NUL stands behind them
	size_t size;
};

// The file of that path; NULL is none.
const struct embedded *embedded_find(const char *path);

#endif

// SPDX-License-Identifier: Apache-2.0
// The Lua that ships inside the program, by its path in the tree.
#ifndef POLICY_EMBEDDED_H
#define POLICY_EMBEDDED_H

#include <stddef.h>

struct embedded {
	const char *path;
	const char *bytes; // a NUL stands behind them
	size_t size;
};

// Ended by an entry without a path.
extern const struct embedded embedded_files[];

#endif

// SPDX-License-Identifier: Apache-2.0
// The build generates embedded.inc from lua/signalbox/*.lua and policies/weighted.lua.
#include "sandbox/embedded.h"

#include <string.h>

static const struct embedded files[] = {
#include "embedded.inc"
};

enum { FILES = sizeof files / sizeof *files };

const struct embedded *embedded_find(const char *path) {
	for (size_t i = 0; i < FILES; i++)
		if (strcmp(files[i].path, path) == 0)
			return &files[i];
	return NULL;
}

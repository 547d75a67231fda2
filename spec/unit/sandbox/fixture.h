// SPDX-License-Identifier: Apache-2.0
// Lua files in a folder of their own; the one at `path` is the main one.
#ifndef SPEC_SANDBOX_FIXTURE_H
#define SPEC_SANDBOX_FIXTURE_H

#include "../check.h"
#include "../folder.h"

struct fixture {
	char folder[FOLDER_BYTES];
	char path[256];
	struct problems problems;
};

static inline void fixture_init(struct fixture *fixture) {
	*fixture = (struct fixture){0};
	folder_make(fixture->folder);
	snprintf(fixture->path, sizeof fixture->path, "%s/main.lua", fixture->folder);
}

static inline void fixture_write(struct fixture *fixture, const char *name, const char *text) {
	folder_write(fixture->folder, name, text);
}

static inline void fixture_free(struct fixture *fixture) {
	problems_free(&fixture->problems);
	folder_remove(fixture->folder);
}

static inline const char *fixture_problems(struct fixture *fixture) {
	return problems_text(&fixture->problems);
}

#endif

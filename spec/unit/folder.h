// SPDX-License-Identifier: Apache-2.0
// A folder of a spec's own with files in it, and the problems that reading them gave, as a text.
#ifndef SPEC_FOLDER_H
#define SPEC_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/problem.h"

enum { FOLDER_BYTES = 64 };

static inline void folder_make(char folder[FOLDER_BYTES]) {
	snprintf(folder, FOLDER_BYTES, "/tmp/unit-spec-XXXXXX");
	if (!mkdtemp(folder))
		abort();
}

static inline void folder_write(const char *folder, const char *name, const char *text) {
	char path[256];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	if (!file)
		abort();
	fputs(text, file);
	fclose(file);
}

static inline void folder_remove(const char *folder) {
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", folder);
	if (system(command))
		abort();
}

// "" when there are no problems. Valid until the next call.
static inline const char *problems_text(const struct problems *problems) {
	static char text[16384];
	struct buffer buffer;
	buffer_init(&buffer, sizeof text - 1);
	problems_format(problems, &buffer);
	snprintf(text, sizeof text, "%.*s", SLICE_ARGS(buffer_slice(&buffer)));
	buffer_free(&buffer);
	return text;
}

#endif

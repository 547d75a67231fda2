// SPDX-License-Identifier: Apache-2.0
// The texts of one policy version: its main file and the modules that it required, each read once, so that every
// worker's VM is built from the same bytes.
#ifndef POLICY_SOURCES_H
#define POLICY_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct source;

struct sources {
	char *folder;   // where modules of the policy's own are; NULL is nowhere
	bool is_closed; // no more files are read: the policy has been loaded
	struct source *list;
	size_t count;
};

// Texts for a main file; its folder is where its modules are looked for. NULL is none.
void sources_init(struct sources *sources, const char *main_path);
void sources_free(struct sources *sources);

// Reads a regular file of at most a mebibyte. 0 and `text`, valid until sources_free; ERROR_NOT_FOUND, ERROR_LIMIT,
// ERROR_INVALID (no regular file), ERROR_IO. A path is read once.
int sources_read(struct sources *sources, const char *path, struct slice *text);

// The text of module `name`: signalbox.* from what is built in, all else from the folder. `path` gets the name that
// errors show. As sources_read, and ERROR_INVALID for a name with anything but [%w_.] or with an empty part.
int sources_module(struct sources *sources, struct slice name, char *path, size_t path_bytes, struct slice *text);

// A text that is built in, by its path in the tree; false where there is none.
bool sources_embedded(const char *path, struct slice *text);

#endif

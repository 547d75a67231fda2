// SPDX-License-Identifier: Apache-2.0
// The texts of one policy version: its main file and the modules that it required, each read once, so that every
// worker's VM is built from the same bytes, and the version can be built again when the files have changed. Files that
// were looked for in vain are in it too. Reference-counted; immutable once closed.
#ifndef SANDBOX_SOURCES_H
#define SANDBOX_SOURCES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct code;
struct source;

struct sources {
	atomic_uint references;
	char *main_path; // NULL for what is built in
	char *folder;    // where modules of the policy's own are; NULL is nowhere
	bool keeps_code; // of what is read from here on until they are closed: several VMs are going to need it
	bool is_closed;  // no more files are read: the policy has been loaded
	struct source *list;
	size_t count;
	size_t total_bytes;
};

// Texts for a main file, with one reference; its folder is where its modules are looked for. NULL is none.
struct sources *sources_new(const char *main_path);
void sources_retain(struct sources *sources);
// From any thread; the last release wipes the texts. NULL is fine.
void sources_release(struct sources *sources);

// No more files are read from here on, and no code is kept. Once is enough; later calls do nothing.
void sources_close(struct sources *sources);

// A text and where what it was compiled to is kept (NULL: nowhere): valid as long as the sources, the
// code until they are closed.
struct source_text {
	struct slice text;
	struct code *code;
	int failure; // why the file could not be read, as the system's errno; 0: the system did not refuse it
};

// Reads a regular file of at most a mebibyte, up to 256 of them with 16 MiB in all. 0 and `text`; ERROR_NOT_FOUND or
// ERROR_IO with text->failure, ERROR_LIMIT, ERROR_INVALID (a device or a pipe). A path is read once, what came of it
// stands; ERROR_BUSY for another path once they are closed.
int sources_read(struct sources *sources, const char *path, struct source_text *text);

// The main text where it is built in, by its path in the tree. 0 or ERROR_NOT_FOUND.
int sources_take_embedded(struct sources *sources, const char *path, struct source_text *text);

// The text of module `name`: signalbox.* from what is built in, all else from the folder. `path` gets the name that
// errors show. As sources_read, and ERROR_INVALID for a name with anything but [%w_.] or with an empty part.
int sources_module(struct sources *sources, struct slice name, char *path, size_t path_bytes, struct source_text *text);

// The files in the order they were read, the main one first. `is_file` is false for what is built in; `text` is empty
// for a file that wasn't there or couldn't be read.
struct source_view {
	const char *path;
	struct slice text;
	bool is_file;
};
struct source_view sources_at(const struct sources *sources, size_t index);

// Whether the files on disk still are what they were when they were read, in vain or not. Reads them.
bool sources_are_current(const struct sources *sources);

#endif

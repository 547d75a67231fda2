// SPDX-License-Identifier: Apache-2.0
// The texts of one main file and of the modules that it required, each read once. Several VMs can be built from the
// same bytes, even after the files have changed. The list includes files that could not be read. Reference-counted;
// immutable once closed, except for what sources_look and sources_are_current note.
#ifndef SANDBOX_SOURCES_H
#define SANDBOX_SOURCES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct source;

struct sources {
	atomic_uint references;
	char *main_path;         // NULL for an embedded main file
	char *folder;            // of the main file, where its modules are; NULL for an embedded one
	bool is_closed;          // no more files are read
	unsigned restless_looks; // looks in a row that found the files changed since the look before
	struct source *list;
	size_t count;
	size_t total_bytes;
};

// Creates an empty list with one reference. Modules are looked for in the folder of `main_path`; NULL is for an
// embedded main file.
struct sources *sources_new(const char *main_path);
void sources_retain(struct sources *sources);
// From any thread; the last release wipes the texts. NULL is fine.
void sources_release(struct sources *sources);

// From here on no more files are read.
void sources_close(struct sources *sources);

// A text, valid as long as the sources.
struct source_text {
	struct slice bytes;
	int failure; // errno of a failed open or read; 0 for any other failure
};

// Reads a regular file of at most 1 MiB; at most 256 files with 16 MiB in all. 0 and `text`; ERROR_NOT_FOUND or
// ERROR_IO with text->failure; ERROR_LIMIT; ERROR_INVALID for a device or a pipe. A path is read once; later calls
// return the same result. ERROR_BUSY for a new path once the sources are closed.
int sources_read(struct sources *sources, const char *path, struct source_text *text);

// Reads the embedded main file of that path in the source tree. 0 or ERROR_NOT_FOUND.
int sources_read_embedded(struct sources *sources, const char *path, struct source_text *text);

// Reads module `name`: signalbox.* from the embedded files, any other from the folder. `path` gets the name that errors
// show. Statuses of sources_read, and ERROR_INVALID for a name with anything but [%w_.] or with an empty part.
int sources_module(struct sources *sources, struct slice name, char *path, size_t path_bytes, struct source_text *text);

// The files in the order in which they were read, the main file first. `is_file` is false for an embedded file; `text`
// is empty for a file that could not be read.
struct source_view {
	const char *path;
	struct slice text;
	bool is_file;
};
struct source_view sources_at(const struct sources *sources, size_t index);

enum sources_look { SOURCES_SAME, SOURCES_CHANGING, SOURCES_CHANGED };

// Compares the files' stamps (device, inode, mode, size, times; links are followed). SOURCES_SAME: as when the files
// were read, or not found. SOURCES_CHANGING: different from the last look, so a file may still be being written.
// SOURCES_CHANGED: as at the last look, but not as when the files were read; also at the tenth SOURCES_CHANGING in a
// row. For one thread at a time, as is sources_are_current.
enum sources_look sources_look(struct sources *sources);

// Whether reading the files again gives the same results and bytes. If so, later looks compare with the present stamps.
bool sources_are_current(struct sources *sources);

#endif

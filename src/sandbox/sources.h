// SPDX-License-Identifier: Apache-2.0
// The texts of one policy version: its main file and the modules that it required, each read once, so that every
// worker's VM is built from the same bytes, and the version can be built again when the files have changed. Files that
// were looked for in vain are in it too. Reference-counted; immutable once closed, but for what looks at the files
// leave behind.
#ifndef SANDBOX_SOURCES_H
#define SANDBOX_SOURCES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct source;

struct sources {
	atomic_uint references;
	char *main_path;         // NULL for what is built in
	char *folder;            // where modules of the policy's own are; NULL is nowhere
	bool is_closed;          // no more files are read: the policy has been loaded
	unsigned restless_looks; // in a row
	struct source *list;
	size_t count;
	size_t total_bytes;
};

// Texts for a main file, with one reference; its folder is where its modules are looked for. NULL is none.
struct sources *sources_new(const char *main_path);
void sources_retain(struct sources *sources);
// From any thread; the last release wipes the texts. NULL is fine.
void sources_release(struct sources *sources);

// No more files are read from here on.
void sources_close(struct sources *sources);

// A text, valid as long as the sources.
struct source_text {
	struct slice bytes;
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

enum sources_look { SOURCES_SAME, SOURCES_CHANGING, SOURCES_CHANGED };

// What the files' stamps (device, inode, mode, size, times; links are followed) say: that they are as when the files
// were read, in vain or not; that they are others than at the last look; or that they are as then, but not as when the
// files were read. Files that are never at rest count as changed at the tenth look. Of one thread at a time, as the
// next one.
enum sources_look sources_look(struct sources *sources);

// Whether the files' bytes on disk still are what was read, in vain or not. Where they are, later looks go by the
// stamps that the files have now.
bool sources_are_current(struct sources *sources);

#endif

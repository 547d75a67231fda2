// SPDX-License-Identifier: Apache-2.0
// A module's name becomes a path only if every part of it consists of letters, digits and underscores, so it can't lead
// out of the folder.
#include "sandbox/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "sandbox/embedded.h"

enum {
	FILE_BYTES_MAX = 1 << 20,
	TOTAL_BYTES_MAX = 16 << 20, // the texts of several versions are in memory at a time
	FILES_MAX = 256,
	NAME_BYTES_MAX = 128,
	LOOKS_MAX = 10,
};

// Differs when a file was written to or replaced; all 0 for a file that isn't there.
struct stamp {
	dev_t device;
	ino_t inode;
	mode_t mode;
	off_t size;
	struct timespec modified, changed;
};

struct source {
	char *path;
	bool is_embedded;
	int status;  // of reading it
	int failure; // errno, with ERROR_NOT_FOUND and ERROR_IO
	struct buffer text;
	struct stamp read; // just before the file was read
	struct stamp seen; // at the last look
};

struct sources *sources_new(const char *main_path) {
	struct sources *sources = memory_new(1, sizeof *sources);
	atomic_init(&sources->references, 1);
	if (!main_path)
		return sources;
	const char *slash = strrchr(main_path, '/');
	struct slice folder = slash ? slice_of(main_path, (size_t)(slash - main_path) + 1) : SLICE("");
	sources->main_path = memory_string(slice_from(main_path));
	sources->folder = memory_string(folder);
	return sources;
}

void sources_retain(struct sources *sources) {
	atomic_fetch_add_explicit(&sources->references, 1, memory_order_relaxed);
}

void sources_release(struct sources *sources) {
	if (!sources || atomic_fetch_sub_explicit(&sources->references, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < sources->count; i++) {
		free(sources->list[i].path);
		buffer_free_secret(&sources->list[i].text);
	}
	free(sources->list);
	free(sources->folder);
	free(sources->main_path);
	free(sources);
}

void sources_close(struct sources *sources) {
	sources->is_closed = true;
}

static struct stamp stamp_of(const char *path) {
	struct stat status;
	if (stat(path, &status))
		return (struct stamp){0};
	return (struct stamp){status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtim, status.st_ctim};
}

static bool same_time(struct timespec a, struct timespec b) {
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b) {
	return a->device == b->device && a->inode == b->inode && a->mode == b->mode && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

// Reads the file into the empty buffer `text`, which stays empty unless 0 is returned.
static int read_file(const char *path, struct buffer *text, int *failure) {
	int rc = buffer_read_file(text, path, failure);
	if (rc)
		buffer_free_secret(text);
	return rc;
}

static struct source *add_source(struct sources *sources, const char *path) {
	sources->list = memory_resize(sources->list, sources->count + 1, sizeof *sources->list);
	struct source *source = &sources->list[sources->count++];
	*source = (struct source){.path = memory_string(slice_from(path))};
	buffer_init(&source->text, FILE_BYTES_MAX);
	return source;
}

static int source_result(const struct source *source, struct source_text *text) {
	*text = (struct source_text){buffer_slice(&source->text), source->failure};
	return source->status;
}

int sources_read(struct sources *sources, const char *path, struct source_text *text) {
	for (size_t i = 0; i < sources->count; i++)
		if (strcmp(sources->list[i].path, path) == 0)
			return source_result(&sources->list[i], text);
	if (sources->is_closed)
		return ERROR_BUSY;
	if (sources->count == FILES_MAX || sources->total_bytes > TOTAL_BYTES_MAX - FILE_BYTES_MAX)
		return ERROR_LIMIT;
	struct source *source = add_source(sources, path);
	// Taken before the read, so that a write during the read changes the stamp.
	source->read = source->seen = stamp_of(path);
	source->status = read_file(path, &source->text, &source->failure);
	sources->total_bytes += source->text.len;
	return source_result(source, text);
}

static int find_embedded(const char *path, struct source_text *text) {
	const struct embedded *file = embedded_find(path);
	if (!file)
		return ERROR_NOT_FOUND;
	*text = (struct source_text){.bytes = slice_of(file->bytes, file->size)};
	return 0;
}

int sources_read_embedded(struct sources *sources, const char *path, struct source_text *text) {
	int rc = find_embedded(path, text);
	if (rc || sources->is_closed)
		return rc;
	struct source *source = add_source(sources, path);
	source->is_embedded = true;
	return buffer_append(&source->text, text->bytes);
}

struct source_view sources_at(const struct sources *sources, size_t index) {
	const struct source *source = &sources->list[index];
	return (struct source_view){source->path, buffer_slice(&source->text), !source->is_embedded};
}

enum sources_look sources_look(struct sources *sources) {
	bool is_same = true, is_at_rest = true;
	for (size_t i = 0; i < sources->count; i++) {
		struct source *source = &sources->list[i];
		struct stamp now = source->is_embedded ? source->seen : stamp_of(source->path);
		is_same = is_same && same_stamp(&now, &source->read);
		is_at_rest = is_at_rest && same_stamp(&now, &source->seen);
		source->seen = now;
	}
	sources->restless_looks = is_same || is_at_rest ? 0 : sources->restless_looks + 1;
	if (is_same)
		return SOURCES_SAME;
	return is_at_rest || sources->restless_looks >= LOOKS_MAX ? SOURCES_CHANGED : SOURCES_CHANGING;
}

static bool is_current(struct source *source) {
	if (source->is_embedded)
		return true;
	struct buffer text;
	struct stamp now = stamp_of(source->path);
	buffer_init(&text, FILE_BYTES_MAX);
	int failure;
	int status = read_file(source->path, &text, &failure);
	bool same = status == source->status && failure == source->failure &&
	            slice_equal(buffer_slice(&text), buffer_slice(&source->text));
	buffer_free_secret(&text);
	if (same)
		source->read = now;
	return same;
}

bool sources_are_current(struct sources *sources) {
	for (size_t i = 0; i < sources->count; i++)
		if (!is_current(&sources->list[i]))
			return false;
	return true;
}

static bool is_word(char byte) {
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_';
}

static bool is_module_name(struct slice name) {
	if (name.len == 0 || name.len > NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		bool inner_dot = name.ptr[i] == '.' && i > 0 && name.ptr[i - 1] != '.' && i + 1 < name.len;
		if (!is_word(name.ptr[i]) && !inner_dot)
			return false;
	}
	return true;
}

int sources_module(struct sources *sources, struct slice name, char *path, size_t path_bytes,
                   struct source_text *text) {
	if (!is_module_name(name))
		return ERROR_INVALID;
	bool shipped = slice_starts(name, SLICE("signalbox."));
	if (!shipped && !sources->folder)
		return ERROR_NOT_FOUND;
	char file[NAME_BYTES_MAX + 1];
	for (size_t i = 0; i < name.len; i++)
		file[i] = name.ptr[i] == '.' ? '/' : name.ptr[i];
	file[name.len] = '\0';
	int length = snprintf(path, path_bytes, "%s%s.lua", shipped ? "lua/" : sources->folder, file);
	if (length < 0 || (size_t)length >= path_bytes)
		return ERROR_LIMIT;
	if (shipped)
		return find_embedded(path, text);
	return sources_read(sources, path, text);
}

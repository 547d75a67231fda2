// SPDX-License-Identifier: Apache-2.0
// A module's name becomes a path only after every part of it was found to be plain letters, digits and underscores, so
// it can't leave the folder.
#include "policy/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "policy/embedded.h"

enum { FILE_BYTES_MAX = 1 << 20, FILES_MAX = 256, READ_BYTES = 16384, NAME_BYTES_MAX = 128 };

struct source {
	char *path;
	struct buffer text;
};

void sources_init(struct sources *sources, const char *main_path) {
	*sources = (struct sources){0};
	if (!main_path)
		return;
	const char *slash = strrchr(main_path, '/');
	struct slice folder = slash ? slice_of(main_path, (size_t)(slash - main_path) + 1) : SLICE("");
	sources->folder = memory_string(folder);
}

void sources_free(struct sources *sources) {
	for (size_t i = 0; i < sources->count; i++) {
		free(sources->list[i].path);
		buffer_free_secret(&sources->list[i].text);
	}
	free(sources->list);
	free(sources->folder);
	*sources = (struct sources){0};
}

static int read_all(int file, struct buffer *text) {
	struct stat status;
	if (fstat(file, &status))
		return ERROR_IO;
	if (!S_ISREG(status.st_mode))
		return ERROR_INVALID;
	for (;;) {
		char bytes[READ_BYTES];
		ssize_t count = read(file, bytes, sizeof bytes);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return ERROR_IO;
		if (count == 0)
			return 0;
		int rc = buffer_append(text, slice_of(bytes, (size_t)count));
		memory_wipe(bytes, sizeof bytes);
		if (rc)
			return rc;
	}
}

int sources_read(struct sources *sources, const char *path, struct slice *text) {
	for (size_t i = 0; i < sources->count; i++) {
		if (strcmp(sources->list[i].path, path) == 0) {
			*text = buffer_slice(&sources->list[i].text);
			return 0;
		}
	}
	if (sources->count == FILES_MAX)
		return ERROR_LIMIT;
	// Without O_NONBLOCK the opening of a named pipe would wait for its writer.
	int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (file < 0)
		return errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_IO;
	struct buffer bytes;
	buffer_init(&bytes, FILE_BYTES_MAX);
	int rc = read_all(file, &bytes);
	close(file);
	if (rc) {
		buffer_free_secret(&bytes);
		return rc;
	}
	sources->list = memory_resize(sources->list, sources->count + 1, sizeof *sources->list);
	sources->list[sources->count++] = (struct source){memory_string(slice_from(path)), bytes};
	*text = buffer_slice(&bytes);
	return 0;
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

bool sources_embedded(const char *path, struct slice *text) {
	for (const struct embedded *file = embedded_files; file->path; file++) {
		if (strcmp(file->path, path) == 0) {
			*text = slice_of(file->bytes, file->size);
			return true;
		}
	}
	return false;
}

int sources_module(struct sources *sources, struct slice name, char *path, size_t path_bytes, struct slice *text) {
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
		return sources_embedded(path, text) ? 0 : ERROR_NOT_FOUND;
	return sources->is_closed ? ERROR_BUSY : sources_read(sources, path, text);
}

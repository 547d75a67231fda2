// SPDX-License-Identifier: Apache-2.0
// Files read into buffers: regular ones within the limit, whatever the path leads to.
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../check.h"
#include "base/buffer.h"
#include "base/error.h"

enum { LIMIT = 1000 };

static char folder[] = "/tmp/file-spec-XXXXXX";

static const char *path_of(const char *name) {
	static char path[200];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void write_bytes(const char *name, size_t count) {
	FILE *file = fopen(path_of(name), "w");
	for (size_t i = 0; i < count; i++)
		fputc('x', file);
	fclose(file);
}

TEST(regular_files_within_the_limit_are_read) {
	static const struct {
		const char *path;
		int status, failure;
		size_t bytes;
	} cases[] = {
	    {"empty", 0, 0, 0},
	    {"full", 0, 0, LIMIT - 2},
	    {"large", ERROR_LIMIT, 0, 0},
	    {"none", ERROR_NOT_FOUND, ENOENT, 0},
	    {"full/none", ERROR_NOT_FOUND, ENOTDIR, 0},
	    {"pipe", ERROR_INVALID, 0, 0},
	    {"folder", ERROR_IO, EISDIR, 0},
	    {"zero", ERROR_INVALID, 0, 0},
	};
	write_bytes("empty", 0);
	write_bytes("full", LIMIT - 2);
	write_bytes("large", LIMIT - 1);
	CHECK_INT(mkfifo(path_of("pipe"), 0600), 0);
	CHECK_INT(mkdir(path_of("folder"), 0700), 0);
	CHECK_INT(symlink("/dev/zero", path_of("zero")), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer buffer;
		int failure = -1;
		buffer_init(&buffer, LIMIT);
		buffer_append(&buffer, SLICE("ab"));
		CHECK_INT(buffer_read_file(&buffer, path_of(cases[i].path), &failure), cases[i].status);
		CHECK_INT(failure, cases[i].failure);
		CHECK_INT(buffer.len, 2 + cases[i].bytes);
		CHECK(slice_starts(buffer_slice(&buffer), SLICE("ab")));
		buffer_free(&buffer);
	}
	static const char *const files[] = {"empty", "full", "large", "pipe", "zero"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		unlink(path_of(files[i]));
	rmdir(path_of("folder"));
}

int main(void) {
	CHECK(mkdtemp(folder) != NULL);
	RUN(regular_files_within_the_limit_are_read);
	rmdir(folder);
	return check_summary();
}

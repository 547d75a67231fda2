// SPDX-License-Identifier: Apache-2.0
// Shared by the fuzz targets: reading an input piece by piece, and assertions. A target defines LLVMFuzzerTestOneInput,
// which libFuzzer calls with one input after the other; its behaviour depends on the input alone.
#ifndef SPEC_FUZZ_H
#define SPEC_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A broken promise ends the process; libFuzzer keeps the input.
#define PROMISE(condition)                                                                                             \
	do {                                                                                                               \
		if (!(condition)) {                                                                                            \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                                    \
			abort();                                                                                                   \
		}                                                                                                              \
	} while (0)

struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

// The next byte; 0 at the end.
static inline uint8_t fuzz_byte(struct fuzz_input *input) {
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

// The next bytes, at most `most`, in an allocation of exactly their size, so that the sanitizer reports reads beyond
// them. The caller frees it with fuzz_free.
static inline struct slice fuzz_copy(struct fuzz_input *input, size_t most) {
	size_t size = input->size < most ? input->size : most;
	char *copy = malloc(size ? size : 1);
	if (size)
		memcpy(copy, input->data, size);
	input->data += size;
	input->size -= size;
	return slice_of(copy, size);
}

static inline void fuzz_free(struct slice copy) {
	free((void *)(uintptr_t)copy.ptr);
}

// A file in memory, for code that needs a path.
struct fuzz_file {
	int descriptor;
	char path[64];
};

static inline void fuzz_file_open(struct fuzz_file *file) {
	file->descriptor = memfd_create("fuzz", 0);
	snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->descriptor);
}

static inline void fuzz_file_write(const struct fuzz_file *file, struct slice text) {
	bool is_written =
	    ftruncate(file->descriptor, 0) == 0 && pwrite(file->descriptor, text.ptr, text.len, 0) == (ssize_t)text.len;
	PROMISE(is_written);
}

#endif

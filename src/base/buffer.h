// SPDX-License-Identifier: Apache-2.0
// Owned, growable bytes with a size limit. A failed append leaves the content unchanged and sets `failed`, so that
// several appends can be checked once at their end.
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/slice.h"

struct buffer {
	char *ptr;
	size_t len;
	size_t capacity;
	size_t limit_bytes;
	struct memory_meter *meter; // counts the capacity; NULL for none
	bool failed;
	bool is_secret; // memory is wiped before it is given up
};

// An empty buffer that may hold up to `limit_bytes`; allocates nothing yet.
void buffer_init(struct buffer *buffer, size_t limit_bytes);

// From now on, memory is wiped before it is given up: when the buffer grows and when it is freed.
static inline void buffer_keep_secret(struct buffer *buffer) {
	buffer->is_secret = true;
}

// Moves the count of the capacity, present and future, to `meter`; NULL counts nowhere. The meter is borrowed.
void buffer_set_meter(struct buffer *buffer, struct memory_meter *meter);

// Frees the bytes; the buffer is empty again, with the same limit and meter, and as secret as before.
void buffer_free(struct buffer *buffer);

// Wipes the whole allocation, then frees it.
void buffer_free_secret(struct buffer *buffer);

// Makes room for `more` bytes after the content. 0, or ERROR_LIMIT past the limit, or ERROR_MEMORY.
int buffer_reserve(struct buffer *buffer, size_t more);

// Append. 0, or as buffer_reserve.
int buffer_append(struct buffer *buffer, struct slice bytes);
int buffer_append_byte(struct buffer *buffer, char byte);
// A whole number in decimal: several times as fast as buffer_printf.
int buffer_append_number(struct buffer *buffer, int64_t number);
int buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Appends a regular file. 0; ERROR_NOT_FOUND or ERROR_IO, with *failure the errno of the call that failed;
// ERROR_INVALID for a device, a pipe or a socket, which is neither waited for nor read; as buffer_reserve. With a
// failure the content is as before. Waits for the disk, so it isn't for a worker's loop.
int buffer_read_file(struct buffer *buffer, const char *path, int *failure);

// Removes the first `count` bytes (at most all of them) and moves the rest to the front.
void buffer_consume(struct buffer *buffer, size_t count);

// Clears the content and `failed`; keeps the memory.
static inline void buffer_clear(struct buffer *buffer) {
	buffer->len = 0;
	buffer->failed = false;
}

// The content; valid until the next change of the buffer.
static inline struct slice buffer_slice(const struct buffer *buffer) {
	return slice_of(buffer->ptr, buffer->len);
}

#endif

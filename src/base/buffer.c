// SPDX-License-Identifier: Apache-2.0
#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

enum { READ_BYTES = 16384 };

void buffer_init(struct buffer *buffer, size_t limit_bytes) {
	*buffer = (struct buffer){.limit_bytes = limit_bytes};
}

void buffer_set_meter(struct buffer *buffer, struct memory_meter *meter) {
	if (buffer->meter == meter)
		return;
	memory_meter_release(buffer->meter, buffer->capacity);
	memory_meter_charge(meter, buffer->capacity);
	buffer->meter = meter;
}

void buffer_free(struct buffer *buffer) {
	if (buffer->is_secret)
		memory_free_wiped(buffer->ptr);
	else
		free(buffer->ptr);
	memory_meter_release(buffer->meter, buffer->capacity);
	*buffer =
	    (struct buffer){.limit_bytes = buffer->limit_bytes, .meter = buffer->meter, .is_secret = buffer->is_secret};
}

void buffer_free_secret(struct buffer *buffer) {
	if (buffer->ptr)
		memory_wipe(buffer->ptr, buffer->capacity);
	buffer_free(buffer);
}

int buffer_reserve(struct buffer *buffer, size_t more) {
	if (more <= buffer->capacity - buffer->len)
		return 0;
	if (more > buffer->limit_bytes || buffer->len > buffer->limit_bytes - more) {
		buffer->failed = true;
		return ERROR_LIMIT;
	}
	size_t wanted = buffer->len + more;
	size_t capacity = buffer->capacity ? buffer->capacity : 256;
	while (capacity < wanted && capacity <= buffer->limit_bytes / 2)
		capacity *= 2;
	if (capacity < wanted || capacity > buffer->limit_bytes)
		capacity = buffer->limit_bytes;
	char *grown = buffer->is_secret ? memory_resize_wiped(buffer->ptr, capacity) : realloc(buffer->ptr, capacity);
	if (!grown) {
		buffer->failed = true;
		return ERROR_MEMORY;
	}
	memory_meter_charge(buffer->meter, capacity - buffer->capacity);
	buffer->ptr = grown;
	buffer->capacity = capacity;
	return 0;
}

int buffer_append(struct buffer *buffer, struct slice bytes) {
	if (bytes.len == 0)
		return 0;
	int rc = buffer_reserve(buffer, bytes.len);
	if (rc)
		return rc;
	memcpy(buffer->ptr + buffer->len, bytes.ptr, bytes.len);
	buffer->len += bytes.len;
	return 0;
}

int buffer_append_byte(struct buffer *buffer, char byte) {
	return buffer_append(buffer, slice_of(&byte, 1));
}

int buffer_append_number(struct buffer *buffer, int64_t number) {
	char text[20];
	size_t place = sizeof text;
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
	do {
		text[--place] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (number < 0)
		text[--place] = '-';
	return buffer_append(buffer, slice_of(text + place, sizeof text - place));
}

int buffer_printf(struct buffer *buffer, const char *format, ...) {
	va_list measured, written;
	va_start(measured, format);
	va_copy(written, measured);
	int needed = vsnprintf(NULL, 0, format, measured);
	int rc = needed < 0 ? ERROR_INVALID : buffer_reserve(buffer, (size_t)needed + 1);
	if (rc == 0) {
		vsnprintf(buffer->ptr + buffer->len, (size_t)needed + 1, format, written);
		buffer->len += (size_t)needed;
	}
	va_end(written);
	va_end(measured);
	return rc;
}

// 0 or a status; sets *failure to errno when a system call fails.
static int buffer_read_all(struct buffer *buffer, int file, int *failure) {
	struct stat status;
	if (fstat(file, &status)) {
		*failure = errno;
		return ERROR_IO;
	}
	if (S_ISDIR(status.st_mode)) {
		*failure = EISDIR;
		return ERROR_IO;
	}
	if (!S_ISREG(status.st_mode))
		return ERROR_INVALID;
	// At once, since each growth may leave a copy behind, and the file may hold a secret.
	int rc = buffer_reserve(buffer, (size_t)status.st_size);
	while (rc == 0) {
		char bytes[READ_BYTES];
		ssize_t count = read(file, bytes, sizeof bytes);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			*failure = errno;
		if (count <= 0)
			return count < 0 ? ERROR_IO : 0;
		rc = buffer_append(buffer, slice_of(bytes, (size_t)count));
		memory_wipe(bytes, sizeof bytes);
	}
	return rc;
}

int buffer_read_file(struct buffer *buffer, const char *path, int *failure) {
	size_t before = buffer->len;
	*failure = 0;
	// Without O_NONBLOCK, opening a named pipe would wait for a writer.
	int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (file < 0) {
		*failure = errno;
		return errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_IO;
	}
	int rc = buffer_read_all(buffer, file, failure);
	close(file);
	if (rc && buffer->len > before) {
		memory_wipe(buffer->ptr + before, buffer->len - before);
		buffer->len = before;
	}
	return rc;
}

void buffer_consume(struct buffer *buffer, size_t count) {
	if (count >= buffer->len) {
		buffer->len = 0;
		return;
	}
	memmove(buffer->ptr, buffer->ptr + count, buffer->len - count);
	buffer->len -= count;
}

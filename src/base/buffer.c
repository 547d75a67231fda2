// SPDX-License-Identifier: Apache-2.0
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

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
	free(buffer->ptr);
	memory_meter_release(buffer->meter, buffer->capacity);
	*buffer = (struct buffer){.limit_bytes = buffer->limit_bytes, .meter = buffer->meter};
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
	char *grown = realloc(buffer->ptr, capacity);
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

void buffer_consume(struct buffer *buffer, size_t count) {
	if (count >= buffer->len) {
		buffer->len = 0;
		return;
	}
	memmove(buffer->ptr, buffer->ptr + count, buffer->len - count);
	buffer->len -= count;
}

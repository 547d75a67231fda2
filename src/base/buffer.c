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

// The length of the well-formed UTF-8 sequence at the start of `s`, or 0 (Unicode 15, table 3-7).
static size_t utf8_length(struct slice s) {
	const unsigned char *p = (const unsigned char *)s.ptr;
	if (p[0] < 0x80)
		return 1;
	size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || s.len < length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
	bool outside = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
	return overlong || outside ? 0 : length;
}

static void append_json_character(struct buffer *buffer, struct slice character) {
	unsigned char c = (unsigned char)character.ptr[0];
	if (character.len > 1) {
		buffer_append(buffer, character);
	} else if (c == '"' || c == '\\') {
		buffer_append_byte(buffer, '\\');
		buffer_append_byte(buffer, (char)c);
	} else if (c == '\n') {
		buffer_append(buffer, SLICE("\\n"));
	} else if (c == '\t') {
		buffer_append(buffer, SLICE("\\t"));
	} else if (c == '\r') {
		buffer_append(buffer, SLICE("\\r"));
	} else if (c < 0x20 || c == 0x7f) {
		buffer_printf(buffer, "\\u%04x", c);
	} else {
		buffer_append_byte(buffer, (char)c);
	}
}

int buffer_append_json(struct buffer *buffer, struct slice text) {
	buffer_append_byte(buffer, '"');
	while (text.len) {
		size_t length = utf8_length(text);
		if (length == 0) {
			buffer_append(buffer, SLICE("\xef\xbf\xbd"));
			length = 1;
		} else {
			append_json_character(buffer, slice_of(text.ptr, length));
		}
		text = slice_from_offset(text, length);
	}
	buffer_append_byte(buffer, '"');
	return buffer->failed ? ERROR_LIMIT : 0;
}

void buffer_consume(struct buffer *buffer, size_t count) {
	if (count >= buffer->len) {
		buffer->len = 0;
		return;
	}
	memmove(buffer->ptr, buffer->ptr + count, buffer->len - count);
	buffer->len -= count;
}

// SPDX-License-Identifier: Apache-2.0
// The decoder is strict: no line breaks, no missing padding, no other alphabet.
#include "base/base64.h"

#include <stdint.h>

#include "base/error.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(struct slice bytes, struct buffer *out) {
	size_t length = (bytes.len + 2) / 3 * 4;
	int status = buffer_reserve(out, length);
	if (status)
		return status;
	char *place = out->ptr + out->len;
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t group = 0;
		for (size_t j = 0; j < 3; j++)
			group = group << 8 | (j < count ? (unsigned char)bytes.ptr[i + j] : 0);
		for (size_t j = 0; j < 4; j++)
			*place++ = j <= count ? alphabet[group >> (18 - 6 * j) & 63] : '=';
	}
	out->len += length;
	return 0;
}

static int digit_value(char byte) {
	if (byte >= 'A' && byte <= 'Z')
		return byte - 'A';
	if (byte >= 'a' && byte <= 'z')
		return byte - 'a' + 26;
	if (byte >= '0' && byte <= '9')
		return byte - '0' + 52;
	return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

int base64_decode(struct slice text, struct buffer *out) {
	if (text.len % 4)
		return ERROR_INVALID;
	while (text.len > 0) {
		size_t count = 4;
		if (text.len == 4 && text.ptr[3] == '=')
			count = text.ptr[2] == '=' ? 2 : 3;
		uint32_t group = 0;
		for (size_t i = 0; i < 4; i++) {
			int value = i < count ? digit_value(text.ptr[i]) : 0;
			if (value < 0)
				return ERROR_INVALID;
			group = group << 6 | (uint32_t)value;
		}
		const char bytes[] = {(char)(group >> 16), (char)(group >> 8), (char)group};
		int status = buffer_append(out, slice_of(bytes, count - 1));
		if (status)
			return status;
		text = slice_from_offset(text, 4);
	}
	return 0;
}

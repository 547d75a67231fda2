// SPDX-License-Identifier: Apache-2.0
#include "aws/percent.h"

static const char HEX[] = "0123456789ABCDEF";

static bool is_unreserved(unsigned char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

// The value of a hex digit, or -1.
static int hex_value(char c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

// The byte that the escape at `at` encodes, or -1 if there is none.
static int escape_value(struct slice text, size_t at) {
	if (text.ptr[at] != '%' || text.len - at < 3)
		return -1;
	int high = hex_value(text.ptr[at + 1]), low = hex_value(text.ptr[at + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int percent_encode(struct slice text, enum percent_rule rule, struct buffer *out) {
	if (text.len > SIZE_MAX / 3)
		return buffer_reserve(out, SIZE_MAX);
	int rc = buffer_reserve(out, text.len * 3);
	if (rc)
		return rc;
	char *to = out->ptr + out->len;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		int escaped = rule == PERCENT_ONCE ? escape_value(text, i) : -1;
		if (escaped >= 0) {
			c = (unsigned char)escaped;
			i += 2;
		} else if (is_unreserved(c) || (c == '/' && rule != PERCENT_SEGMENT)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = HEX[c >> 4];
		*to++ = HEX[c & 15];
	}
	out->len = (size_t)(to - out->ptr);
	return 0;
}

bool percent_decode(struct slice text, struct buffer *out) {
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '%' && escape_value(text, i) < 0)
			return false;
	return percent_decode_lenient(text, out) == 0;
}

int percent_decode_lenient(struct slice text, struct buffer *out) {
	int rc = buffer_reserve(out, text.len);
	if (rc)
		return rc;
	char *to = out->ptr + out->len;
	for (size_t i = 0; i < text.len; i++) {
		int escaped = escape_value(text, i);
		*to++ = escaped < 0 ? text.ptr[i] : (char)escaped;
		if (escaped >= 0)
			i += 2;
	}
	out->len = (size_t)(to - out->ptr);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "base/slice.h"

#include <stdint.h>

static unsigned char to_lower(char c) {
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool slice_equal_nocase(struct slice a, struct slice b) {
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (to_lower(a.ptr[i]) != to_lower(b.ptr[i]))
			return false;
	return true;
}

size_t slice_find(struct slice s, char byte) {
	const char *found = s.len ? memchr(s.ptr, byte, s.len) : NULL;
	return found ? (size_t)(found - s.ptr) : s.len;
}

struct slice slice_trim(struct slice s) {
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
		s.ptr++;
		s.len--;
	}
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool slice_next_item(struct slice *list, struct slice *item) {
	if (!list->ptr)
		return false;
	size_t comma = slice_find(*list, ',');
	*item = slice_trim(slice_of(list->ptr, comma));
	*list = comma < list->len ? slice_from_offset(*list, comma + 1) : (struct slice){0};
	return true;
}

bool slice_parse_u64(struct slice s, uint64_t max, uint64_t *value) {
	if (s.len == 0)
		return false;
	uint64_t total = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s.ptr[i] - '0');
		if (total > (UINT64_MAX - digit) / 10)
			return false;
		total = total * 10 + digit;
	}
	if (total > max)
		return false;
	*value = total;
	return true;
}

size_t slice_utf8_length(struct slice text) {
	const unsigned char *bytes = (const unsigned char *)text.ptr;
	unsigned char first = bytes[0];
	if (first < 0x80)
		return 1;
	size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (first < 0xc2 || first > 0xf4 || length > text.len)
		return 0;
	unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (bytes[1] < least || bytes[1] > most)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

// Thirty-two bytes, which the compiler keeps in vector registers if the processor has them.
typedef uint64_t block __attribute__((vector_size(32)));

// The end of the blocks of ASCII that begin at `at`.
static const char *past_ascii(const char *at, const char *end) {
	for (; end - at >= (ptrdiff_t)sizeof(block); at += sizeof(block)) {
		block bytes;
		memcpy(&bytes, at, sizeof bytes);
		if ((bytes[0] | bytes[1] | bytes[2] | bytes[3]) & UINT64_C(0x8080808080808080))
			break;
	}
	return at;
}

size_t slice_utf8_prefix(struct slice text) {
	const char *at = text.ptr, *end = at + text.len;
	while (at < end) {
		if (!(*at & 0x80)) {
			const char *past = past_ascii(at, end);
			at = past > at ? past : at + 1;
			continue;
		}
		size_t length = slice_utf8_length(slice_of(at, (size_t)(end - at)));
		if (length == 0)
			break;
		at += length;
	}
	return (size_t)(at - text.ptr);
}

bool slice_is_utf8(struct slice text) {
	return slice_utf8_prefix(text) == text.len;
}

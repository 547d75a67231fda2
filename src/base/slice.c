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

// Whether the eight bytes at the front are ASCII.
static bool is_ascii_word(struct slice text) {
	uint64_t word;
	memcpy(&word, text.ptr, sizeof word);
	return (word & UINT64_C(0x8080808080808080)) == 0;
}

bool slice_is_utf8(struct slice text) {
	while (text.len) {
		bool is_ascii = text.len >= sizeof(uint64_t) && is_ascii_word(text);
		size_t length = is_ascii ? sizeof(uint64_t) : slice_utf8_length(text);
		if (length == 0)
			return false;
		text = slice_from_offset(text, length);
	}
	return true;
}

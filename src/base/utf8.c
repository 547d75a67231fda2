// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <stdint.h>

size_t utf8_length(struct slice text) {
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

bool utf8_is_valid(struct slice text) {
	while (text.len) {
		bool is_ascii = text.len >= sizeof(uint64_t) && is_ascii_word(text);
		size_t length = is_ascii ? sizeof(uint64_t) : utf8_length(text);
		if (length == 0)
			return false;
		text = slice_from_offset(text, length);
	}
	return true;
}

// SPDX-License-Identifier: Apache-2.0
#include "base/slice.h"

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

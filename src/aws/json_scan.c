// SPDX-License-Identifier: Apache-2.0
#include "aws/json_scan.h"

static bool is_space(char c) {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_spaces(struct slice text, size_t at) {
	while (at < text.len && is_space(text.ptr[at]))
		at++;
	return at;
}

// The offset behind the string whose opening quote is at `at`; text.len when it doesn't end.
static size_t skip_string(struct slice text, size_t at) {
	for (at++; at < text.len; at++) {
		size_t quote = at + slice_find(slice_from_offset(text, at), '"');
		if (quote >= text.len)
			return text.len;
		size_t backslashes = 0;
		while (quote - backslashes > at && text.ptr[quote - backslashes - 1] == '\\')
			backslashes++;
		if (backslashes % 2 == 0)
			return quote + 1;
		at = quote;
	}
	return text.len;
}

// The offset behind the value at `at`, whatever its depth.
static size_t skip_value(struct slice text, size_t at) {
	size_t depth = 0;
	while (at < text.len) {
		char c = text.ptr[at];
		if (c == '"') {
			at = skip_string(text, at);
			if (depth == 0)
				return at;
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}' || c == ']' || is_space(c)))
			return at;
		if (c == '{' || c == '[')
			depth++;
		if ((c == '}' || c == ']') && --depth == 0)
			return at + 1;
		at++;
	}
	return at;
}

bool json_scan_member(struct slice object, struct slice name, struct slice *value) {
	size_t at = skip_spaces(object, 0);
	if (at >= object.len || object.ptr[at] != '{')
		return false;
	for (at = skip_spaces(object, at + 1); at < object.len && object.ptr[at] == '"';) {
		size_t end = skip_string(object, at);
		struct slice found = slice_of(object.ptr + at + 1, end - at >= 2 ? end - at - 2 : 0);
		at = skip_spaces(object, end);
		if (at >= object.len || object.ptr[at] != ':')
			return false;
		at = skip_spaces(object, at + 1);
		end = skip_value(object, at);
		if (slice_equal(found, name)) {
			*value = slice_of(object.ptr + at, end - at);
			return true;
		}
		at = skip_spaces(object, end);
		if (at >= object.len || object.ptr[at] != ',')
			return false;
		at = skip_spaces(object, at + 1);
	}
	return false;
}

int64_t json_scan_number(struct slice value) {
	uint64_t number;
	return slice_parse_u64(value, INT64_MAX, &number) ? (int64_t)number : -1;
}

struct slice json_scan_text(struct slice value) {
	if (value.len < 2 || value.ptr[0] != '"' || value.ptr[value.len - 1] != '"')
		return (struct slice){0};
	struct slice text = {value.ptr + 1, value.len - 2};
	return slice_find(text, '\\') < text.len ? (struct slice){0} : text;
}

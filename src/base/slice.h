// SPDX-License-Identifier: Apache-2.0
// Borrowed bytes: a pointer and a length, passed by value. A slice owns nothing and need not end in NUL.
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len;
};

// A slice of a string literal.
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
// Arguments for a "%.*s" conversion.
#define SLICE_ARGS(s) (int)(s).len, (s).len ? (s).ptr : ""

static inline struct slice slice_of(const void *ptr, size_t len) {
	return (struct slice){ptr, len};
}

// A NULL string is the empty slice.
static inline struct slice slice_from(const char *string) {
	return (struct slice){string, string ? strlen(string) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b) {
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix) {
	return s.len >= prefix.len && slice_equal((struct slice){s.ptr, prefix.len}, prefix);
}

static inline bool slice_ends(struct slice s, struct slice suffix) {
	return s.len >= suffix.len && slice_equal((struct slice){s.ptr + s.len - suffix.len, suffix.len}, suffix);
}

// The part from `start` on; empty if `start` is past the end.
static inline struct slice slice_from_offset(struct slice s, size_t start) {
	return start >= s.len ? (struct slice){s.ptr + s.len, 0} : (struct slice){s.ptr + start, s.len - start};
}

// Compares without case in ASCII letters, as for the names of HTTP headers.
bool slice_equal_nocase(struct slice a, struct slice b);

// The offset of the first `byte`, or s.len if there is none.
size_t slice_find(struct slice s, char byte);

// The slice without leading and trailing spaces and tabs.
struct slice slice_trim(struct slice s);

// Takes the next item, trimmed, off a comma-separated list; false at its end, where the list becomes NULL. An item may
// be empty, also the only one and the one after a last comma.
bool slice_next_item(struct slice *list, struct slice *item);

// Reads an unsigned decimal number that is the whole slice and at most `max`. False, with *value unchanged, for
// anything else: an empty slice, a sign, spaces, overflow.
bool slice_parse_u64(struct slice s, uint64_t max, uint64_t *value);

// UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.

// The length of the sequence at the front of `text`, or 0 if it is invalid. `text` must not be empty.
size_t slice_utf8_length(struct slice text);

// The length of the longest valid beginning. Text that is mostly ASCII takes a fraction of a nanosecond a byte.
size_t slice_utf8_prefix(struct slice text);

// Whether the whole text is valid.
bool slice_is_utf8(struct slice text);

#endif

// SPDX-License-Identifier: Apache-2.0
// Changes of a JSON text as patches: values that are replaced and members that are inserted, with every other byte
// kept. The patches are collected first, then written with the text, whole or in slices.
#ifndef AWS_JSON_EDIT_H
#define AWS_JSON_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"

enum { JSON_PATCHES_MAX = 8 };

// Replaces `length` bytes at `at` by the bytes of `inserted` from `from` up to `to`.
struct json_patch {
	size_t at, length;
	size_t from, to;
};

struct json_patches {
	struct json_patch list[JSON_PATCHES_MAX]; // by their offsets
	size_t count;
	struct buffer inserted;
};

void json_patches_init(struct json_patches *patches);
void json_patches_free(struct json_patches *patches);

// Replaces the range of the text.
void json_patches_replace(struct json_patches *patches, size_t at, size_t length, struct slice value);

// Inserts a member at `inside`, the offset behind an object's bracket. *is_empty says whether the object has no member
// yet, and becomes false.
void json_patches_insert(struct json_patches *patches, size_t inside, bool *is_empty, struct slice name,
                         struct slice value);

// Where the writing of an edited text has come to. Zero-initialise.
struct json_patch_cursor {
	size_t patch; // the next one
	size_t at;    // in the text
};

// Appends the next part of the edited text to `out`: about `bytes`, and whole insertions. 0 or ERROR_LIMIT; *is_over is
// set once all has been written.
int json_patches_write(const struct json_patches *patches, struct slice text, struct json_patch_cursor *cursor,
                       size_t bytes, struct buffer *out, bool *is_over);

#endif

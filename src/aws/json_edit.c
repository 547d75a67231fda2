// SPDX-License-Identifier: Apache-2.0
#include "aws/json_edit.h"

#include <assert.h>

#include "base/error.h"
#include "base/json_writer.h"

enum { INSERTED_BYTES = 65536 }; // limit of all inserted text together

void json_patches_init(struct json_patches *patches) {
	patches->count = 0;
	buffer_init(&patches->inserted, INSERTED_BYTES);
}

void json_patches_free(struct json_patches *patches) {
	buffer_free(&patches->inserted);
}

// Keeps the patches in the order of their offsets. Of two members inserted at one offset, the later patch goes first:
// it was written with a comma after it.
static void add_patch(struct json_patches *patches, struct json_patch patch) {
	assert(patches->count < JSON_PATCHES_MAX);
	size_t i = patches->count++;
	for (; i > 0 && patches->list[i - 1].at >= patch.at; i--)
		patches->list[i] = patches->list[i - 1];
	patches->list[i] = patch;
}

void json_patches_replace(struct json_patches *patches, size_t at, size_t length, struct slice value) {
	size_t from = patches->inserted.len;
	buffer_append(&patches->inserted, value);
	add_patch(patches, (struct json_patch){at, length, from, patches->inserted.len});
}

void json_patches_insert(struct json_patches *patches, size_t inside, bool *is_empty, struct slice name,
                         struct slice value) {
	size_t from = patches->inserted.len;
	json_append_string(&patches->inserted, name);
	buffer_append_byte(&patches->inserted, ':');
	buffer_append(&patches->inserted, value);
	if (!*is_empty)
		buffer_append_byte(&patches->inserted, ',');
	*is_empty = false;
	add_patch(patches, (struct json_patch){inside, 0, from, patches->inserted.len});
}

int json_patches_write(const struct json_patches *patches, struct slice text, struct json_patch_cursor *cursor,
                       size_t bytes, struct buffer *out, bool *is_over) {
	if (patches->inserted.failed)
		return ERROR_LIMIT;
	while (cursor->patch < patches->count && bytes > 0) {
		const struct json_patch *patch = &patches->list[cursor->patch];
		size_t length = patch->at - cursor->at < bytes ? patch->at - cursor->at : bytes;
		buffer_append(out, slice_of(text.ptr + cursor->at, length));
		cursor->at += length;
		bytes -= length;
		if (cursor->at < patch->at)
			break;
		buffer_append(out, slice_of(patches->inserted.ptr + patch->from, patch->to - patch->from));
		cursor->at += patch->length;
		cursor->patch++;
	}
	if (cursor->patch == patches->count) {
		size_t left = text.len - cursor->at, length = left < bytes ? left : bytes;
		buffer_append(out, slice_of(text.ptr + cursor->at, length));
		cursor->at += length;
	}
	*is_over = cursor->patch == patches->count && cursor->at == text.len;
	return out->failed ? ERROR_LIMIT : 0;
}

// SPDX-License-Identifier: Apache-2.0
// The finder follows the reader's tokens. For the two depths that matter it knows which place's value the reader is in.
// The edits then become patches: ranges of the text and their replacements.
#include "aws/json_edit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_writer.h"

enum {
	KEY_BYTES = 64,        // the longest name to find
	ESCAPED_BYTES = 6,     // the longest escape of a character
	INSERTED_BYTES = 65536 // limit of all inserted text together
};

struct finder {
	struct slice text;
	struct json_reader reader;
	struct json_token token; // the last token
	struct json_place *places;
	size_t count;
	size_t members;                // of the top object
	size_t inside;                 // the offset after its bracket
	struct json_place *reading[4]; // [d]: the place whose value is being read, of a key at depth d; NULL: none
	struct buffer name;            // scratch space: a key with its escapes resolved
};

// Writes a reason: "the body WHY", or for a key "the body's "NAME" WHY". Returns ERROR_INVALID.
static int json_edit_refuse(char *reason, const char *key, const char *why) {
	if (key)
		snprintf(reason, JSON_EDIT_REASON_BYTES, "the body's \"%s\" %s", key, why);
	else
		snprintf(reason, JSON_EDIT_REASON_BYTES, "the body %s", why);
	return ERROR_INVALID;
}

static bool is_same(const char *a, const char *b) {
	return a == b || (a && b && strcmp(a, b) == 0);
}

// The key with its escapes resolved; unchanged if it is longer than any name to find.
static struct slice finder_plain_key(struct finder *finder) {
	struct slice key = finder->token.text;
	if (!finder->token.is_escaped || key.len > KEY_BYTES * ESCAPED_BYTES)
		return key;
	buffer_clear(&finder->name);
	return json_unescape(key, &finder->name) ? key : buffer_slice(&finder->name);
}

static struct json_place *finder_place(struct finder *finder, const char *parent) {
	struct slice name = finder_plain_key(finder);
	for (size_t i = 0; i < finder->count; i++)
		if (is_same(finder->places[i].parent, parent) && slice_equal(name, slice_from(finder->places[i].name)))
			return &finder->places[i];
	return NULL;
}

static void finder_on_key(struct finder *finder) {
	unsigned depth = finder->reader.depth;
	struct json_place *parent = depth == 1 ? NULL : finder->reading[depth - 1];
	if (depth == 1)
		finder->members++;
	else if (parent)
		parent->members++;
	finder->reading[depth] = NULL;
	if (depth > 2 || (depth == 2 && !parent))
		return;
	struct json_place *place = finder_place(finder, parent ? parent->name : NULL);
	if (place && place->count++ == 0)
		finder->reading[depth] = place;
}

static bool opens_container(enum json_kind kind) {
	return kind == JSON_OBJECT || kind == JSON_ARRAY;
}

static bool closes_container(enum json_kind kind) {
	return kind == JSON_OBJECT_END || kind == JSON_ARRAY_END;
}

// A value begins, or ends, or both. Its key is one level outside of it.
static void finder_on_value(struct finder *finder) {
	enum json_kind kind = finder->token.kind;
	unsigned depth = finder->reader.depth - opens_container(kind);
	if (depth < 1 || depth > 2 || !finder->reading[depth])
		return;
	struct json_place *place = finder->reading[depth];
	if (!closes_container(kind)) {
		place->kind = kind;
		place->value.ptr = finder->token.start;
	}
	if (opens_container(kind))
		return;
	place->value.len = (size_t)(finder->reader.rest.ptr - place->value.ptr);
	finder->reading[depth] = NULL;
}

static int finder_read(struct finder *finder, char *reason) {
	json_reader_init(&finder->reader, finder->text);
	json_read(&finder->reader, &finder->token);
	if (finder->token.kind != JSON_OBJECT)
		return json_edit_refuse(reason, NULL, "is no JSON object");
	finder->inside = (size_t)(finder->reader.rest.ptr - finder->text.ptr);
	for (;;) {
		json_read(&finder->reader, &finder->token);
		if (finder->token.kind == JSON_END)
			return 0;
		if (finder->token.kind == JSON_BROKEN)
			return json_edit_refuse(reason, NULL, "is no valid JSON, or nested too deep");
		if (finder->token.kind != JSON_KEY)
			finder_on_value(finder);
		else if (finder->reader.depth <= 3)
			finder_on_key(finder);
	}
}

static int finder_run(struct finder *finder, struct slice text, struct json_place *places, size_t count, char *reason) {
	*finder = (struct finder){.text = text, .places = places, .count = count};
	buffer_init(&finder->name, KEY_BYTES * ESCAPED_BYTES);
	for (size_t i = 0; i < count; i++)
		places[i] = (struct json_place){.parent = places[i].parent, .name = places[i].name};
	int status = finder_read(finder, reason);
	buffer_free(&finder->name);
	return status;
}

int json_edit_find(struct slice text, struct json_place *places, size_t count, char reason[JSON_EDIT_REASON_BYTES]) {
	struct finder finder;
	return finder_run(&finder, text, places, count, reason);
}

// Replaces `length` bytes at `at` by the bytes of `inserted` from `from` up to `to`.
struct patch {
	size_t at, length;
	size_t from, to;
};

struct patches {
	struct patch list[JSON_EDIT_PLACES_MAX];
	size_t count;
	struct buffer inserted;
};

// Keeps the patches in the order of their offsets. Of two members inserted at one offset, the later patch goes first:
// it was written with a comma after it.
static void add_patch(struct patches *patches, struct patch patch) {
	size_t i = patches->count++;
	for (; i > 0 && patches->list[i - 1].at >= patch.at; i--)
		patches->list[i] = patches->list[i - 1];
	patches->list[i] = patch;
}

static void append_member(struct buffer *text, const char *name, struct slice value) {
	json_append_string(text, slice_from(name));
	buffer_append_byte(text, ':');
	buffer_append(text, value);
}

// Replaces the range `old` of the text.
static void patch_value(struct patches *patches, struct slice text, struct slice old, struct slice value) {
	size_t from = patches->inserted.len;
	buffer_append(&patches->inserted, value);
	add_patch(patches, (struct patch){(size_t)(old.ptr - text.ptr), old.len, from, patches->inserted.len});
}

// Inserts a member at `inside`, the front of an object with `*members` members.
static void patch_member(struct patches *patches, size_t inside, size_t *members, const char *name,
                         struct slice value) {
	size_t from = patches->inserted.len;
	append_member(&patches->inserted, name, value);
	if ((*members)++ > 0)
		buffer_append_byte(&patches->inserted, ',');
	add_patch(patches, (struct patch){inside, 0, from, patches->inserted.len});
}

// Edits a member of the top object.
static int edit_top(struct finder *finder, const struct json_place *place, struct slice value, struct patches *patches,
                    char *reason) {
	if (place->count > 1)
		return json_edit_refuse(reason, place->name, "is there more than once");
	if (place->count)
		patch_value(patches, finder->text, place->value, value);
	else
		patch_member(patches, finder->inside, &finder->members, place->name, value);
	return 0;
}

// Edits a member of `parent`, which is created if it is absent.
static int edit_inner(struct finder *finder, struct json_place *parent, const struct json_place *place,
                      struct slice value, struct patches *patches, char *reason) {
	if (parent->count == 1 && parent->kind == JSON_OBJECT) {
		if (place->count > 1)
			return json_edit_refuse(reason, place->name, "is there more than once");
		size_t inside = (size_t)(parent->value.ptr - finder->text.ptr) + 1;
		if (place->count)
			patch_value(patches, finder->text, place->value, value);
		else
			patch_member(patches, inside, &parent->members, place->name, value);
		return 0;
	}
	if (parent->count == 1)
		return json_edit_refuse(reason, parent->name, "is no object");
	struct buffer object;
	buffer_init(&object, INSERTED_BYTES);
	buffer_append_byte(&object, '{');
	append_member(&object, place->name, value);
	buffer_append_byte(&object, '}');
	int status = object.failed ? ERROR_LIMIT : edit_top(finder, parent, buffer_slice(&object), patches, reason);
	buffer_free(&object);
	return status;
}

static int write_patches(struct slice text, const struct patches *patches, struct buffer *out) {
	if (patches->inserted.failed)
		return ERROR_LIMIT;
	int status = buffer_reserve(out, text.len + patches->inserted.len);
	size_t at = 0;
	for (size_t i = 0; status == 0 && i < patches->count; i++) {
		const struct patch *patch = &patches->list[i];
		status = buffer_append(out, slice_of(text.ptr + at, patch->at - at));
		if (status == 0)
			status = buffer_append(out, slice_of(patches->inserted.ptr + patch->from, patch->to - patch->from));
		at = patch->at + patch->length;
	}
	return status ? status : buffer_append(out, slice_from_offset(text, at));
}

int json_edit_apply(struct slice text, const struct json_edit *edits, size_t count, struct buffer *out,
                    char reason[JSON_EDIT_REASON_BYTES]) {
	assert(2 * count <= JSON_EDIT_PLACES_MAX);
	struct json_place places[JSON_EDIT_PLACES_MAX];
	struct finder finder;
	struct patches patches = {.count = 0};
	for (size_t i = 0; i < count; i++) {
		places[2 * i] = (struct json_place){.name = edits[i].parent ? edits[i].parent : edits[i].name};
		places[2 * i + 1] = (struct json_place){.parent = edits[i].parent, .name = edits[i].name};
	}
	buffer_init(&patches.inserted, INSERTED_BYTES);
	int status = finder_run(&finder, text, places, 2 * count, reason);
	for (size_t i = 0; status == 0 && i < count; i++) {
		struct json_place *top = &places[2 * i];
		status = edits[i].parent ? edit_inner(&finder, top, top + 1, edits[i].value, &patches, reason)
		                         : edit_top(&finder, top, edits[i].value, &patches, reason);
	}
	if (status == 0)
		status = write_patches(text, &patches, out);
	buffer_free(&patches.inserted);
	return status;
}

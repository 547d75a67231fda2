// SPDX-License-Identifier: Apache-2.0
// The finder follows the reader's tokens and knows, for the two depths that matter, which place's value is being read.
// The edits then become patches: ranges of the text with what stands there instead.
#include "aws/json_edit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_writer.h"

enum {
	KEY_BYTES = 64,        // the longest name that is looked for
	ESCAPED_BYTES = 6,     // of one character, at most
	INSERTED_BYTES = 65536 // of all that is inserted together
};

struct finder {
	struct slice text;
	struct json_reader reader;
	struct json_token token; // the last one
	struct json_place *places;
	size_t count;
	size_t members;                // of the top object
	size_t inside;                 // the offset behind its bracket
	struct json_place *reading[4]; // [d]: whose value is being read, of a key at depth d; NULL for a key of no interest
	struct buffer name;            // scratch: a key without its escapes
};

// Says why: "the body " `why`, or of a key "the body's "NAME" " `why`.
static int refuse(char *reason, const char *key, const char *why) {
	if (key)
		snprintf(reason, JSON_EDIT_REASON_BYTES, "the body's \"%s\" %s", key, why);
	else
		snprintf(reason, JSON_EDIT_REASON_BYTES, "the body %s", why);
	return ERROR_INVALID;
}

static bool is_same(const char *a, const char *b) {
	return a == b || (a && b && strcmp(a, b) == 0);
}

// The key as its reader would understand it; itself where it is too long to be one that is looked for.
static struct slice plain_key(struct finder *finder) {
	struct slice key = finder->token.text;
	if (!finder->token.is_escaped || key.len > KEY_BYTES * ESCAPED_BYTES)
		return key;
	buffer_clear(&finder->name);
	return json_unescape(key, &finder->name) ? key : buffer_slice(&finder->name);
}

static struct json_place *place_of(struct finder *finder, const char *parent) {
	struct slice name = plain_key(finder);
	for (size_t i = 0; i < finder->count; i++)
		if (is_same(finder->places[i].parent, parent) && slice_equal(name, slice_from(finder->places[i].name)))
			return &finder->places[i];
	return NULL;
}

static void on_key(struct finder *finder) {
	unsigned depth = finder->reader.depth;
	struct json_place *parent = depth == 1 ? NULL : finder->reading[depth - 1];
	if (depth == 1)
		finder->members++;
	else if (parent)
		parent->members++;
	finder->reading[depth] = NULL;
	if (depth > 2 || (depth == 2 && !parent))
		return;
	struct json_place *place = place_of(finder, parent ? parent->name : NULL);
	if (place && place->count++ == 0)
		finder->reading[depth] = place;
}

static bool opens(enum json_kind kind) {
	return kind == JSON_OBJECT || kind == JSON_ARRAY;
}

static bool closes(enum json_kind kind) {
	return kind == JSON_OBJECT_END || kind == JSON_ARRAY_END;
}

// A value begins, or ends, or both. The key that it belongs to is at the depth outside it.
static void on_value(struct finder *finder) {
	enum json_kind kind = finder->token.kind;
	unsigned depth = finder->reader.depth - opens(kind);
	if (depth < 1 || depth > 2 || !finder->reading[depth])
		return;
	struct json_place *place = finder->reading[depth];
	if (!closes(kind)) {
		place->kind = kind;
		place->value.ptr = finder->token.start;
	}
	if (opens(kind))
		return;
	place->value.len = (size_t)(finder->reader.rest.ptr - place->value.ptr);
	finder->reading[depth] = NULL;
}

static int find(struct finder *finder, char *reason) {
	json_reader_init(&finder->reader, finder->text);
	json_read(&finder->reader, &finder->token);
	if (finder->token.kind != JSON_OBJECT)
		return refuse(reason, NULL, "is no JSON object");
	finder->inside = (size_t)(finder->reader.rest.ptr - finder->text.ptr);
	for (;;) {
		json_read(&finder->reader, &finder->token);
		if (finder->token.kind == JSON_END)
			return 0;
		if (finder->token.kind == JSON_BROKEN)
			return refuse(reason, NULL, "is no valid JSON, or nested too deep");
		if (finder->token.kind != JSON_KEY)
			on_value(finder);
		else if (finder->reader.depth <= 3)
			on_key(finder);
	}
}

static int find_all(struct finder *finder, struct slice text, struct json_place *places, size_t count, char *reason) {
	*finder = (struct finder){.text = text, .places = places, .count = count};
	buffer_init(&finder->name, KEY_BYTES * ESCAPED_BYTES);
	for (size_t i = 0; i < count; i++)
		places[i] = (struct json_place){.parent = places[i].parent, .name = places[i].name};
	int status = find(finder, reason);
	buffer_free(&finder->name);
	return status;
}

int json_edit_find(struct slice text, struct json_place *places, size_t count, char reason[JSON_EDIT_REASON_BYTES]) {
	struct finder finder;
	return find_all(&finder, text, places, count, reason);
}

// `length` bytes at `at` are replaced by the part of `inserted` from `from` on to `to`.
struct patch {
	size_t at, length;
	size_t from, to;
};

struct patches {
	struct patch list[JSON_EDIT_PLACES_MAX];
	size_t count;
	struct buffer inserted;
};

// In order of place; of two at the same place the later one stands before the earlier one, which ends the object.
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

// Replaces the range `old` of the text, or puts the value first into an object of `*members` members.
static void patch_value(struct patches *patches, struct slice text, struct slice old, struct slice value) {
	size_t from = patches->inserted.len;
	buffer_append(&patches->inserted, value);
	add_patch(patches, (struct patch){(size_t)(old.ptr - text.ptr), old.len, from, patches->inserted.len});
}

static void patch_member(struct patches *patches, size_t inside, size_t *members, const char *name,
                         struct slice value) {
	size_t from = patches->inserted.len;
	append_member(&patches->inserted, name, value);
	if ((*members)++ > 0)
		buffer_append_byte(&patches->inserted, ',');
	add_patch(patches, (struct patch){inside, 0, from, patches->inserted.len});
}

// An edit of a member of the top object.
static int edit_top(struct finder *finder, const struct json_place *place, struct slice value, struct patches *patches,
                    char *reason) {
	if (place->count > 1)
		return refuse(reason, place->name, "is there more than once");
	if (place->count)
		patch_value(patches, finder->text, place->value, value);
	else
		patch_member(patches, finder->inside, &finder->members, place->name, value);
	return 0;
}

// An edit of a member of `parent`, which is made where it is absent.
static int edit_inner(struct finder *finder, struct json_place *parent, const struct json_place *place,
                      struct slice value, struct patches *patches, char *reason) {
	if (parent->count == 1 && parent->kind == JSON_OBJECT) {
		if (place->count > 1)
			return refuse(reason, place->name, "is there more than once");
		size_t inside = (size_t)(parent->value.ptr - finder->text.ptr) + 1;
		if (place->count)
			patch_value(patches, finder->text, place->value, value);
		else
			patch_member(patches, inside, &parent->members, place->name, value);
		return 0;
	}
	if (parent->count == 1)
		return refuse(reason, parent->name, "is no object");
	struct buffer object;
	buffer_init(&object, INSERTED_BYTES);
	buffer_append_byte(&object, '{');
	append_member(&object, place->name, value);
	buffer_append_byte(&object, '}');
	int status = object.failed ? ERROR_LIMIT : edit_top(finder, parent, buffer_slice(&object), patches, reason);
	buffer_free(&object);
	return status;
}

static int write(struct slice text, const struct patches *patches, struct buffer *out) {
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
	int status = find_all(&finder, text, places, 2 * count, reason);
	for (size_t i = 0; status == 0 && i < count; i++) {
		struct json_place *top = &places[2 * i];
		status = edits[i].parent ? edit_inner(&finder, top, top + 1, edits[i].value, &patches, reason)
		                         : edit_top(&finder, top, edits[i].value, &patches, reason);
	}
	if (status == 0)
		status = write(text, &patches, out);
	buffer_free(&patches.inserted);
	return status;
}

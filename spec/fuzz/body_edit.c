// SPDX-License-Identifier: Apache-2.0
// Edits of request bodies: an edit is refused, or the result is JSON with the edit, otherwise unchanged.
#include "fuzz.h"

#include "aws/body_edit.h"
#include "aws/request_shape.h"
#include "base/json.h"

enum { TEXT_BYTES = 1 << 20, MAX_TOKENS = 77 };

// A member that an edit may change, with its text before and after.
struct outline {
	const struct body_edit *edit;
	bool is_converse;
	struct buffer text;
};

static bool is_key(struct slice key, const char *name) {
	struct buffer plain;
	buffer_init(&plain, TEXT_BYTES);
	bool same = json_unescape(key, &plain) == 0 && slice_equal(buffer_slice(&plain), slice_from(name));
	buffer_free(&plain);
	return same;
}

static bool is_limit(struct slice key) {
	static const char *const names[] = {"max_tokens", "max_tokens_to_sample", "max_completion_tokens", "max_gen_len",
	                                    "maxTokens",  "max_new_tokens",       "maxTokenCount",         NULL};
	for (const char *const *name = names; *name; name++)
		if (is_key(key, *name))
			return true;
	return false;
}

static void append(struct buffer *out, struct slice key, struct slice value) {
	buffer_append(out, key);
	buffer_append_byte(out, ':');
	buffer_append(out, value);
	buffer_append_byte(out, '\n');
}

// Compares the members of an object, except those that the edit may have changed.
static void append_members(struct outline *outline, struct slice object, const char *parent, struct buffer *out) {
	struct json_reader reader;
	json_reader_init(&reader, object);
	json_next(&reader);
	for (struct json_token key = json_next(&reader); key.kind == JSON_KEY; key = json_next(&reader)) {
		struct slice value;
		if (!json_take_value(&reader, &value))
			return;
		const struct body_edit *edit = outline->edit;
		bool is_parent = !parent && edit->max_tokens && is_key(key.text, "inferenceConfig");
		is_parent = is_parent || (!parent && !outline->is_converse && is_key(key.text, "textGenerationConfig"));
		bool is_number = value.ptr[0] == '-' || (value.ptr[0] >= '0' && value.ptr[0] <= '9');
		if (outline->is_converse && !parent && edit->tier.len && is_key(key.text, "serviceTier"))
			continue;
		if (outline->is_converse && !parent && edit->guardrail_identifier.len && is_key(key.text, "guardrailConfig"))
			continue;
		if (outline->is_converse && parent && is_key(key.text, "maxTokens"))
			continue;
		if (!outline->is_converse && is_number && is_limit(key.text))
			continue;
		if (is_parent && value.ptr[0] == '{')
			append_members(outline, value, "parent", out);
		else
			append(out, key.text, value);
	}
}

static void make_outline(struct outline *outline, const struct body_edit *edit, bool is_converse, struct slice text) {
	*outline = (struct outline){.edit = edit, .is_converse = is_converse};
	buffer_init(&outline->text, 2 * TEXT_BYTES);
	append_members(outline, text, NULL, &outline->text);
}

static void check_is_json(struct slice text) {
	struct json_reader reader;
	struct json_token token;
	json_reader_init(&reader, text);
	do
		token = json_next(&reader);
	while (token.kind != JSON_END && token.kind != JSON_BROKEN);
	PROMISE(token.kind == JSON_END);
}

static void check_has_edit(const struct body_edit *edit, enum operation operation, struct slice text) {
	struct request_shape shape;
	request_shape_read(text, &shape);
	PROMISE(shape.flaw.kind == FLAW_NONE);
	if (operation != OPERATION_CONVERSE)
		return;
	if (edit->tier.len)
		PROMISE(shape.counts[PLACE_TIER] == 1 && slice_equal(shape.tier, edit->tier));
	if (edit->guardrail_identifier.len)
		PROMISE(shape.counts[PLACE_GUARDRAIL] == 1 && shape.members[PLACE_GUARDRAIL].kind == JSON_OBJECT);
	if (edit->max_tokens)
		PROMISE(shape.counts[PLACE_MAX_TOKENS] == 1 && slice_equal(shape.members[PLACE_MAX_TOKENS].value, SLICE("77")));
}

static void check_edited(const struct body_edit *edit, enum operation operation, struct slice body, struct slice out) {
	struct outline before, after;
	bool is_converse = operation == OPERATION_CONVERSE;
	check_is_json(body);
	check_is_json(out);
	check_has_edit(edit, operation, out);
	make_outline(&before, edit, is_converse, body);
	make_outline(&after, edit, is_converse, out);
	PROMISE(slice_equal(buffer_slice(&before.text), buffer_slice(&after.text)));
	buffer_free(&before.text);
	buffer_free(&after.text);
}

// Reads the body in slices of any lengths; the shape is that of one pass.
static void read_sliced(struct slice body, struct fuzz_input *lengths, struct request_shape *shape) {
	struct request_shape whole;
	struct request_scan scan;
	request_shape_read(body, &whole);
	request_scan_begin(&scan, body, shape);
	while (!request_scan_step(&scan, 1 + fuzz_byte(lengths)))
		;
	PROMISE(memcmp(shape, &whole, offsetof(struct request_shape, members)) == 0);
	for (size_t i = 0; i < REQUEST_PLACES; i++)
		PROMISE(shape->counts[i] == 0 || (shape->members[i].kind == whole.members[i].kind &&
		                                  shape->members[i].is_empty == whole.members[i].is_empty &&
		                                  shape->members[i].value.ptr == whole.members[i].value.ptr &&
		                                  shape->members[i].value.len == whole.members[i].value.len));
}

// 0 or the status of a refusal.
static int edit_body(const struct body_edit *edit, enum operation operation, struct slice body,
                     struct fuzz_input *lengths, struct buffer *out) {
	char reason[BODY_EDIT_REASON_BYTES];
	struct request_shape shape;
	struct json_patches patches;
	struct json_patch_cursor cursor = {0};
	bool is_over = false;
	read_sliced(body, lengths, &shape);
	if (shape.flaw.kind != FLAW_NONE) {
		request_flaw_describe(&shape.flaw, reason);
		PROMISE(reason[0] && shape.flaw.offset <= body.len);
		return -1;
	}
	int status = body_edit_plan(edit, operation, body, &shape, &patches, reason);
	PROMISE(status == 0 || (reason[0] && memchr(reason, '\0', sizeof reason)));
	while (status == 0 && !is_over)
		status = json_patches_write(&patches, body, &cursor, 1 + fuzz_byte(lengths), out, &is_over);
	json_patches_free(&patches);
	return status;
}

static void apply(const struct body_edit *edit, enum operation operation, struct slice body,
                  struct fuzz_input *lengths) {
	struct buffer out, again;
	buffer_init(&out, TEXT_BYTES);
	buffer_init(&again, TEXT_BYTES);
	if (edit_body(edit, operation, body, lengths, &out) == 0) {
		check_edited(edit, operation, body, buffer_slice(&out));
		// The same edit again changes nothing.
		PROMISE(edit_body(edit, operation, buffer_slice(&out), lengths, &again) == 0);
		PROMISE(slice_equal(buffer_slice(&out), buffer_slice(&again)));
	}
	buffer_free(&out);
	buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct fuzz_input input = {data, size};
	uint8_t flags = fuzz_byte(&input);
	enum operation operation = flags & 1 ? OPERATION_INVOKE_MODEL : OPERATION_CONVERSE;
	struct body_edit edit = {.max_tokens = flags & 2 ? MAX_TOKENS : 0};
	if (flags & 4)
		edit.tier = SLICE("flex");
	if (flags & 8) {
		edit.guardrail_identifier = SLICE("a\"b\\c");
		edit.guardrail_version = SLICE("1");
		edit.guardrail_trace = flags & 16 ? SLICE("ENABLED") : (struct slice){0};
	}
	struct fuzz_input lengths = input; // the body's bytes are the lengths of slices, too
	struct slice body = fuzz_copy(&input, SIZE_MAX);
	if (body_edit_is_in_body(&edit, operation))
		apply(&edit, operation, body, &lengths);
	fuzz_free(body);
	return 0;
}

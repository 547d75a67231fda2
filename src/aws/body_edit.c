// SPDX-License-Identifier: Apache-2.0
// The form of each value; aws/request_shape has their places.
#include "aws/body_edit.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json_writer.h"

enum { VALUE_BYTES = 32768, DIGITS_BYTES = 24 };

bool body_edit_is_in_body(const struct body_edit *edit, enum operation operation) {
	if (operation_is_invoke(operation))
		return edit->max_tokens > 0;
	return operation_is_converse(operation) &&
	       (edit->tier.len || edit->guardrail_identifier.len || edit->max_tokens > 0);
}

static char to_case(char letter, bool upper) {
	if (upper)
		return letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

// Converse has "enabled_full", InvokeModel "ENABLED_FULL". A longer text than either stays unchanged.
static struct slice trace_in_case(struct slice trace, bool upper, char text[BODY_EDIT_TRACE_BYTES]) {
	if (trace.len > BODY_EDIT_TRACE_BYTES)
		return trace;
	for (size_t i = 0; i < trace.len; i++)
		text[i] = to_case(trace.ptr[i], upper);
	return slice_of(text, trace.len);
}

static void append_tier(const struct body_edit *edit, struct buffer *object) {
	struct json_writer json;
	json_writer_init(&json, object);
	json_begin_object(&json, NULL);
	json_write_string(&json, REQUEST_TIER_TYPE, edit->tier);
	json_end_object(&json);
}

static void append_guardrail(const struct body_edit *edit, struct buffer *object) {
	char trace[BODY_EDIT_TRACE_BYTES];
	struct json_writer json;
	json_writer_init(&json, object);
	json_begin_object(&json, NULL);
	json_write_string(&json, "guardrailIdentifier", edit->guardrail_identifier);
	json_write_string(&json, "guardrailVersion", edit->guardrail_version);
	if (edit->guardrail_trace.len)
		json_write_string(&json, "trace", trace_in_case(edit->guardrail_trace, false, trace));
	json_end_object(&json);
}

// A body and its patches.
struct edited {
	struct slice body;
	const struct request_shape *shape;
	struct json_patches *patches;
	bool is_empty; // the outermost object has no members yet
};

static size_t edited_offset(const struct edited *edited, struct slice part) {
	return (size_t)(part.ptr - edited->body.ptr);
}

static void edit_replace(struct edited *edited, enum request_place place, struct slice value) {
	struct slice old = edited->shape->members[place].value;
	json_patches_replace(edited->patches, edited_offset(edited, old), old.len, value);
}

// Sets a member of the outermost object.
static void edit_top(struct edited *edited, enum request_place place, struct slice name, struct slice value) {
	if (edited->shape->counts[place])
		edit_replace(edited, place, value);
	else
		json_patches_insert(edited->patches, edited->shape->inside, &edited->is_empty, name, value);
}

// Sets inferenceConfig.maxTokens.
static int edit_max_tokens(struct edited *edited, struct slice max_tokens, char *reason) {
	const struct request_shape *shape = edited->shape;
	const struct request_member *config = &shape->members[PLACE_CONFIG];
	if (shape->counts[PLACE_CONFIG] == 0) {
		char object[DIGITS_BYTES + sizeof REQUEST_MAX_TOKENS + 8];
		int length = snprintf(object, sizeof object, "{\"" REQUEST_MAX_TOKENS "\":%.*s}", SLICE_ARGS(max_tokens));
		edit_top(edited, PLACE_CONFIG, SLICE(REQUEST_CONFIG), slice_of(object, (size_t)length));
	} else if (config->kind != JSON_OBJECT) {
		snprintf(reason, BODY_EDIT_REASON_BYTES, "The body's \"" REQUEST_CONFIG "\" is no object, at offset %zu.",
		         edited_offset(edited, config->value));
		return ERROR_INVALID;
	} else if (shape->counts[PLACE_MAX_TOKENS]) {
		edit_replace(edited, PLACE_MAX_TOKENS, max_tokens);
	} else {
		bool is_empty = config->is_empty;
		json_patches_insert(edited->patches, edited_offset(edited, config->value) + 1, &is_empty,
		                    SLICE(REQUEST_MAX_TOKENS), max_tokens);
	}
	return 0;
}

static int edit_converse(const struct body_edit *edit, struct edited *edited, struct slice max_tokens, char *reason) {
	struct buffer tier, guardrail;
	buffer_init(&tier, VALUE_BYTES);
	buffer_init(&guardrail, VALUE_BYTES);
	if (edit->tier.len) {
		append_tier(edit, &tier);
		edit_top(edited, PLACE_TIER, SLICE(REQUEST_TIER), buffer_slice(&tier));
	}
	if (edit->guardrail_identifier.len) {
		append_guardrail(edit, &guardrail);
		edit_top(edited, PLACE_GUARDRAIL, SLICE(REQUEST_GUARDRAIL), buffer_slice(&guardrail));
	}
	int status = edit->max_tokens > 0 ? edit_max_tokens(edited, max_tokens, reason) : 0;
	if (tier.failed || guardrail.failed)
		status = ERROR_LIMIT;
	buffer_free(&tier);
	buffer_free(&guardrail);
	return status;
}

static const char *limit_name(size_t limit) {
	const char *const *keys = request_limits[limit].keys;
	return keys[1] ? keys[1] : keys[0];
}

// Replaces the limit that the body has. Without one the model family is unknown, so nothing is inserted.
static int edit_invoke(struct edited *edited, struct slice max_tokens, char *reason) {
	size_t found = REQUEST_LIMITS;
	for (size_t i = 0; i < REQUEST_LIMITS; i++) {
		if (edited->shape->counts[PLACE_LIMITS + i] == 0 ||
		    edited->shape->members[PLACE_LIMITS + i].kind != JSON_NUMBER)
			continue;
		if (found < REQUEST_LIMITS) {
			snprintf(reason, BODY_EDIT_REASON_BYTES, "The body limits its tokens twice: \"%s\" and \"%s\".",
			         limit_name(found), limit_name(i));
			return ERROR_INVALID;
		}
		found = i;
	}
	if (found == REQUEST_LIMITS) {
		snprintf(reason, BODY_EDIT_REASON_BYTES, "The body has no limit of tokens of a known name.");
		return ERROR_INVALID;
	}
	edit_replace(edited, (enum request_place)(PLACE_LIMITS + found), max_tokens);
	return 0;
}

int body_edit_plan(const struct body_edit *edit, enum operation operation, struct slice body,
                   const struct request_shape *shape, struct json_patches *patches,
                   char reason[BODY_EDIT_REASON_BYTES]) {
	struct edited edited = {.body = body, .shape = shape, .patches = patches, .is_empty = shape->is_empty};
	char digits[DIGITS_BYTES];
	int length = snprintf(digits, sizeof digits, "%" PRId64, edit->max_tokens);
	struct slice max_tokens = slice_of(digits, (size_t)length);
	json_patches_init(patches);
	reason[0] = '\0';
	int status = operation_is_invoke(operation) ? edit_invoke(&edited, max_tokens, reason)
	                                            : edit_converse(edit, &edited, max_tokens, reason);
	if (status == 0 && patches->inserted.failed)
		status = ERROR_LIMIT;
	if (status && !reason[0])
		snprintf(reason, BODY_EDIT_REASON_BYTES, "The edit is too large.");
	return status;
}

size_t body_edit_headers(const struct body_edit *edit, enum operation operation, char trace[BODY_EDIT_TRACE_BYTES],
                         struct header list[BODY_EDIT_HEADERS_MAX]) {
	size_t count = 0;
	if (!operation_is_invoke(operation))
		return 0;
	if (edit->tier.len)
		list[count++] = (struct header){SLICE(REQUEST_TIER_HEADER), edit->tier};
	if (!edit->guardrail_identifier.len)
		return count;
	list[count++] = (struct header){SLICE(REQUEST_GUARDRAIL_HEADER), edit->guardrail_identifier};
	list[count++] = (struct header){SLICE(REQUEST_GUARDRAIL_VERSION_HEADER), edit->guardrail_version};
	struct slice trace_value = {0};
	if (edit->guardrail_trace.len)
		trace_value = trace_in_case(edit->guardrail_trace, true, trace);
	list[count++] = (struct header){SLICE(REQUEST_TRACE_HEADER), trace_value};
	return count;
}

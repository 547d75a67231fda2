// SPDX-License-Identifier: Apache-2.0
// The form of each value; aws/request_shape has their places.
#include "aws/body_edit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aws/json_edit.h"
#include "aws/request_shape.h"
#include "base/error.h"
#include "base/json_writer.h"

_Static_assert((int)BODY_EDIT_REASON_BYTES == (int)JSON_EDIT_REASON_BYTES, "a reason is copied whole");

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

static int edit_converse(const struct body_edit *edit, struct slice max_tokens, struct slice body, struct buffer *out,
                         char *reason) {
	struct json_edit edits[3];
	size_t count = 0;
	struct buffer tier, guardrail;
	buffer_init(&tier, VALUE_BYTES);
	buffer_init(&guardrail, VALUE_BYTES);
	if (edit->tier.len) {
		append_tier(edit, &tier);
		edits[count++] = (struct json_edit){NULL, REQUEST_TIER, buffer_slice(&tier)};
	}
	if (edit->guardrail_identifier.len) {
		append_guardrail(edit, &guardrail);
		edits[count++] = (struct json_edit){NULL, REQUEST_GUARDRAIL, buffer_slice(&guardrail)};
	}
	if (edit->max_tokens > 0)
		edits[count++] = (struct json_edit){REQUEST_CONFIG, REQUEST_MAX_TOKENS, max_tokens};
	int status = tier.failed || guardrail.failed ? ERROR_LIMIT : json_edit_apply(body, edits, count, out, reason);
	buffer_free(&tier);
	buffer_free(&guardrail);
	return status;
}

// Lists the places where a body may limit its tokens, after the `*parents` objects that contain some of them. Returns
// the number of places.
static size_t list_limits(struct json_place places[JSON_EDIT_PLACES_MAX], size_t *parents) {
	size_t count = 0;
	for (const struct json_path *limit = request_limits; limit->keys[0]; limit++) {
		bool is_listed = !limit->keys[1];
		for (size_t i = 0; i < count && !is_listed; i++)
			is_listed = strcmp(places[i].name, limit->keys[0]) == 0;
		if (!is_listed)
			places[count++] = (struct json_place){.name = limit->keys[0]};
	}
	*parents = count;
	for (const struct json_path *limit = request_limits; limit->keys[0]; limit++) {
		assert(count < JSON_EDIT_PLACES_MAX);
		places[count++] = limit->keys[1] ? (struct json_place){.parent = limit->keys[0], .name = limit->keys[1]}
		                                 : (struct json_place){.name = limit->keys[0]};
	}
	return count;
}

// Replaces the limit that the body has. Without one the model family is unknown, so nothing is inserted.
static int edit_invoke(struct slice max_tokens, struct slice body, struct buffer *out, char *reason) {
	struct json_place places[JSON_EDIT_PLACES_MAX];
	const struct json_place *limit = NULL;
	size_t parents, count = list_limits(places, &parents);
	int status = json_edit_find(body, places, count, reason);
	for (size_t i = parents; status == 0 && i < count; i++) {
		if (places[i].count == 0 || places[i].kind != JSON_NUMBER)
			continue;
		if (limit) {
			snprintf(reason, BODY_EDIT_REASON_BYTES, "the body limits its tokens twice: \"%s\" and \"%s\"", limit->name,
			         places[i].name);
			return ERROR_INVALID;
		}
		limit = &places[i];
	}
	if (status)
		return status;
	if (!limit) {
		snprintf(reason, BODY_EDIT_REASON_BYTES, "the body has no limit of tokens of a known name");
		return ERROR_INVALID;
	}
	struct json_edit edit = {limit->parent, limit->name, max_tokens};
	return json_edit_apply(body, &edit, 1, out, reason);
}

int body_edit_apply(const struct body_edit *edit, enum operation operation, struct slice body, struct buffer *out,
                    char reason[BODY_EDIT_REASON_BYTES]) {
	char digits[DIGITS_BYTES];
	int length = snprintf(digits, sizeof digits, "%" PRId64, edit->max_tokens);
	struct slice max_tokens = slice_of(digits, (size_t)length);
	reason[0] = '\0';
	int status = operation_is_invoke(operation) ? edit_invoke(max_tokens, body, out, reason)
	                                            : edit_converse(edit, max_tokens, body, out, reason);
	if (status && !reason[0])
		snprintf(reason, BODY_EDIT_REASON_BYTES, "%s", error_text(status));
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

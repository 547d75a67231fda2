// SPDX-License-Identifier: Apache-2.0
// Where each operation carries what, from the Bedrock Runtime API reference: Converse's serviceTier, guardrailConfig
// and inferenceConfig; InvokeModel's x-amzn-bedrock-* headers, and the limits of tokens of the models' own bodies.
#include "aws/body_edit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aws/json_edit.h"
#include "base/error.h"

_Static_assert((int)BODY_EDIT_REASON_BYTES == (int)JSON_EDIT_REASON_BYTES, "reasons are passed on");

enum { VALUE_BYTES = 32768, DIGITS_BYTES = 24 };

static bool is_converse(enum operation operation) {
	return operation == OPERATION_CONVERSE || operation == OPERATION_CONVERSE_STREAM;
}

static bool is_invoke(enum operation operation) {
	return operation == OPERATION_INVOKE_MODEL || operation == OPERATION_INVOKE_MODEL_STREAM;
}

bool body_edit_is_in_body(const struct body_edit *edit, enum operation operation) {
	if (is_invoke(operation))
		return edit->max_tokens > 0;
	return is_converse(operation) && (edit->tier.len || edit->guardrail_identifier.len || edit->max_tokens > 0);
}

static char to_case(char letter, bool upper) {
	if (upper)
		return letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

// Converse writes "enabled_full", InvokeModel "ENABLED_FULL". What is too long to be either stays as it is.
static struct slice trace_in_case(struct slice trace, bool upper, char text[BODY_EDIT_TRACE_BYTES]) {
	if (trace.len > BODY_EDIT_TRACE_BYTES)
		return trace;
	for (size_t i = 0; i < trace.len; i++)
		text[i] = to_case(trace.ptr[i], upper);
	return slice_of(text, trace.len);
}

static void append_member(struct buffer *object, const char *name, struct slice text) {
	buffer_append_byte(object, object->len ? ',' : '{');
	buffer_append_json(object, slice_from(name));
	buffer_append_byte(object, ':');
	buffer_append_json(object, text);
}

static void append_guardrail(const struct body_edit *edit, struct buffer *object) {
	char trace[BODY_EDIT_TRACE_BYTES];
	append_member(object, "guardrailIdentifier", edit->guardrail_identifier);
	append_member(object, "guardrailVersion", edit->guardrail_version);
	if (edit->guardrail_trace.len)
		append_member(object, "trace", trace_in_case(edit->guardrail_trace, false, trace));
	buffer_append_byte(object, '}');
}

static int edit_converse(const struct body_edit *edit, struct slice max_tokens, struct slice body, struct buffer *out,
                         char *reason) {
	struct json_edit edits[3];
	size_t count = 0;
	struct buffer tier, guardrail;
	buffer_init(&tier, VALUE_BYTES);
	buffer_init(&guardrail, VALUE_BYTES);
	if (edit->tier.len) {
		append_member(&tier, "type", edit->tier);
		buffer_append_byte(&tier, '}');
		edits[count++] = (struct json_edit){NULL, "serviceTier", buffer_slice(&tier)};
	}
	if (edit->guardrail_identifier.len) {
		append_guardrail(edit, &guardrail);
		edits[count++] = (struct json_edit){NULL, "guardrailConfig", buffer_slice(&guardrail)};
	}
	if (edit->max_tokens > 0)
		edits[count++] = (struct json_edit){"inferenceConfig", "maxTokens", max_tokens};
	int status = tier.failed || guardrail.failed ? ERROR_LIMIT : json_edit_apply(body, edits, count, out, reason);
	buffer_free(&tier);
	buffer_free(&guardrail);
	return status;
}

// Where models' own bodies have their limits of tokens: first the objects that some of them stand in.
enum { LIMIT_PARENTS = 2 };
static const struct json_place limit_places[] = {
    {.name = "inferenceConfig"},
    {.name = "textGenerationConfig"},
    {.name = "max_tokens"},                                  // Anthropic's messages, Mistral, Cohere, Jamba, DeepSeek
    {.name = "max_tokens_to_sample"},                        // Anthropic's text completions
    {.name = "max_completion_tokens"},                       // OpenAI
    {.name = "max_gen_len"},                                 // Llama
    {.name = "maxTokens"},                                   // Jurassic
    {.parent = "inferenceConfig", .name = "maxTokens"},      // Nova
    {.parent = "inferenceConfig", .name = "max_new_tokens"}, // Nova, too
    {.parent = "textGenerationConfig", .name = "maxTokenCount"}, // Titan
};
enum { LIMIT_PLACES = sizeof limit_places / sizeof limit_places[0] };
_Static_assert((int)LIMIT_PLACES <= (int)JSON_EDIT_PLACES_MAX, "too many places");

// Replaces the limit that the body has: no other tells which family's it is.
static int edit_invoke(struct slice max_tokens, struct slice body, struct buffer *out, char *reason) {
	struct json_place places[LIMIT_PLACES];
	const struct json_place *limit = NULL;
	memcpy(places, limit_places, sizeof places);
	int status = json_edit_find(body, places, LIMIT_PLACES, reason);
	for (size_t i = LIMIT_PARENTS; status == 0 && i < LIMIT_PLACES; i++) {
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
	int status = is_invoke(operation) ? edit_invoke(max_tokens, body, out, reason)
	                                  : edit_converse(edit, max_tokens, body, out, reason);
	if (status && !reason[0])
		snprintf(reason, BODY_EDIT_REASON_BYTES, "%s", error_text(status));
	return status;
}

static const struct slice tier_header = {"x-amzn-bedrock-service-tier", 27};

size_t body_edit_headers(const struct body_edit *edit, enum operation operation, char trace[BODY_EDIT_TRACE_BYTES],
                         struct header list[BODY_EDIT_HEADERS_MAX]) {
	size_t count = 0;
	if (!is_invoke(operation))
		return 0;
	if (edit->tier.len)
		list[count++] = (struct header){tier_header, edit->tier};
	if (!edit->guardrail_identifier.len)
		return count;
	list[count++] = (struct header){SLICE("x-amzn-bedrock-guardrailidentifier"), edit->guardrail_identifier};
	list[count++] = (struct header){SLICE("x-amzn-bedrock-guardrailversion"), edit->guardrail_version};
	struct slice how = {0};
	if (edit->guardrail_trace.len)
		how = trace_in_case(edit->guardrail_trace, true, trace);
	list[count++] = (struct header){SLICE("x-amzn-bedrock-trace"), how};
	return count;
}

bool body_edit_find_tier(enum operation operation, struct headers headers, struct slice body, struct slice *tier) {
	*tier = (struct slice){0};
	if (is_invoke(operation)) {
		const struct slice *value = headers_find(headers, tier_header);
		if (value)
			*tier = slice_trim(*value);
		return true;
	}
	struct json_place places[] = {{.name = "serviceTier"}, {.parent = "serviceTier", .name = "type"}};
	char reason[JSON_EDIT_REASON_BYTES];
	if (!is_converse(operation) || json_edit_find(body, places, 2, reason))
		return false;
	if (places[0].count == 1 && places[1].count == 1 && places[1].kind == JSON_STRING)
		*tier = slice_of(places[1].value.ptr + 1, places[1].value.len - 2);
	return places[0].count <= 1;
}

struct slice body_edit_read_tier(enum operation operation, struct headers headers, struct slice body) {
	struct slice tier;
	(void)body_edit_find_tier(operation, headers, body, &tier);
	return tier;
}

// SPDX-License-Identifier: Apache-2.0
// Paths from the Bedrock Runtime API reference and the references of the models' bodies.
#include "aws/request_shape.h"

#include <stdio.h>
#include <string.h>

#include "base/json_writer.h"

enum { BYTES_PER_TOKEN = 4, MAX_TOKENS_LIMIT = 1000000000, UTF8_SEQUENCE_BYTES = 4 };

// First the paths that may occur any number of times; then those that may occur once; of these the places come last.
enum {
	MESSAGE,
	TEXT,
	CONTENT,
	PROMPT,
	INPUT_TEXT,
	GUARD_CONTENT,
	GUARD_CONFIG,
	METADATA,
	SYSTEM,
	TOOLS,
	TOOL_CONFIG,
	MESSAGES,
	TIER_TYPE,
	PLACES,
};
enum { ONCE = METADATA, LIMIT = PLACES + PLACE_LIMITS, PATHS = PLACES + REQUEST_PLACES };
static const struct json_path paths[PATHS + 1] = {
    [MESSAGE] = {{"messages", "[]"}},
    [TEXT] = {{"**", "text"}},
    [CONTENT] = {{"**", "content"}},
    [PROMPT] = {{"**", "prompt"}},
    [INPUT_TEXT] = {{"**", "inputText"}},
    [GUARD_CONTENT] = {{"**", "guardContent"}},
    [GUARD_CONFIG] = {{"amazon-bedrock-guardrailConfig"}},
    [METADATA] = {{"requestMetadata"}},
    [SYSTEM] = {{"system"}},
    [TOOLS] = {{"tools"}},
    [TOOL_CONFIG] = {{"toolConfig"}},
    [MESSAGES] = {{"messages"}},
    [TIER_TYPE] = {{REQUEST_TIER, REQUEST_TIER_TYPE}},
    [PLACES + PLACE_TIER] = {{REQUEST_TIER}},
    [PLACES + PLACE_GUARDRAIL] = {{REQUEST_GUARDRAIL}},
    [PLACES + PLACE_CONFIG] = {{REQUEST_CONFIG}},
    [PLACES + PLACE_TEXT_CONFIG] = {{"textGenerationConfig"}},
    [LIMIT] = {{REQUEST_CONFIG, REQUEST_MAX_TOKENS}}, // Converse, Nova
    {{REQUEST_CONFIG, "max_new_tokens"}},             // Nova, also
    {{"max_tokens"}},                                 // Anthropic's messages, Mistral, Cohere, Jamba, DeepSeek
    {{"max_tokens_to_sample"}},                       // Anthropic's text completions
    {{"max_completion_tokens"}},                      // OpenAI
    {{"max_gen_len"}},                                // Llama
    {{"maxTokens"}},                                  // Jurassic
    {{"textGenerationConfig", "maxTokenCount"}},      // Titan
    {{0}},
};
_Static_assert(PATHS <= 32, "the bits of `met`");

const struct json_path *const request_limits = paths + LIMIT;

void request_flaw_describe(const struct request_flaw *flaw, char text[REQUEST_FLAW_BYTES]) {
	static const char *const what[] = {
	    [FLAW_NONE] = "has no flaw",
	    [FLAW_CODING] = "has to be UTF-8 without a content-encoding",
	    [FLAW_BYTE_ORDER_MARK] = "begins with a byte order mark",
	    [FLAW_NOT_UTF8] = "is not UTF-8",
	    [FLAW_NO_JSON] = "is not valid JSON",
	    [FLAW_TRAILING_TEXT] = "has text behind its JSON value",
	    [FLAW_NO_OBJECT] = "is no JSON object",
	    [FLAW_DEPTH] = "is nested too deep",
	};
	if (flaw->kind == FLAW_DUPLICATE && !flaw->key)
		snprintf(text, REQUEST_FLAW_BYTES, "The body has an object with a member twice, the second time at offset %zu.",
		         flaw->offset);
	else if (flaw->kind == FLAW_DUPLICATE)
		snprintf(text, REQUEST_FLAW_BYTES, "The body has \"%s\" twice, the second time at offset %zu.", flaw->key,
		         flaw->offset);
	else if (flaw->kind == FLAW_CODING || flaw->kind == FLAW_NO_OBJECT)
		snprintf(text, REQUEST_FLAW_BYTES, "The body %s.", what[flaw->kind]);
	else
		snprintf(text, REQUEST_FLAW_BYTES, "The body %s, at offset %zu.", what[flaw->kind], flaw->offset);
}

// Keeps the flaw with the least offset, so that it doesn't depend on slices; one that makes the body ambiguous replaces
// one that doesn't.
static void note_flaw(struct request_shape *shape, enum request_flaw_kind kind, size_t offset, const char *key) {
	struct request_flaw flaw = {kind, offset, key}, *known = &shape->flaw;
	bool is_stronger =
	    request_flaw_is_ambiguous(&flaw) && (!request_flaw_is_ambiguous(known) || offset < known->offset);
	if (known->kind == FLAW_NONE || is_stronger)
		*known = flaw;
}

static size_t scan_offset(const struct request_scan *scan, const char *at) {
	return (size_t)(at - scan->body.ptr);
}

// The destination of a value that is kept; NULL for other values. Kept values don't contain each other, so at most one
// is being kept at a time.
static struct slice *scan_place(const struct request_scan *scan, int path, enum json_kind kind) {
	struct request_shape *shape = scan->shape;
	switch (path) {
	case METADATA:
		return kind == JSON_OBJECT ? &shape->metadata : NULL;
	case SYSTEM:
		return &shape->system;
	case TOOLS:
		return &shape->tools;
	case TOOL_CONFIG:
		return &shape->tool_config;
	case MESSAGE:
		return shape->first_message.len ? NULL : &shape->first_message;
	case PLACES + PLACE_CONFIG:
	case PLACES + PLACE_TEXT_CONFIG:
		return NULL;
	default:
		return path >= PLACES && shape->counts[path - PLACES] == 1 ? &shape->members[path - PLACES].value : NULL;
	}
}

static void scan_keep_value(struct request_scan *scan, struct slice *place) {
	enum json_kind kind = scan->walk.token.kind;
	scan->keeping = place;
	scan->start = scan->walk.token.start;
	scan->depth = scan->walk.reader.depth - (kind == JSON_OBJECT || kind == JSON_ARRAY);
}

// A member that may be there once.
static void scan_on_single(struct request_scan *scan, int path) {
	const struct json_token *token = &scan->walk.token;
	uint32_t bit = (uint32_t)1 << path;
	if (scan->met & bit)
		note_flaw(scan->shape, FLAW_DUPLICATE, scan_offset(scan, token->start),
		          paths[path].keys[1] ? paths[path].keys[1] : paths[path].keys[0]);
	scan->met |= bit;
	if (path < PLACES)
		return;
	uint8_t *count = &scan->shape->counts[path - PLACES];
	struct request_member *member = &scan->shape->members[path - PLACES];
	if (*count < UINT8_MAX && ++*count > 1)
		return;
	*member = (struct request_member){.kind = token->kind, .value = slice_of(token->start, 0)};
	if (path == PLACES + PLACE_CONFIG && token->kind == JSON_OBJECT)
		scan->opened = &member->is_empty;
}

static void scan_on_value(struct request_scan *scan) {
	struct request_shape *shape = scan->shape;
	const struct json_token *token = &scan->walk.token;
	int path = scan->walk.path;
	uint64_t limit;
	if (path >= ONCE)
		scan_on_single(scan, path);
	struct slice *place = scan_place(scan, path, token->kind);
	if (place)
		scan_keep_value(scan, place);
	if (path == TIER_TYPE) {
		scan->tier_types++;
		shape->tier = token->kind == JSON_STRING ? token->text : (struct slice){0};
	} else if (path >= LIMIT) {
		if (token->kind == JSON_NUMBER && slice_parse_u64(token->text, MAX_TOKENS_LIMIT, &limit))
			shape->max_tokens = (int64_t)limit;
	} else if (path >= TEXT && path <= INPUT_TEXT && token->kind == JSON_STRING) {
		shape->text_bytes += token->text.len;
	} else if ((path == GUARD_CONTENT || path == GUARD_CONFIG) && !shape->partial_key) {
		shape->partial_key = paths[path].keys[path == GUARD_CONTENT];
		shape->partial_offset = scan_offset(scan, token->start);
	}
}

// The value that is being kept ends with the current token.
static void scan_end_value(struct request_scan *scan) {
	const char *end = scan->walk.reader.rest.ptr;
	*scan->keeping = slice_of(scan->start, (size_t)(end - scan->start));
	scan->keeping = NULL;
}

// The token after the one that has opened an object.
static void scan_on_inside(struct request_scan *scan, enum json_kind kind) {
	*scan->opened = kind == JSON_OBJECT_END;
	scan->opened = NULL;
}

static void scan_on_first(struct request_scan *scan, enum json_kind kind) {
	if (kind == JSON_OBJECT) {
		scan->shape->inside = scan_offset(scan, scan->walk.reader.rest.ptr);
		scan->opened = &scan->shape->is_empty;
	} else if (kind != JSON_BROKEN) {
		note_flaw(scan->shape, FLAW_NO_OBJECT, 0, NULL);
	}
}

static void scan_note_break(struct request_scan *scan) {
	const struct json_reader *reader = &scan->walk.reader;
	const char *at = scan->walk.token.start;
	bool is_container = at < reader->end && (*at == '{' || *at == '[');
	enum request_flaw_kind kind = FLAW_NO_JSON;
	if (reader->wants == JSON_WANTS_NOTHING)
		kind = FLAW_TRAILING_TEXT;
	else if (reader->depth == JSON_DEPTH_MAX && reader->wants == JSON_WANTS_VALUE && is_container)
		kind = FLAW_DEPTH;
	note_flaw(scan->shape, kind, scan_offset(scan, at), NULL);
}

// UTF-8 counts up to a break: how much of the rest was looked at depends on the slices.
static void scan_note_utf8(struct request_scan *scan) {
	bool is_broken = scan->walk.token.kind == JSON_BROKEN;
	size_t last = is_broken ? scan_offset(scan, scan->walk.token.start) : scan->body.len;
	size_t left = scan->body.len - scan->checked, length = last - scan->checked + UTF8_SEQUENCE_BYTES;
	if (scan->not_utf8 == SIZE_MAX && scan->checked <= last) {
		length = left < length ? left : length;
		size_t valid = slice_utf8_prefix(slice_of(scan->body.ptr + scan->checked, length));
		scan->not_utf8 = valid < length ? scan->checked + valid : SIZE_MAX;
	}
	if (scan->not_utf8 <= last)
		note_flaw(scan->shape, FLAW_NOT_UTF8, scan->not_utf8, NULL);
}

static void scan_finish(struct request_scan *scan) {
	struct request_shape *shape = scan->shape;
	bool is_whole = scan->walk.token.kind == JSON_END && shape->inside;
	scan_note_utf8(scan);
	if (scan->walk.token.kind == JSON_BROKEN)
		scan_note_break(scan);
	shape->input_tokens = (shape->text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
	shape->tokens += scan->walk.reader.steps;
	shape->takes_tier = is_whole && shape->counts[PLACE_TIER] <= 1;
	if (!is_whole || shape->counts[PLACE_TIER] != 1 || scan->tier_types != 1)
		shape->tier = (struct slice){0};
}

// Other encodings, and a mark that some readers skip and others refuse.
static void scan_check_beginning(struct request_scan *scan) {
	if (slice_starts(scan->body, SLICE("\xef\xbb\xbf")))
		note_flaw(scan->shape, FLAW_BYTE_ORDER_MARK, 0, NULL);
	for (size_t i = 0; i < 2 && i < scan->body.len; i++)
		if (scan->body.ptr[i] == '\0') // UTF-16 or UTF-32
			note_flaw(scan->shape, FLAW_NOT_UTF8, i, NULL);
}

// Checks the window; a sequence that its end cuts belongs to the next one.
static void scan_check_utf8(struct request_scan *scan) {
	size_t end = scan_offset(scan, scan->walk.reader.rest.ptr) + scan->walk.reader.rest.len;
	size_t length = end - scan->checked;
	size_t valid = slice_utf8_prefix(slice_of(scan->body.ptr + scan->checked, length));
	if (valid < length && (end == scan->body.len || length - valid >= UTF8_SEQUENCE_BYTES)) {
		scan->not_utf8 = scan->checked + valid;
		scan->checked = scan->body.len;
	} else {
		scan->checked += valid;
	}
}

void request_scan_begin(struct request_scan *scan, struct slice body, struct request_shape *shape) {
	// Not zeroed as a whole: the walk and the members are large, and filled as they are needed.
	memset(shape, 0, offsetof(struct request_shape, members));
	shape->max_tokens = -1;
	scan->shape = shape;
	scan->body = body;
	scan->checked = 0;
	scan->not_utf8 = SIZE_MAX;
	scan->met = 0;
	scan->tier_types = 0;
	scan->opened = NULL;
	scan->keeping = NULL;
	json_walk_init(&scan->walk, paths, body);
	json_reader_narrow(&scan->walk.reader);
	scan_check_beginning(scan);
}

bool request_scan_step(struct request_scan *scan, size_t bytes) {
	json_reader_widen(&scan->walk.reader, bytes);
	if (scan->checked < scan->body.len)
		scan_check_utf8(scan);
	for (;;) {
		enum json_kind kind = json_walk_next(&scan->walk);
		if (kind == JSON_PAUSED)
			return false;
		if (scan->opened)
			scan_on_inside(scan, kind);
		if (scan->shape->tokens++ == 0)
			scan_on_first(scan, kind);
		if (kind == JSON_END || kind == JSON_BROKEN)
			break;
		if (scan->walk.path != JSON_NO_PATH)
			scan_on_value(scan);
		if (scan->keeping && scan->walk.reader.depth == scan->depth)
			scan_end_value(scan);
	}
	scan_finish(scan);
	return true;
}

void request_shape_read(struct slice body, struct request_shape *shape) {
	struct request_scan scan;
	request_scan_begin(&scan, body, shape);
	request_scan_step(&scan, body.len);
}

void request_shape_note_duplicate(struct request_shape *shape, size_t offset) {
	note_flaw(shape, FLAW_DUPLICATE, offset, NULL);
}

void request_shape_each_text(struct slice body, json_text_callback on_text, void *owner) {
	struct json_walk walk;
	json_walk_init(&walk, paths, body);
	do {
		json_walk_next(&walk);
		if (walk.path >= TEXT && walk.path <= INPUT_TEXT && walk.token.kind == JSON_STRING)
			json_visit_text(walk.token.text, on_text, owner);
	} while (!json_walk_is_over(&walk));
}

struct slice request_shape_tier(enum operation operation, struct headers headers, const struct request_shape *shape) {
	const struct slice *value = NULL;
	if (operation_is_invoke(operation))
		value = headers_find(headers, SLICE(REQUEST_TIER_HEADER));
	else if (shape && operation_is_converse(operation))
		return shape->tier;
	return value ? slice_trim(*value) : (struct slice){0};
}

bool request_shape_takes_tier(enum operation operation, const struct request_shape *shape) {
	if (operation_is_invoke(operation))
		return true;
	return operation_is_converse(operation) && shape->takes_tier;
}

void request_shape_write(struct slice prompt, uint64_t max_tokens, struct buffer *out) {
	struct json_writer json;
	json_writer_init(&json, out);
	json_begin_object(&json, NULL);
	json_begin_array(&json, "messages");
	json_begin_object(&json, NULL);
	json_write_string(&json, "role", SLICE("user"));
	json_begin_array(&json, "content");
	json_begin_object(&json, NULL);
	json_write_string(&json, "text", prompt);
	json_end_object(&json);
	json_end_array(&json);
	json_end_object(&json);
	json_end_array(&json);
	if (max_tokens) {
		json_begin_object(&json, REQUEST_CONFIG);
		json_write_unsigned(&json, REQUEST_MAX_TOKENS, max_tokens);
		json_end_object(&json);
	}
	json_end_object(&json);
}

// SPDX-License-Identifier: Apache-2.0
// Paths from the Bedrock Runtime API reference and the references of the models' bodies.
#include "aws/request_shape.h"

#include "base/json_writer.h"

enum { BYTES_PER_TOKEN = 4, MAX_TOKENS_LIMIT = 1000000000 };

// The limits come last.
enum { METADATA, TIER, TIER_TYPE, SYSTEM, TOOLS, TOOL_CONFIG, MESSAGE, TEXT, CONTENT, PROMPT, INPUT_TEXT, LIMIT };
static const struct json_path paths[] = {
    [METADATA] = {{"requestMetadata"}},
    [TIER] = {{REQUEST_TIER}},
    [TIER_TYPE] = {{REQUEST_TIER, REQUEST_TIER_TYPE}},
    [SYSTEM] = {{"system"}},
    [TOOLS] = {{"tools"}},
    [TOOL_CONFIG] = {{"toolConfig"}},
    [MESSAGE] = {{"messages", "[]"}},
    [TEXT] = {{"**", "text"}},
    [CONTENT] = {{"**", "content"}},
    [PROMPT] = {{"**", "prompt"}},
    [INPUT_TEXT] = {{"**", "inputText"}},
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

const struct json_path *const request_limits = paths + LIMIT;

// One pass over a body. The values that are kept don't contain each other, so at most one is being kept at a time.
struct scan {
	struct json_walk walk;
	struct request_shape *shape;
	unsigned tiers, tier_types; // the numbers of these members
	bool is_object;
	uint64_t text_bytes;
	struct slice *keeping; // the destination of the value that is being kept; NULL: none
	const char *start;     // of that value
	unsigned depth;        // of the container around it
};

// The destination of a value that is kept; NULL for other values.
static struct slice *scan_place(const struct scan *scan, int path, enum json_kind kind) {
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
	default:
		return NULL;
	}
}

static void scan_keep_value(struct scan *scan, struct slice *place) {
	enum json_kind kind = scan->walk.token.kind;
	scan->keeping = place;
	scan->start = scan->walk.token.start;
	scan->depth = scan->walk.reader.depth - (kind == JSON_OBJECT || kind == JSON_ARRAY);
}

static void scan_on_value(struct scan *scan) {
	struct request_shape *shape = scan->shape;
	const struct json_token *token = &scan->walk.token;
	int path = scan->walk.path;
	uint64_t limit;
	struct slice *place = scan_place(scan, path, token->kind);
	if (place) {
		scan_keep_value(scan, place);
	} else if (path == TIER) {
		scan->tiers++;
	} else if (path == TIER_TYPE) {
		scan->tier_types++;
		shape->tier = token->kind == JSON_STRING ? token->text : (struct slice){0};
	} else if (path >= LIMIT) {
		if (token->kind == JSON_NUMBER && slice_parse_u64(token->text, MAX_TOKENS_LIMIT, &limit))
			shape->max_tokens = (int64_t)limit;
	} else if (path >= TEXT && token->kind == JSON_STRING) {
		scan->text_bytes += token->text.len;
	}
}

// The value that is being kept ends with the current token.
static void scan_end_value(struct scan *scan) {
	const char *end = scan->walk.reader.rest.ptr;
	*scan->keeping = slice_of(scan->start, (size_t)(end - scan->start));
	scan->keeping = NULL;
}

void request_shape_read(struct slice body, struct request_shape *shape) {
	struct scan scan; // not zeroed: the walk is large, and json_walk_init fills it
	scan.shape = shape;
	scan.tiers = scan.tier_types = 0;
	scan.text_bytes = 0;
	scan.keeping = NULL;
	*shape = (struct request_shape){.max_tokens = -1};
	json_walk_init(&scan.walk, paths, body);
	scan.is_object = json_walk_next(&scan.walk) == JSON_OBJECT;
	while (!json_walk_is_over(&scan.walk)) {
		json_walk_next(&scan.walk);
		if (scan.walk.path != JSON_NO_PATH)
			scan_on_value(&scan);
		if (scan.keeping && scan.walk.reader.depth == scan.depth && scan.walk.token.kind != JSON_BROKEN)
			scan_end_value(&scan);
	}
	shape->input_tokens = (scan.text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
	bool is_whole = scan.is_object && scan.walk.token.kind == JSON_END;
	shape->takes_tier = is_whole && scan.tiers <= 1;
	if (!is_whole || scan.tiers != 1 || scan.tier_types != 1)
		shape->tier = (struct slice){0};
}

void request_shape_each_text(struct slice body, json_text_callback on_text, void *owner) {
	struct json_walk walk;
	json_walk_init(&walk, paths, body);
	do {
		json_walk_next(&walk);
		if (walk.path >= TEXT && walk.path < LIMIT && walk.token.kind == JSON_STRING)
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

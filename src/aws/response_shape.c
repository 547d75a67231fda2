// SPDX-License-Identifier: Apache-2.0
// Paths from the Bedrock Runtime API reference and the references of the models' bodies.
#include "aws/response_shape.h"

#include "base/base64.h"
#include "base/buffer.h"
#include "base/json_walk.h"

// An InvokeModel chunk's payload is {"bytes":"BASE64", ...}. The metrics are in the encoded JSON, and a chunk that
// contains them is small.
enum { CHUNK_BYTES = 16 * 1024 };

// Stop reasons begin at STOP_REASON.
enum { INPUT, OUTPUT, CACHE_READ, CACHE_WRITE, TIER, STOP_REASON };
static const struct json_path paths[] = {
    [INPUT] = {{RESPONSE_USAGE, RESPONSE_INPUT_TOKENS}},
    [OUTPUT] = {{RESPONSE_USAGE, RESPONSE_OUTPUT_TOKENS}},
    [CACHE_READ] = {{RESPONSE_USAGE, RESPONSE_CACHE_READ_TOKENS}},
    [CACHE_WRITE] = {{RESPONSE_USAGE, RESPONSE_CACHE_WRITE_TOKENS}},
    [TIER] = {{RESPONSE_TIER, RESPONSE_TIER_TYPE}},
    [STOP_REASON] = {{RESPONSE_STOP_REASON}}, // Converse, Nova
    {{"stop_reason"}},                        // Anthropic, Llama
    {{"outputs", "[]", "stop_reason"}},       // Mistral
    {{"choices", "[]", "finish_reason"}},     // as OpenAI's
    {{"choices", "[]", "stop_reason"}},       // newer Mistral
    {{"results", "[]", "completionReason"}},  // Titan
    {{"finish_reason"}},                      // Cohere
    {{"generations", "[]", "finish_reason"}}, // Cohere, also
    {{0}},
};

static const struct json_path text_paths[] = {
    {{"output", "message", "content", "[]", "text"}}, // Converse, Nova
    {{"content", "[]", "text"}},                      // Anthropic
    {{"completion"}},                                 // Anthropic's text completions
    {{"generation"}},                                 // Llama
    {{"outputs", "[]", "text"}},                      // Mistral
    {{"choices", "[]", "message", "content"}},        // as OpenAI's
    {{"choices", "[]", "text"}},                      // DeepSeek
    {{"results", "[]", "outputText"}},                // Titan
    {{"text"}},                                       // Cohere
    {{"generations", "[]", "text"}},                  // Cohere, also
    {{0}},
};

static const struct json_path metrics_paths[] = {
    [INPUT] = {{RESPONSE_METRICS, RESPONSE_METRICS_INPUT_TOKENS}},
    [OUTPUT] = {{RESPONSE_METRICS, RESPONSE_METRICS_OUTPUT_TOKENS}},
    [CACHE_READ] = {{RESPONSE_METRICS, "cacheReadInputTokenCount"}},
    [CACHE_WRITE] = {{RESPONSE_METRICS, "cacheWriteInputTokenCount"}},
    {{0}},
};

// Sets *tokens to a whole number from 0; anything else leaves it unchanged.
static void read_count(struct slice digits, int64_t *tokens) {
	uint64_t number;
	if (slice_parse_u64(digits, INT64_MAX, &number))
		*tokens = (int64_t)number;
}

// Reads a count if the path is that of a count.
static void read_usage(const struct json_token *token, int path, struct token_usage *usage) {
	int64_t *const counts[] = {
	    [INPUT] = &usage->input_tokens,
	    [OUTPUT] = &usage->output_tokens,
	    [CACHE_READ] = &usage->cache_read_tokens,
	    [CACHE_WRITE] = &usage->cache_write_tokens,
	};
	if (path <= CACHE_WRITE && token->kind == JSON_NUMBER)
		read_count(token->text, counts[path]);
}

static void scan_on_value(struct response_scan *scan) {
	struct response_shape *shape = scan->shape;
	const struct json_token *token = &scan->walk.token;
	bool is_plain = token->kind == JSON_STRING && !token->is_escaped;
	read_usage(token, scan->walk.path, &shape->usage);
	if (scan->walk.path == TIER && is_plain)
		shape->tier = token->text;
	else if (scan->walk.path >= STOP_REASON && is_plain && !shape->stop_reason.len)
		shape->stop_reason = token->text;
}

void response_scan_begin(struct response_scan *scan, struct slice body, struct response_shape *shape) {
	*shape = (struct response_shape){.usage = TOKEN_USAGE_UNKNOWN};
	scan->shape = shape;
	json_walk_init(&scan->walk, paths, body);
	json_reader_narrow(&scan->walk.reader);
}

bool response_scan_step(struct response_scan *scan, size_t bytes) {
	json_reader_widen(&scan->walk.reader, bytes);
	do {
		if (json_walk_next(&scan->walk) == JSON_PAUSED)
			return false;
		scan->shape->tokens++;
		if (scan->walk.path != JSON_NO_PATH)
			scan_on_value(scan);
	} while (!json_walk_is_over(&scan->walk));
	scan->shape->tokens += scan->walk.reader.steps;
	return true;
}

void response_shape_read(struct slice body, struct response_shape *shape) {
	struct response_scan scan;
	response_scan_begin(&scan, body, shape);
	response_scan_step(&scan, body.len);
}

// Passes the strings at the paths to `on_text`.
static void visit_texts(struct slice body, const struct json_path *list, json_text_callback on_text, void *owner) {
	struct json_walk walk;
	json_walk_init(&walk, list, body);
	do {
		json_walk_next(&walk);
		if (walk.path != JSON_NO_PATH && walk.token.kind == JSON_STRING)
			json_visit_text(walk.token.text, on_text, owner);
	} while (!json_walk_is_over(&walk));
}

void response_shape_each_text(struct slice body, json_text_callback on_text, void *owner) {
	visit_texts(body, text_paths, on_text, owner);
}

void response_shape_delta(struct slice payload, json_text_callback on_text, void *owner) {
	static const struct json_path delta_paths[] = {{{"delta", "text"}}, {{0}}};
	visit_texts(payload, delta_paths, on_text, owner);
}

struct slice response_shape_tier(struct headers headers) {
	const struct slice *value = headers_find(headers, SLICE(RESPONSE_TIER_HEADER));
	return value ? *value : (struct slice){0};
}

static void read_header(struct headers headers, struct slice name, int64_t *tokens) {
	const struct slice *value = headers_find(headers, name);
	if (value)
		read_count(slice_trim(*value), tokens);
}

void response_shape_read_headers(struct headers headers, struct token_usage *usage) {
	read_header(headers, SLICE(RESPONSE_INPUT_TOKENS_HEADER), &usage->input_tokens);
	read_header(headers, SLICE(RESPONSE_OUTPUT_TOKENS_HEADER), &usage->output_tokens);
	read_header(headers, SLICE("x-amzn-bedrock-cache-read-input-token-count"), &usage->cache_read_tokens);
	read_header(headers, SLICE("x-amzn-bedrock-cache-write-input-token-count"), &usage->cache_write_tokens);
}

// Whether base64 text may contain "invocationMetrics". Base64 encodes groups of three bytes, so the word has three
// encodings, by its offset in a group; each has a fixed middle part.
static bool may_hold_metrics(struct slice base64) {
	static const struct slice middles[] = {
	    {"aW52b2NhdGlvbk1ldHJpY", 21}, {"ludm9jYXRpb25NZXRyaWNz", 22}, {"pbnZvY2F0aW9uTWV0cmljc", 22}};
	for (size_t i = 0; i < 3; i++)
		if (base64.len && memmem(base64.ptr, base64.len, middles[i].ptr, middles[i].len))
			return true;
	return false;
}

// The member `bytes` of a chunk's payload; empty if it is absent, no string, or has escapes, which base64 never has.
static struct slice chunk_bytes(struct slice payload) {
	struct json_reader reader;
	struct json_token token;
	struct slice skipped;
	json_reader_init(&reader, payload);
	json_read(&reader, &token);
	for (;;) {
		json_read(&reader, &token);
		if (token.kind != JSON_KEY)
			return (struct slice){0};
		if (slice_equal(token.text, SLICE("bytes")))
			break;
		if (!json_take_value(&reader, &skipped))
			return (struct slice){0};
	}
	json_read(&reader, &token);
	return token.kind == JSON_STRING && !token.is_escaped ? token.text : (struct slice){0};
}

static void read_metrics(struct slice chunk, struct token_usage *usage) {
	struct json_walk walk;
	json_walk_init(&walk, metrics_paths, chunk);
	do {
		json_walk_next(&walk);
		if (walk.path != JSON_NO_PATH)
			read_usage(&walk.token, walk.path, usage);
	} while (!json_walk_is_over(&walk));
}

void response_shape_read_chunk(struct slice payload, struct token_usage *usage) {
	struct slice base64 = chunk_bytes(payload);
	if (base64.len > CHUNK_BYTES || !may_hold_metrics(base64))
		return;
	struct buffer chunk;
	buffer_init(&chunk, CHUNK_BYTES);
	if (base64_decode(base64, &chunk) == 0)
		read_metrics(buffer_slice(&chunk), usage);
	buffer_free(&chunk);
}

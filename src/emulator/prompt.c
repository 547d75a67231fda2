// SPDX-License-Identifier: Apache-2.0
// One pass over the body, no copies. Four bytes of text count as a token, an image or document as a thousand: accurate
// enough for quotas and latencies, and repeatable.
#include "emulator/prompt.h"

#include "base/base64.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"

enum { BYTES_PER_TOKEN = 4, TOKENS_PER_MEDIUM = 1000 };

// A CountTokens request contains another request; deeper nesting isn't counted.
enum { NESTED_MAX = 1 };

static bool is_one_of(struct slice key, const char *const *names) {
	for (; *names; names++)
		if (slice_equal(key, slice_from(*names)))
			return true;
	return false;
}

struct count {
	struct prompt *prompt;
	uint64_t text_bytes;
	int nested;
	bool has_cache_point;
};

static int count_body(struct count *count, struct slice body);

// The body of an InvokeModel request within a CountTokens request: base64 of JSON.
static void count_nested_body(struct count *count, struct slice text) {
	struct buffer decoded;
	if (count->nested == NESTED_MAX)
		return;
	count->nested++;
	buffer_init(&decoded, text.len);
	if (base64_decode(text, &decoded) || count_body(count, buffer_slice(&decoded)))
		count->text_bytes += text.len;
	buffer_free(&decoded);
	count->nested--;
}

static void count_text(struct count *count, struct slice key, struct slice text) {
	static const char *const texts[] = {"text",  "content", "prompt",      "inputText",   "message",   "system",
	                                    "input", "name",    "instruction", "description", "arguments", NULL};
	static const char *const media[] = {"bytes", "data", NULL};
	if (is_one_of(key, texts))
		count->text_bytes += text.len;
	else if (is_one_of(key, media))
		count->text_bytes += TOKENS_PER_MEDIUM * BYTES_PER_TOKEN;
	else if (slice_equal(key, SLICE("body")))
		count_nested_body(count, text);
}

// Reads the whole text, so that an error in the JSON is noticed anywhere in it.
static int count_body(struct count *count, struct slice body) {
	struct json_reader reader;
	static const char *const cache_points[] = {"cachePoint", "cache_control", NULL};
	struct slice key = {0};
	bool opens_messages = false;
	json_reader_init(&reader, body);
	struct json_token token = json_next(&reader);
	if (token.kind != JSON_OBJECT)
		return ERROR_INVALID;
	while (token.kind != JSON_END && token.kind != JSON_BROKEN) {
		token = json_next(&reader);
		if (opens_messages && token.kind == JSON_OBJECT)
			count->prompt->has_messages = true;
		opens_messages = token.kind == JSON_ARRAY && slice_equal(key, SLICE("messages"));
		if (token.kind == JSON_KEY) {
			key = token.text;
			count->has_cache_point |= is_one_of(key, cache_points);
		}
		if (token.kind == JSON_STRING)
			count_text(count, key, token.text);
	}
	return token.kind == JSON_END ? 0 : ERROR_INVALID;
}

// The prefix that a cache point caches: here always the complete system prompt and tools.
static void read_prefix(const struct request_shape *shape, struct prompt *prompt) {
	struct slice parts[] = {shape->system, shape->tools, shape->tool_config};
	uint64_t bytes = 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		prompt->prefix_key = hash_bytes(parts[i], prompt->prefix_key);
		bytes += parts[i].len;
	}
	uint64_t tokens = bytes / BYTES_PER_TOKEN;
	prompt->prefix_tokens = tokens < prompt->input_tokens ? tokens : prompt->input_tokens;
}

int prompt_read(enum operation operation, struct slice body, const struct request_shape *shape, struct prompt *prompt) {
	// Only CountTokens carries another request's body in its own.
	struct count count = {.prompt = prompt, .nested = operation == OPERATION_COUNT_TOKENS ? 0 : NESTED_MAX};
	*prompt = (struct prompt){.max_tokens = shape->max_tokens > 0 ? (uint64_t)shape->max_tokens : 0};
	int status = count_body(&count, body);
	prompt->input_tokens = (count.text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
	if (prompt->input_tokens == 0)
		prompt->input_tokens = 1;
	if (status == 0 && count.has_cache_point)
		read_prefix(shape, prompt);
	return status;
}

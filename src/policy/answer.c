// SPDX-License-Identifier: Apache-2.0
// A string's place in the body is the path of keys to it, arrays left out: "output.message.content.text" is a text of
// Converse's. Paths are compared piece by piece, so that no key of a tool's input can pass for another.
#include "policy/answer.h"

#include "base/json.h"

struct walk {
	struct json_reader reader;
	struct slice keys[JSON_DEPTH_MAX + 1]; // by the depth of objects
	size_t depth;
};

// The next string value; false at the end, or where the body isn't JSON any more.
static bool next_string(struct walk *walk, struct slice *raw) {
	for (;;) {
		struct json_token token = json_next(&walk->reader);
		switch (token.kind) {
		case JSON_END:
		case JSON_BROKEN:
			return false;
		case JSON_OBJECT:
			walk->keys[++walk->depth] = (struct slice){0};
			break;
		case JSON_OBJECT_END:
			walk->depth--;
			break;
		case JSON_KEY:
			walk->keys[walk->depth] = token.text;
			break;
		case JSON_STRING:
			*raw = token.text;
			return true;
		default:
			break;
		}
	}
}

static bool is_at(const struct walk *walk, const char *path) {
	struct slice rest = slice_from(path);
	for (size_t i = 1; i <= walk->depth; i++) {
		size_t dot = slice_find(rest, '.');
		if (!slice_equal(walk->keys[i], slice_of(rest.ptr, dot)))
			return false;
		bool is_last = dot == rest.len;
		if (is_last != (i == walk->depth))
			return false;
		rest = slice_from_offset(rest, dot + 1);
	}
	return walk->depth > 0;
}

static bool is_at_any(const struct walk *walk, const char *const *paths) {
	for (; *paths; paths++)
		if (is_at(walk, *paths))
			return true;
	return false;
}

void answer_read(struct slice body, struct answer_facts *facts) {
	static const char *const stop_reasons[] = {
	    "stopReason",               // Converse, Nova
	    "stop_reason",              // Anthropic, Llama
	    "outputs.stop_reason",      // Mistral
	    "choices.finish_reason",    // the shape of OpenAI's
	    "choices.stop_reason",      // newer Mistral
	    "results.completionReason", // Titan
	    "finish_reason",            // Cohere
	    "generations.finish_reason",
	    NULL,
	};
	struct walk walk = {.depth = 0};
	struct slice raw;
	*facts = (struct answer_facts){0};
	json_reader_init(&walk.reader, body);
	while (next_string(&walk, &raw)) {
		if (!facts->stop_reason.len && is_at_any(&walk, stop_reasons))
			facts->stop_reason = raw;
		else if (is_at(&walk, "serviceTier.type"))
			facts->tier = raw;
	}
}

void answer_each_text(struct slice body, body_text_callback on_text, void *owner) {
	static const char *const texts[] = {
	    "output.message.content.text", // Converse, Nova
	    "content.text",                // Anthropic
	    "completion",                  // Anthropic's former
	    "generation",                  // Llama
	    "outputs.text",                // Mistral
	    "choices.message.content",     // the shape of OpenAI's
	    "choices.text",                // DeepSeek
	    "results.outputText",          // Titan
	    "text",                        // Cohere
	    "generations.text",
	    NULL,
	};
	struct walk walk = {.depth = 0};
	struct slice raw;
	json_reader_init(&walk.reader, body);
	while (next_string(&walk, &raw))
		if (is_at_any(&walk, texts))
			body_tell_text(raw, on_text, owner);
}

// SPDX-License-Identifier: Apache-2.0
// A skimmer over JSON: it follows brackets, keys and strings and believes the rest. It stops at the first byte that it
// can't make sense of, and keeps what it has found by then.
#include "policy/body.h"

#include <string.h>

enum { DEPTH_MAX = 64, MAX_TOKENS_LIMIT = 1000000000, BYTES_PER_TOKEN = 4 };

struct skimmer {
	struct slice text;
	size_t at;
	int depth;
	char brackets[DEPTH_MAX + 1];     // [d]: what opened depth d
	struct slice keys[DEPTH_MAX + 1]; // [d]: the key read last at depth d; an array has its own key's
	size_t metadata_start;            // 0 is none
	uint64_t text_bytes;
	struct body_facts *facts;
	body_text_callback on_text;
	void *owner;
};

static bool is_any(struct slice word, const char *const *names) {
	for (; *names; names++)
		if (slice_equal(word, slice_from(*names)))
			return true;
	return false;
}

static void skip_space(struct skimmer *skimmer) {
	while (skimmer->at < skimmer->text.len && memchr(" \t\r\n", skimmer->text.ptr[skimmer->at], 4))
		skimmer->at++;
}

// Reads the string whose quote is at `at`, without resolving it. False when it doesn't end.
static bool read_string(struct skimmer *skimmer, struct slice *raw) {
	size_t start = ++skimmer->at;
	for (; skimmer->at < skimmer->text.len; skimmer->at++) {
		char byte = skimmer->text.ptr[skimmer->at];
		if (byte == '"') {
			*raw = slice_of(skimmer->text.ptr + start, skimmer->at++ - start);
			return true;
		}
		if (byte == '\\')
			skimmer->at++;
	}
	return false;
}

static int hex_digit(char byte) {
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

// The four hexadecimal digits at `at`, or -1.
static int32_t read_hex(struct slice raw, size_t at) {
	int32_t value = 0;
	if (raw.len < 4 || at > raw.len - 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		int digit = hex_digit(raw.ptr[at + i]);
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static size_t encode_utf8(uint32_t code, char *bytes) {
	if (code < 0x80) {
		bytes[0] = (char)code;
		return 1;
	}
	size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
	for (size_t i = more; i > 0; i--) {
		bytes[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	bytes[0] = (char)(leads[more] | code);
	return more + 1;
}

// Resolves the escape whose letter is at `at`; the number of raw bytes it takes. Half a surrogate pair is U+FFFD.
static size_t read_escape(struct slice raw, size_t at, char *bytes, size_t *count) {
	static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
	const char *letter = memchr(letters, raw.ptr[at], sizeof letters - 1);
	*count = 1;
	*bytes = letter ? values[letter - letters] : raw.ptr[at];
	if (raw.ptr[at] != 'u')
		return 1;
	int32_t code = read_hex(raw, at + 1);
	if (code < 0)
		return 1;
	size_t taken = 5;
	if (code >= 0xd800 && code < 0xe000) {
		bool pairs = code < 0xdc00 && at + 6 < raw.len && raw.ptr[at + 5] == '\\' && raw.ptr[at + 6] == 'u';
		int32_t low = pairs ? read_hex(raw, at + 7) : -1;
		pairs = low >= 0xdc00 && low < 0xe000;
		code = pairs ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
		taken = pairs ? 11 : 5;
	}
	*count = encode_utf8((uint32_t)code, bytes);
	return taken;
}

void body_tell_text(struct slice raw, body_text_callback on_text, void *owner) {
	bool begins = true;
	for (size_t at = 0; at < raw.len;) {
		size_t plain = slice_find(slice_from_offset(raw, at), '\\');
		if (plain) {
			on_text(owner, slice_of(raw.ptr + at, plain), begins);
			begins = false;
		}
		at += plain + 1;
		if (at >= raw.len)
			break;
		char bytes[4];
		size_t count;
		at += read_escape(raw, at, bytes, &count);
		on_text(owner, slice_of(bytes, count), begins);
		begins = false;
	}
}

static void on_string(struct skimmer *skimmer, struct slice raw) {
	static const char *const keys[] = {"text", "content", "prompt", "inputText", NULL};
	if (!is_any(skimmer->keys[skimmer->depth], keys))
		return;
	skimmer->text_bytes += raw.len;
	if (skimmer->on_text)
		body_tell_text(raw, skimmer->on_text, skimmer->owner);
}

static void on_word(struct skimmer *skimmer, struct slice word) {
	static const char *const keys[] = {"maxTokens",   "max_tokens",           "max_new_tokens",        "maxTokenCount",
	                                   "max_gen_len", "max_tokens_to_sample", "max_completion_tokens", NULL};
	uint64_t value;
	if (skimmer->facts && skimmer->depth <= 2 && is_any(skimmer->keys[skimmer->depth], keys) &&
	    slice_parse_u64(word, MAX_TOKENS_LIMIT, &value))
		skimmer->facts->max_tokens = (int64_t)value;
}

static bool open_bracket(struct skimmer *skimmer, char bracket) {
	if (skimmer->depth == DEPTH_MAX)
		return false;
	struct slice key = skimmer->depth ? skimmer->keys[skimmer->depth] : (struct slice){0};
	if (bracket == '{' && skimmer->depth == 1 && slice_equal(key, SLICE("requestMetadata")))
		skimmer->metadata_start = skimmer->at;
	skimmer->depth++;
	skimmer->brackets[skimmer->depth] = bracket;
	skimmer->keys[skimmer->depth] = bracket == '[' ? key : (struct slice){0};
	skimmer->at++;
	return true;
}

static bool close_bracket(struct skimmer *skimmer, char opener) {
	if (skimmer->depth == 0 || skimmer->brackets[skimmer->depth] != opener)
		return false;
	skimmer->depth--;
	skimmer->at++;
	if (skimmer->depth == 1 && skimmer->metadata_start && skimmer->facts) {
		size_t start = skimmer->metadata_start;
		skimmer->facts->metadata = slice_of(skimmer->text.ptr + start, skimmer->at - start);
		skimmer->metadata_start = 0;
	}
	return true;
}

static bool skim_string(struct skimmer *skimmer) {
	struct slice raw;
	if (!read_string(skimmer, &raw))
		return false;
	skip_space(skimmer);
	bool is_key = skimmer->depth && skimmer->brackets[skimmer->depth] == '{' && skimmer->at < skimmer->text.len &&
	              skimmer->text.ptr[skimmer->at] == ':';
	if (is_key) {
		skimmer->keys[skimmer->depth] = raw;
		skimmer->at++;
	} else if (skimmer->depth) {
		on_string(skimmer, raw);
	}
	return true;
}

static bool skim_word(struct skimmer *skimmer) {
	size_t start = skimmer->at;
	while (skimmer->at < skimmer->text.len && !memchr(" \t\r\n,:{}[]\"", skimmer->text.ptr[skimmer->at], 11))
		skimmer->at++;
	if (skimmer->depth)
		on_word(skimmer, slice_of(skimmer->text.ptr + start, skimmer->at - start));
	return skimmer->at > start;
}

static bool skim_token(struct skimmer *skimmer) {
	char byte = skimmer->text.ptr[skimmer->at];
	switch (byte) {
	case '{':
	case '[':
		return open_bracket(skimmer, byte);
	case '}':
		return close_bracket(skimmer, '{');
	case ']':
		return close_bracket(skimmer, '[');
	case '"':
		return skim_string(skimmer);
	case ',':
		skimmer->at++;
		return true;
	default:
		return skim_word(skimmer);
	}
}

static void skim(struct skimmer *skimmer) {
	for (;;) {
		skip_space(skimmer);
		if (skimmer->at >= skimmer->text.len || !skim_token(skimmer))
			return;
	}
}

void body_read(struct slice body, struct body_facts *facts) {
	*facts = (struct body_facts){.max_tokens = -1};
	struct skimmer skimmer = {.text = body, .facts = facts};
	skim(&skimmer);
	facts->input_tokens = (skimmer.text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
}

void body_each_text(struct slice body, body_text_callback on_text, void *owner) {
	struct skimmer skimmer = {.text = body, .on_text = on_text, .owner = owner};
	skim(&skimmer);
}

// SPDX-License-Identifier: Apache-2.0
// The first line that is not a comment decides. No Lua chunk begins with a brace, or with a name, a colon and a space;
// one that begins with an assignment to a global variable fails in the sandbox.
#include "sandbox/language_guess.h"

static bool is_space(char byte) {
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct slice skip_space(struct slice text) {
	while (text.len && is_space(*text.ptr))
		text = slice_from_offset(text, 1);
	return text;
}

// Skips blanks and the line comments of Lua, YAML and JavaScript. A long comment is surely Lua, so it stays; the "---"
// that begins a YAML file is skipped as a comment.
static struct slice skip_comments(struct slice text) {
	text = skip_space(text);
	while (slice_starts(text, SLICE("#")) || slice_starts(text, SLICE("//")) ||
	       (slice_starts(text, SLICE("--")) && !slice_starts(text, SLICE("--["))))
		text = skip_space(slice_from_offset(text, slice_find(text, '\n')));
	return text;
}

static bool is_word(char byte) {
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
	       byte == '_' || byte == '-' || byte == '"' || byte == '\'';
}

static size_t word_length(struct slice text) {
	size_t length = 0;
	while (length < text.len && is_word(text.ptr[length]))
		length++;
	return length;
}

// "name: value", or "name:" at a line's end.
static bool is_yaml_entry(struct slice text) {
	size_t end = word_length(text);
	return end > 0 && end < text.len && text.ptr[end] == ':' && (end + 1 == text.len || is_space(text.ptr[end + 1]));
}

// "name = value".
static bool is_assignment(struct slice text) {
	size_t end = word_length(text);
	struct slice rest = skip_space(slice_from_offset(text, end));
	return end > 0 && slice_starts(rest, SLICE("=")) && !slice_starts(rest, SLICE("=="));
}

// Whether any line begins with it, also within a function.
static bool has_return(struct slice text) {
	while (text.len && !slice_starts(text, SLICE("return")))
		text = skip_space(slice_from_offset(text, slice_find(text, '\n') + 1));
	return text.len > 0;
}

const char *language_guess(struct slice text) {
	struct slice start = skip_comments(text);
	if (slice_starts(start, SLICE("--[")))
		return NULL;
	if (slice_starts(start, SLICE("{"))) {
		struct slice inside = skip_space(slice_from_offset(start, 1));
		bool is_json = slice_starts(inside, SLICE("\"")) || slice_starts(inside, SLICE("}"));
		return is_json ? "JSON" : "a table without `return`";
	}
	if (is_assignment(start) && !has_return(start))
		return "an assignment without `return`";
	return is_yaml_entry(start) || slice_starts(start, SLICE("- ")) ? "YAML" : NULL;
}

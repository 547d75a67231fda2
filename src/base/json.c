// SPDX-License-Identifier: Apache-2.0
// The reader's state is its position, one bit for each open container, and what may come next. Its size doesn't depend
// on the text.
#include "base/json.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { LONGEST_ESCAPE = 6, LONGEST_WORD = 5, INDENTATION_BYTES = 64, SKIPPED_PER_STEP = 16 };

void json_reader_init(struct json_reader *reader, struct slice text) {
	*reader = (struct json_reader){.rest = text, .end = text.ptr + text.len, .wants = JSON_WANTS_VALUE};
}

void json_reader_narrow(struct json_reader *reader) {
	reader->rest.len = 0;
}

void json_reader_widen(struct json_reader *reader, size_t bytes) {
	size_t left = (size_t)(reader->end - reader->rest.ptr) - reader->rest.len;
	reader->rest.len += bytes < left ? bytes : left;
}

static bool is_space(char byte) {
	return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

// Sixteen bytes, which the compiler keeps in a vector register if the processor has one.
typedef uint8_t block __attribute__((vector_size(16)));

// The end of the blocks of white space that begin at `at`.
static const char *past_blank_blocks(const char *at, const char *end) {
	for (; end - at >= (ptrdiff_t)sizeof(block); at += sizeof(block)) {
		uint64_t halves[2];
		block bytes;
		memcpy(&bytes, at, sizeof bytes);
		block blank = (block)((bytes == ' ') | (bytes == '\n') | (bytes == '\r') | (bytes == '\t'));
		memcpy(halves, &blank, sizeof halves);
		if ((halves[0] & halves[1]) != UINT64_MAX)
			break;
	}
	return at;
}

// An indentation is short; a longer run of white space is somebody's attempt to take our time.
static const char *past_blank(const char *at, const char *end) {
	const char *indented = end - at > INDENTATION_BYTES ? at + INDENTATION_BYTES : end;
	while (at < indented && is_space(*at))
		at++;
	if (at == indented && at < end)
		at = past_blank_blocks(at, end);
	while (at < end && is_space(*at))
		at++;
	return at;
}

static inline const char *past_space(const char *at, const char *end) {
	return at < end && is_space(*at) ? past_blank(at, end) : at;
}

static bool in_object(const struct json_reader *reader) {
	return reader->depth > 0 && (reader->objects >> (reader->depth - 1) & 1);
}

static void set_broken(struct json_reader *reader, struct json_token *token) {
	reader->state = JSON_HAS_BROKEN;
	token->kind = JSON_BROKEN;
}

static inline void set_rest(struct json_reader *reader, const char *at, const char *end) {
	reader->rest = slice_of(at, (size_t)(end - at));
}

// Pauses at a token that begins at `at`, and is read from there again.
static void pause_at(struct json_reader *reader, const char *at, const char *end, struct json_token *token) {
	set_rest(reader, at, end);
	token->kind = JSON_PAUSED;
}

static bool is_digit(char byte) {
	return byte >= '0' && byte <= '9';
}

static bool is_hex(char byte) {
	return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

// The length of the escape at `at`, or 0.
static ptrdiff_t escape_length(const char *at, const char *end) {
	if (end - at < 2)
		return 0;
	switch (at[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return 2;
	case 'u':
		break;
	default:
		return 0;
	}
	for (ptrdiff_t i = 2; i < 6; i++)
		if (i >= end - at || !is_hex(at[i]))
			return 0;
	return 6;
}

static bool is_special(char byte) {
	return byte == '"' || byte == '\\' || (unsigned char)byte < 0x20;
}

// The offset of the first special byte in the block; 16 if there is none.
static inline unsigned find_special(const char *at) {
	uint64_t halves[2];
	block bytes;
	memcpy(&bytes, at, sizeof bytes);
	block found = (block)((bytes == '"') | (bytes == '\\') | (bytes < 0x20));
	memcpy(halves, &found, sizeof halves);
	if (halves[0])
		return (unsigned)__builtin_ctzll(le64toh(halves[0])) / 8;
	return halves[1] ? 8 + (unsigned)__builtin_ctzll(le64toh(halves[1])) / 8 : 16;
}

// The end of the plain text that begins at `at`. Prompts are long, so speed matters here.
static inline const char *past_plain(const char *at, const char *end) {
	while (end - at >= (ptrdiff_t)sizeof(block)) {
		unsigned plain = find_special(at);
		at += plain;
		if (plain < sizeof(block))
			return at;
	}
	while (at < end && !is_special(*at))
		at++;
	return at;
}

// The end of the string's text that goes on at `at`: its closing quote, or where it breaks or the window ends.
static inline const char *past_text(struct json_reader *reader, const char *at, const char *end, bool *is_escaped) {
	at = past_plain(at, end);
	while (at < end && *at == '\\') {
		ptrdiff_t length = escape_length(at, end);
		if (length == 0)
			break;
		*is_escaped = true;
		reader->steps++;
		at = past_plain(at + length, end);
	}
	return at;
}

// Whether a text that stops there may go on behind the window.
static bool is_cut(const struct json_reader *reader, const char *at, const char *end) {
	return end < reader->end && (at == end || (*at == '\\' && end - at < LONGEST_ESCAPE));
}

// The string that begins at `start` has no end: it is broken, or goes on behind the window.
static void halt_string(struct json_reader *reader, const char *start, const char *at, const char *end,
                        struct json_token *token) {
	if (!is_cut(reader, at, end)) {
		set_broken(reader, token);
		return;
	}
	reader->state = JSON_IN_STRING;
	reader->paused_at = at;
	reader->has_escapes = token->is_escaped;
	pause_at(reader, start, end, token);
}

static const char *past_digits(const char *at, const char *end) {
	while (at < end && is_digit(*at))
		at++;
	return at;
}

// Reads a number. Returns its end, or NULL if it is broken.
static const char *read_number(const char *start, const char *end, struct json_token *token) {
	if (end - start > JSON_NUMBER_BYTES)
		end = start + JSON_NUMBER_BYTES;
	const char *whole = start + (*start == '-'), *at = past_digits(whole, end);
	if (at == whole || (at - whole > 1 && *whole == '0'))
		return NULL;
	if (at < end && *at == '.') {
		const char *fraction = at + 1;
		at = past_digits(fraction, end);
		if (at == fraction)
			return NULL;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		const char *exponent = at + 1;
		exponent += exponent < end && (*exponent == '-' || *exponent == '+');
		at = past_digits(exponent, end);
		if (at == exponent)
			return NULL;
	}
	token->text = slice_of(start, (size_t)(at - start));
	return token->text.len < JSON_NUMBER_BYTES ? at : NULL;
}

static const char *read_word(const char *start, const char *end, struct slice word) {
	return slice_starts(slice_of(start, (size_t)(end - start)), word) ? start + word.len : NULL;
}

// After a value: what may come next.
static inline void end_value(struct json_reader *reader) {
	reader->wants = reader->depth ? JSON_WANTS_COMMA : JSON_WANTS_NOTHING;
}

static void open_container(struct json_reader *reader, const char *at, const char *end, struct json_token *token) {
	bool object = *at == '{';
	if (reader->depth == JSON_DEPTH_MAX) {
		set_broken(reader, token);
		return;
	}
	uint64_t bit = (uint64_t)1 << reader->depth++;
	reader->objects = object ? reader->objects | bit : reader->objects & ~bit;
	reader->wants = JSON_WANTS_FIRST;
	token->kind = object ? JSON_OBJECT : JSON_ARRAY;
	set_rest(reader, at + 1, end);
}

static void close_container(struct json_reader *reader, const char *at, const char *end, struct json_token *token) {
	token->kind = in_object(reader) ? JSON_OBJECT_END : JSON_ARRAY_END;
	reader->depth--;
	end_value(reader);
	set_rest(reader, at + 1, end);
}

// A number or word that is broken, or ends where the window does, may go on behind it.
static bool may_go_on(const struct json_reader *reader, const char *start, const char *end, enum json_kind kind) {
	return end < reader->end && end - start < (kind == JSON_NUMBER ? (ptrdiff_t)JSON_NUMBER_BYTES : LONGEST_WORD);
}

static inline void next_string(struct json_reader *reader, const char *from, const char *end,
                               struct json_token *token) {
	const char *at = past_text(reader, from, end, &token->is_escaped);
	if (at == end || *at != '"') {
		halt_string(reader, token->start, at, end, token);
		return;
	}
	token->kind = JSON_STRING;
	token->text = slice_of(token->start + 1, (size_t)(at - token->start - 1));
	end_value(reader);
	set_rest(reader, at + 1, end);
}

static void next_value(struct json_reader *reader, const char *at, const char *end, struct json_token *token) {
	const char *start = at;
	token->kind = JSON_NUMBER;
	switch (*at) {
	case '{':
	case '[':
		open_container(reader, at, end, token);
		return;
	case '"':
		next_string(reader, at + 1, end, token);
		return;
	case 't':
		token->kind = JSON_TRUE;
		at = read_word(at, end, SLICE("true"));
		break;
	case 'f':
		token->kind = JSON_FALSE;
		at = read_word(at, end, SLICE("false"));
		break;
	case 'n':
		token->kind = JSON_NULL;
		at = read_word(at, end, SLICE("null"));
		break;
	default:
		at = read_number(at, end, token);
	}
	if (!at || (at == end && token->kind == JSON_NUMBER)) {
		if (may_go_on(reader, start, end, token->kind)) {
			pause_at(reader, start, end, token);
			return;
		}
		if (!at) {
			set_broken(reader, token);
			return;
		}
	}
	end_value(reader);
	set_rest(reader, at, end);
}

static inline void next_key(struct json_reader *reader, const char *from, const char *end, struct json_token *token) {
	const char *at = past_text(reader, from, end, &token->is_escaped);
	if (at == end || *at != '"') {
		halt_string(reader, token->start, at, end, token);
		return;
	}
	token->kind = JSON_KEY;
	token->text = slice_of(token->start + 1, (size_t)(at - token->start - 1));
	at = past_space(at + 1, end);
	reader->wants = JSON_WANTS_VALUE;
	if (at < end && *at == ':') {
		set_rest(reader, at + 1, end);
	} else if (at == end && end < reader->end) {
		reader->state = JSON_AFTER_KEY;
		set_rest(reader, at, end);
	} else {
		token->start = at; // where the colon should be
		set_broken(reader, token);
	}
}

// Reads on in the string that a pause has cut.
static void resume_string(struct json_reader *reader, struct json_token *token) {
	const char *end = reader->rest.ptr + reader->rest.len;
	reader->state = JSON_READS;
	token->start = reader->rest.ptr;
	token->is_escaped = reader->has_escapes;
	if (reader->wants == JSON_WANTS_KEY)
		next_key(reader, reader->paused_at, end, token);
	else
		next_string(reader, reader->paused_at, end, token);
}

// Finds the colon of the last key.
static void resume_after_key(struct json_reader *reader, const char *at, const char *end, struct json_token *token) {
	if (at == end && end < reader->end) {
		pause_at(reader, at, end, token);
		return;
	}
	if (at == end || *at != ':') {
		set_broken(reader, token);
		return;
	}
	reader->state = JSON_READS;
	set_rest(reader, at + 1, end);
	json_read(reader, token);
}

// Skips a comma and decides whether a key or a value comes next; false if the text ends or a comma is missing.
static bool begin_item(struct json_reader *reader, const char **at, const char *end) {
	if (reader->wants == JSON_WANTS_COMMA) {
		if (**at != ',')
			return false;
		*at = past_space(*at + 1, end);
	}
	reader->wants = in_object(reader) ? JSON_WANTS_KEY : JSON_WANTS_VALUE;
	return *at < end;
}

static void skip_container(struct json_reader *reader, struct json_token *token, unsigned depth);

// Reads where something else comes than a plain token: the end, a pause, or what a pause has left half read.
static void read_special(struct json_reader *reader, const char *at, const char *end, struct json_token *token) {
	switch (reader->state) {
	case JSON_IN_STRING:
		resume_string(reader, token);
		return;
	case JSON_AFTER_KEY:
		resume_after_key(reader, at, end, token);
		return;
	case JSON_IN_SKIPPED:
		skip_container(reader, token, reader->skipped_depth);
		return;
	case JSON_HAS_BROKEN:
		token->kind = JSON_BROKEN;
		return;
	case JSON_READS:
		break;
	}
	if (at == end && end < reader->end)
		pause_at(reader, at, end, token);
	else if (at < end || reader->wants != JSON_WANTS_NOTHING)
		set_broken(reader, token);
}

void json_read(struct json_reader *reader, struct json_token *token) {
	const char *end = reader->rest.ptr + reader->rest.len, *at = past_space(reader->rest.ptr, end);
	token->kind = JSON_END;
	token->is_escaped = false;
	token->text = (struct slice){0};
	token->start = at;
	if (reader->state != JSON_READS || at == end || reader->wants == JSON_WANTS_NOTHING) {
		read_special(reader, at, end, token);
		return;
	}
	if (reader->wants == JSON_WANTS_COMMA || reader->wants == JSON_WANTS_FIRST) {
		if (*at == (in_object(reader) ? '}' : ']')) {
			close_container(reader, at, end, token);
			return;
		}
		bool has_item = begin_item(reader, &at, end);
		token->start = at;
		if (!has_item) {
			if (at == end && end < reader->end)
				pause_at(reader, at, end, token);
			else
				set_broken(reader, token);
			return;
		}
	}
	if (reader->wants != JSON_WANTS_KEY)
		next_value(reader, at, end, token);
	else if (*at == '"')
		next_key(reader, at + 1, end, token);
	else
		set_broken(reader, token);
}

static inline void count_skipped(struct json_reader *reader, const char *from, const char *to) {
	reader->skipped_bytes += (size_t)(to - from);
	reader->steps += reader->skipped_bytes / SKIPPED_PER_STEP;
	reader->skipped_bytes %= SKIPPED_PER_STEP;
}

// Pauses within the container that is being skipped, or ends it as broken.
static void halt_skipping(struct json_reader *reader, const char *at, const char *end, unsigned depth, bool in_string,
                          struct json_token *token) {
	bool goes_on = in_string ? is_cut(reader, at, end) : at == end && end < reader->end;
	if (!goes_on) {
		set_broken(reader, token);
		return;
	}
	reader->state = JSON_IN_SKIPPED;
	reader->is_skipping_string = in_string;
	reader->skipped_depth = depth;
	pause_at(reader, at, end, token);
}

// Skips the rest of the container at the reader's depth, from within a container at `depth`.
static void skip_container(struct json_reader *reader, struct json_token *token, unsigned depth) {
	const char *at = reader->rest.ptr, *end = at + reader->rest.len;
	bool in_string = reader->state == JSON_IN_SKIPPED && reader->is_skipping_string;
	const char *from = at; // of what is outside of strings
	reader->state = JSON_READS;
	while (at < end) {
		if (in_string || *at == '"') {
			count_skipped(reader, from, at);
			at = past_text(reader, in_string ? at : at + 1, end, &token->is_escaped);
			in_string = at == end || *at != '"';
			if (in_string)
				break;
			from = ++at;
			continue;
		}
		if ((*at == '{' || *at == '[') && depth++ == JSON_DEPTH_MAX)
			break;
		if ((*at == '}' || *at == ']') && depth-- == reader->depth) {
			if (*at == (in_object(reader) ? '}' : ']')) {
				count_skipped(reader, from, at);
				close_container(reader, at, end, token);
				return;
			}
			break;
		}
		at++;
	}
	if (!in_string)
		count_skipped(reader, from, at);
	halt_skipping(reader, at, end, depth, in_string, token);
}

void json_skip_container(struct json_reader *reader, struct json_token *token) {
	skip_container(reader, token, reader->depth);
}

struct json_token json_next(struct json_reader *reader) {
	struct json_token token;
	json_read(reader, &token);
	return token;
}

static void skip_bytes(struct json_reader *reader, size_t count) {
	reader->rest = slice_from_offset(reader->rest, count);
}

static void skip_space(struct json_reader *reader) {
	const char *end = reader->rest.ptr + reader->rest.len;
	set_rest(reader, past_space(reader->rest.ptr, end), end);
}

// Advances to the next value, over a comma before it; false if something else comes.
static bool find_value(struct json_reader *reader) {
	skip_space(reader);
	if (reader->rest.len == 0)
		return false;
	char byte = reader->rest.ptr[0];
	switch (reader->wants) {
	case JSON_WANTS_VALUE:
		return true;
	case JSON_WANTS_FIRST:
		return !in_object(reader) && byte != ']';
	case JSON_WANTS_COMMA:
		if (in_object(reader) || byte != ',')
			return false;
		skip_bytes(reader, 1);
		skip_space(reader);
		reader->wants = JSON_WANTS_VALUE;
		return true;
	default:
		return false;
	}
}

bool json_take_value(struct json_reader *reader, struct slice *raw) {
	if (!find_value(reader))
		return false;
	const char *start = reader->rest.ptr;
	unsigned depth = reader->depth;
	struct json_token token;
	do {
		json_read(reader, &token);
	} while (reader->depth > depth && token.kind != JSON_BROKEN);
	*raw = slice_of(start, (size_t)(reader->rest.ptr - start));
	return token.kind != JSON_BROKEN;
}

double json_number(struct slice digits) {
	char text[64];
	if (digits.len >= sizeof text)
		return INFINITY;
	memcpy(text, digits.ptr, digits.len);
	text[digits.len] = '\0';
	return strtod(text, NULL);
}

static uint32_t read_hex(const char *digits) {
	uint32_t value = 0;
	for (int i = 0; i < 4; i++) {
		char c = digits[i];
		value = value << 4 | (uint32_t)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

static size_t encode_utf8(uint32_t code, char *bytes) {
	size_t count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = count; i-- > 1; code >>= 6)
		bytes[i] = (char)(0x80 | (code & 0x3f));
	bytes[0] = (char)(lead[count] | code);
	return count;
}

// Resolves the \uXXXX at the start of `rest`, with the low surrogate after it if there is one. *taken is the length of
// the escapes. Returns the number of bytes written.
static size_t resolve_unicode(struct slice rest, size_t *taken, char *bytes) {
	uint32_t code = read_hex(rest.ptr + 2);
	*taken = 6;
	if (code >= 0xd800 && code < 0xe000) {
		bool pair = code < 0xdc00 && rest.len >= 12 && rest.ptr[6] == '\\' && rest.ptr[7] == 'u';
		uint32_t low = pair ? read_hex(rest.ptr + 8) : 0;
		if (low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			*taken = 12;
		} else {
			code = 0xfffd;
		}
	}
	return encode_utf8(code, bytes);
}

// As resolve_unicode, for any escape.
static size_t resolve_escape(struct slice rest, size_t *taken, char *bytes) {
	static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
	if (rest.ptr[1] == 'u')
		return resolve_unicode(rest, taken, bytes);
	const char *letter = strchr(letters, rest.ptr[1]);
	*bytes = letter ? values[letter - letters] : rest.ptr[1];
	*taken = 2;
	return 1;
}

void json_visit_text(struct slice text, json_text_callback on_text, void *owner) {
	bool begins = true;
	while (text.len > 0) {
		size_t taken = slice_find(text, '\\');
		char bytes[4];
		struct slice piece = slice_of(text.ptr, taken);
		if (taken == 0)
			piece = slice_of(bytes, resolve_escape(text, &taken, bytes));
		on_text(owner, piece, begins);
		begins = false;
		text = slice_from_offset(text, taken);
	}
}

static void append_piece(void *owner, struct slice piece, bool begins) {
	(void)begins;
	buffer_append(owner, piece);
}

int json_unescape(struct slice text, struct buffer *out) {
	json_visit_text(text, append_piece, out);
	return out->failed ? ERROR_LIMIT : 0;
}

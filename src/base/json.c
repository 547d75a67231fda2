// SPDX-License-Identifier: Apache-2.0
// The reader keeps its place, one bit for each open container, and what may come next; nothing else, however long the
// text is. Only json_read_document recurses, within the reader's own bound of depth.
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void json_reader_init(struct json_reader *reader, struct slice text) {
	*reader = (struct json_reader){.rest = text, .wants = JSON_WANTS_VALUE};
}

static void skip(struct json_reader *reader, size_t count) {
	reader->rest.ptr += count;
	reader->rest.len -= count;
}

static void skip_space(struct json_reader *reader) {
	struct slice rest = reader->rest;
	size_t i = 0;
	while (i < rest.len && (rest.ptr[i] == ' ' || rest.ptr[i] == '\n' || rest.ptr[i] == '\r' || rest.ptr[i] == '\t'))
		i++;
	skip(reader, i);
}

static bool in_object(const struct json_reader *reader) {
	return reader->depth > 0 && (reader->objects >> (reader->depth - 1) & 1);
}

static struct json_token broken(struct json_reader *reader) {
	reader->broken = true;
	return (struct json_token){.kind = JSON_BROKEN};
}

// What may come once a value is complete.
static void value_ended(struct json_reader *reader) {
	reader->wants = reader->depth ? JSON_WANTS_COMMA : JSON_WANTS_NOTHING;
}

static bool is_digit(char byte) {
	return byte >= '0' && byte <= '9';
}

static bool is_hex(char byte) {
	return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

// The length of the escape at the start of `rest`, or 0.
static size_t escape_length(struct slice rest) {
	if (rest.len < 2)
		return 0;
	if (rest.ptr[1] != 'u')
		return memchr("\"\\/bfnrt", rest.ptr[1], 8) ? 2 : 0;
	for (size_t i = 2; i < 6; i++)
		if (i >= rest.len || !is_hex(rest.ptr[i]))
			return 0;
	return 6;
}

#define EACH_BYTE(value) (UINT64_MAX / 255 * (value))

// Whether one of eight bytes is a quote, a backslash or a control character: is there a zero, is there one below n
// (Warren, Hacker's Delight, 6-1).
static bool has_special(uint64_t word) {
	uint64_t quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');
	uint64_t found = ((quote - EACH_BYTE(1)) & ~quote) | ((backslash - EACH_BYTE(1)) & ~backslash) |
	                 ((word - EACH_BYTE(0x20)) & ~word);
	return (found & EACH_BYTE(0x80)) != 0;
}

// Where the run of plain text from `start` on ends, or up to seven bytes before that: prompts are long.
static size_t plain_until(struct slice text, size_t start) {
	uint64_t word;
	size_t i = start;
	for (; text.len - i >= sizeof word; i += sizeof word) {
		memcpy(&word, text.ptr + i, sizeof word);
		if (has_special(word))
			break;
	}
	return i;
}

// Takes a string from its opening quote to its closing one.
static bool take_string(struct json_reader *reader, struct slice *text) {
	struct slice rest = reader->rest;
	size_t i = plain_until(rest, 1);
	while (i < rest.len && rest.ptr[i] != '"') {
		size_t length = 1;
		if (rest.ptr[i] == '\\')
			length = escape_length(slice_from_offset(rest, i));
		else if ((unsigned char)rest.ptr[i] < 0x20)
			length = 0;
		if (length == 0)
			return false;
		i += length;
		if (length > 1)
			i = plain_until(rest, i);
	}
	if (i >= rest.len)
		return false;
	*text = slice_of(rest.ptr + 1, i - 1);
	skip(reader, i + 1);
	return true;
}

static size_t digits_at(struct slice text, size_t start) {
	size_t i = start;
	while (i < text.len && is_digit(text.ptr[i]))
		i++;
	return i - start;
}

static bool take_number(struct json_reader *reader, struct slice *text) {
	struct slice rest = reader->rest;
	size_t i = rest.ptr[0] == '-';
	size_t whole = digits_at(rest, i);
	if (whole == 0 || (whole > 1 && rest.ptr[i] == '0'))
		return false;
	i += whole;
	if (i < rest.len && rest.ptr[i] == '.') {
		size_t fraction = digits_at(rest, i + 1);
		if (fraction == 0)
			return false;
		i += 1 + fraction;
	}
	if (i < rest.len && (rest.ptr[i] == 'e' || rest.ptr[i] == 'E')) {
		size_t sign = i + 1 < rest.len && (rest.ptr[i + 1] == '-' || rest.ptr[i + 1] == '+');
		size_t exponent = digits_at(rest, i + 1 + sign);
		if (exponent == 0)
			return false;
		i += 1 + sign + exponent;
	}
	*text = slice_of(rest.ptr, i);
	skip(reader, i);
	return true;
}

static struct json_token open_container(struct json_reader *reader, bool object) {
	if (reader->depth == JSON_DEPTH_MAX)
		return broken(reader);
	uint64_t bit = (uint64_t)1 << reader->depth++;
	reader->objects = object ? reader->objects | bit : reader->objects & ~bit;
	reader->wants = JSON_WANTS_FIRST;
	skip(reader, 1);
	return (struct json_token){.kind = object ? JSON_OBJECT : JSON_ARRAY};
}

static struct json_token close_container(struct json_reader *reader) {
	bool object = in_object(reader);
	reader->depth--;
	skip(reader, 1);
	value_ended(reader);
	return (struct json_token){.kind = object ? JSON_OBJECT_END : JSON_ARRAY_END};
}

static struct json_token take_word(struct json_reader *reader, struct slice word, enum json_kind kind) {
	if (!slice_starts(reader->rest, word))
		return broken(reader);
	skip(reader, word.len);
	value_ended(reader);
	return (struct json_token){.kind = kind};
}

static struct json_token take_value(struct json_reader *reader) {
	struct json_token token = {0};
	switch (reader->rest.ptr[0]) {
	case '{':
		return open_container(reader, true);
	case '[':
		return open_container(reader, false);
	case 't':
		return take_word(reader, SLICE("true"), JSON_TRUE);
	case 'f':
		return take_word(reader, SLICE("false"), JSON_FALSE);
	case 'n':
		return take_word(reader, SLICE("null"), JSON_NULL);
	case '"':
		token.kind = JSON_STRING;
		if (!take_string(reader, &token.text))
			return broken(reader);
		break;
	default:
		token.kind = JSON_NUMBER;
		if (!take_number(reader, &token.text))
			return broken(reader);
	}
	value_ended(reader);
	return token;
}

static struct json_token take_key(struct json_reader *reader) {
	struct json_token token = {.kind = JSON_KEY};
	if (reader->rest.ptr[0] != '"' || !take_string(reader, &token.text))
		return broken(reader);
	skip_space(reader);
	if (reader->rest.len == 0 || reader->rest.ptr[0] != ':')
		return broken(reader);
	skip(reader, 1);
	reader->wants = JSON_WANTS_VALUE;
	return token;
}

struct json_token json_next(struct json_reader *reader) {
	skip_space(reader);
	if (reader->broken)
		return broken(reader);
	if (reader->wants == JSON_WANTS_NOTHING)
		return reader->rest.len ? broken(reader) : (struct json_token){.kind = JSON_END};
	if (reader->rest.len == 0)
		return broken(reader);
	bool object = in_object(reader);
	bool closes = reader->rest.ptr[0] == (object ? '}' : ']');
	switch (reader->wants) {
	case JSON_WANTS_COMMA:
		if (closes)
			return close_container(reader);
		if (reader->rest.ptr[0] != ',')
			return broken(reader);
		skip(reader, 1);
		reader->wants = object ? JSON_WANTS_KEY : JSON_WANTS_VALUE;
		return json_next(reader);
	case JSON_WANTS_FIRST:
		if (closes)
			return close_container(reader);
		return object ? take_key(reader) : take_value(reader);
	case JSON_WANTS_KEY:
		return take_key(reader);
	default:
		return take_value(reader);
	}
}

// Goes to where a value begins, over the comma before it; false where something else comes.
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
		skip(reader, 1);
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
		token = json_next(reader);
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

static int append_utf8(uint32_t code, struct buffer *out) {
	char bytes[4];
	size_t count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = count; i-- > 1; code >>= 6)
		bytes[i] = (char)(0x80 | (code & 0x3f));
	bytes[0] = (char)(lead[count] | code);
	return buffer_append(out, slice_of(bytes, count));
}

// Reads the \uXXXX at the start of `rest`, and the second half of a pair after it; returns how many bytes it took.
static size_t append_unicode(struct slice rest, struct buffer *out) {
	uint32_t code = read_hex(rest.ptr + 2);
	size_t taken = 6;
	if (code >= 0xd800 && code < 0xe000) {
		bool pair = code < 0xdc00 && rest.len >= 12 && rest.ptr[6] == '\\' && rest.ptr[7] == 'u';
		uint32_t low = pair ? read_hex(rest.ptr + 8) : 0;
		if (low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			taken = 12;
		} else {
			code = 0xfffd;
		}
	}
	append_utf8(code, out);
	return taken;
}

int json_unescape(struct slice text, struct buffer *out) {
	while (text.len > 0) {
		size_t plain = slice_find(text, '\\');
		buffer_append(out, slice_of(text.ptr, plain));
		text = slice_from_offset(text, plain);
		if (text.len == 0)
			break;
		if (text.ptr[1] == 'u') {
			text = slice_from_offset(text, append_unicode(text, out));
			continue;
		}
		static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
		const char *letter = strchr(letters, text.ptr[1]);
		buffer_append_byte(out, letter ? bytes[letter - letters] : text.ptr[1]);
		text = slice_from_offset(text, 2);
	}
	return out->failed ? ERROR_LIMIT : 0;
}

static int read_text(struct slice raw, struct buffer *text) {
	buffer_clear(text);
	return json_unescape(raw, text);
}

// Fills one value from the token that begins it; recursion is bounded by the reader's depth.
static int read_value(struct json_reader *reader, struct json_token token, struct buffer *text,
                      struct document *value) {
	int status = 0;
	switch (token.kind) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		value->kind = DOCUMENT_TABLE;
		for (;;) {
			token = json_next(reader);
			if (token.kind == JSON_OBJECT_END || token.kind == JSON_ARRAY_END || status)
				return status;
			struct document *place;
			if (token.kind == JSON_KEY) {
				status = read_text(token.text, text);
				place = document_add_entry(value, buffer_slice(text));
				token = json_next(reader);
			} else {
				place = document_add_item(value);
			}
			if (!status)
				status = read_value(reader, token, text, place);
			if (status)
				return status;
		}
	case JSON_STRING:
		status = read_text(token.text, text);
		document_set_string(value, buffer_slice(text));
		return status;
	case JSON_NUMBER:
		value->kind = DOCUMENT_NUMBER;
		value->number = json_number(token.text);
		return isfinite(value->number) ? 0 : ERROR_INVALID;
	case JSON_TRUE:
	case JSON_FALSE:
		value->kind = DOCUMENT_BOOLEAN;
		value->boolean = token.kind == JSON_TRUE;
		return 0;
	case JSON_NULL:
		return 0;
	default:
		return ERROR_INVALID;
	}
}

int json_read_document(struct slice text, struct document *document) {
	struct json_reader reader;
	struct buffer unescaped;
	json_reader_init(&reader, text);
	buffer_init(&unescaped, text.len + 1);
	*document = (struct document){0};
	int status = read_value(&reader, json_next(&reader), &unescaped, document);
	if (!status && json_next(&reader).kind != JSON_END)
		status = ERROR_INVALID;
	if (status)
		document_free(document);
	buffer_free(&unescaped);
	return status;
}

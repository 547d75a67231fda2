// SPDX-License-Identifier: Apache-2.0
// Reads JSON (RFC 8259) token by token, in place: no allocation, no recursion, time linear in the text. Strict about
// syntax; whether strings are UTF-8 is not looked at.
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/document.h"
#include "base/slice.h"

enum { JSON_DEPTH_MAX = 64 };

enum json_kind {
	JSON_END, // of a well-formed text
	JSON_BROKEN,
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json_token {
	enum json_kind kind;
	bool is_escaped;   // the text has escapes
	struct slice text; // of KEY and STRING, between the quotes, escapes as they are; of NUMBER, its digits
	const char *start; // of a KEY or a value: its first byte. A value ends where the reader's `rest` begins
};

struct json_reader {
	struct slice rest;
	uint64_t objects; // bit n: the container at depth n + 1 is an object
	unsigned depth;
	enum { JSON_WANTS_VALUE, JSON_WANTS_FIRST, JSON_WANTS_KEY, JSON_WANTS_COMMA, JSON_WANTS_NOTHING } wants;
	bool broken;
};

// The text is borrowed.
void json_reader_init(struct json_reader *reader, struct slice text);

// Reads the next token; after END and BROKEN the same again. Texts of KEYs, STRINGs and NUMBERs are borrowed.
void json_read(struct json_reader *reader, struct json_token *token);
// The same by value.
struct json_token json_next(struct json_reader *reader);

// Reads on over the next value, whole; *raw is its text as it stands. False where no value comes (the end of a
// container or of the text, or broken before the value's own end).
bool json_take_value(struct json_reader *reader, struct slice *raw);

// The number of a NUMBER token; infinite where it is beyond a double.
double json_number(struct slice digits);

// Hears a piece of a text with its escapes resolved, borrowed for the call; `begins` with the first of each text.
typedef void (*json_text_callback)(void *owner, struct slice piece, bool begins);

// Tells the text of a KEY or STRING token; lone surrogates become U+FFFD. An empty text has no piece.
void json_tell_text(struct slice text, json_text_callback on_text, void *owner);

// Appends the text of a KEY or STRING token with its escapes resolved; lone surrogates become U+FFFD. 0, or as
// buffer_append.
int json_unescape(struct slice text, struct buffer *out);

// Reads a whole text into a tree, to be released with document_free. 0, or ERROR_INVALID (no JSON, nested deeper than
// JSON_DEPTH_MAX, or a number beyond a double) with the tree NIL.
int json_read_document(struct slice text, struct document *document);

#endif

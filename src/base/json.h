// SPDX-License-Identifier: Apache-2.0
// Reads JSON (RFC 8259) token by token, in place: no allocation, no recursion, linear time. Strict about syntax, but
// doesn't check that strings are UTF-8.
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
	JSON_END,    // the end of a well-formed text
	JSON_BROKEN, // not well-formed, or nested deeper than JSON_DEPTH_MAX
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
	struct slice text; // of KEY and STRING: between the quotes, with its escapes; of NUMBER: its digits
	const char *start; // the first byte of a KEY or a value. A value ends where the reader's `rest` begins
};

struct json_reader {
	struct slice rest;
	uint64_t objects; // bit n: the container at depth n + 1 is an object
	unsigned depth;
	enum { JSON_WANTS_VALUE, JSON_WANTS_FIRST, JSON_WANTS_KEY, JSON_WANTS_COMMA, JSON_WANTS_NOTHING } wants;
	bool broken;
};

// Begins to read the text, which is borrowed.
void json_reader_init(struct json_reader *reader, struct slice text);

// Reads the next token; after END or BROKEN returns the same again. Texts of tokens are borrowed.
void json_read(struct json_reader *reader, struct json_token *token);
// As json_read, but returns the token.
struct json_token json_next(struct json_reader *reader);

// Skips the rest of the container that was opened last, whose own token was the last one; *token becomes its end, or
// BROKEN. Of what is inside only brackets and strings are checked.
void json_skip_container(struct json_reader *reader, struct json_token *token);

// Skips the next value as a whole; *raw is its unchanged text. False if no value follows: at the end of a container or
// of the text, or if the text is broken before the value's end.
bool json_take_value(struct json_reader *reader, struct slice *raw);

// The number of a NUMBER token; infinite if it is out of the range of a double or has 64 digits or more.
double json_number(struct slice digits);

// Receives a piece of a text with its escapes resolved, borrowed for the call. `begins` is true for the first piece of
// each text.
typedef void (*json_text_callback)(void *owner, struct slice piece, bool begins);

// Passes the text of a KEY or STRING token to `on_text`, piece by piece. Lone surrogates become U+FFFD. An empty text
// has no piece.
void json_visit_text(struct slice text, json_text_callback on_text, void *owner);

// Appends the text of a KEY or STRING token with its escapes resolved; lone surrogates become U+FFFD. 0, or ERROR_LIMIT
// if the buffer has failed.
int json_unescape(struct slice text, struct buffer *out);

// Reads a whole text into a tree, which the caller releases with document_free. 0; or ERROR_INVALID with a NIL tree: no
// JSON, nested deeper than JSON_DEPTH_MAX, or a number out of the range of a double.
int json_read_document(struct slice text, struct document *document);

#endif

// SPDX-License-Identifier: Apache-2.0
// Reads JSON (RFC 8259) token by token, in place: no allocation, no recursion, linear time. Strict about syntax, but
// doesn't check that strings are UTF-8.
//
// A long text can be read in slices: the reader then sees a window, which grows from slice to slice. It pauses at the
// window's end, also within a token, and goes on from there; the tokens are the same however the text is sliced.
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/document.h"
#include "base/slice.h"

enum {
	JSON_DEPTH_MAX = 64,
	JSON_NUMBER_BYTES = 1024, // a number of that length or more is broken
};

enum json_kind {
	JSON_END,    // the end of a well-formed text
	JSON_BROKEN, // not well-formed, or nested deeper than JSON_DEPTH_MAX
	JSON_PAUSED, // the window ends before the next token does
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
	struct slice rest; // what is left of the window
	const char *end;   // of the text
	// The work so far beside tokens: escapes, and a sixteenth of the bytes of skipped containers outside of strings.
	uint64_t steps;
	uint64_t objects; // bit n: the container at depth n + 1 is an object
	unsigned depth;
	enum { JSON_WANTS_VALUE, JSON_WANTS_FIRST, JSON_WANTS_KEY, JSON_WANTS_COMMA, JSON_WANTS_NOTHING } wants;
	// What the next token has to begin with: nothing special; it can't; or what a pause has left half read.
	enum { JSON_READS, JSON_HAS_BROKEN, JSON_IN_STRING, JSON_AFTER_KEY, JSON_IN_SKIPPED } state;
	// Of the pause in a string, or in a container that is being skipped:
	const char *paused_at; // in a string: where to read on; its token begins at `rest`
	bool has_escapes;      // so far
	bool is_skipping_string;
	unsigned skipped_depth;
	size_t skipped_bytes; // that are no whole step yet
};

// Begins to read the text, which is borrowed. The whole text is the window.
void json_reader_init(struct json_reader *reader, struct slice text);

// Makes the window empty. Call it before the first token.
void json_reader_narrow(struct json_reader *reader);

// Widens the window by `bytes`, at most to the text's end. Call it after PAUSED; at most that many bytes and the
// beginning of one number are then read before the next pause.
void json_reader_widen(struct json_reader *reader, size_t bytes);

// Reads the next token; after END or BROKEN returns the same again, and after PAUSED until the window is widened. Texts
// of tokens are borrowed. A KEY at the window's end may be followed by BROKEN for lack of its colon.
void json_read(struct json_reader *reader, struct json_token *token);
// As json_read, but returns the token.
struct json_token json_next(struct json_reader *reader);

// Skips the rest of the container that was opened last, whose own token was the last one; *token becomes its end, or
// BROKEN, or PAUSED: the next json_read then goes on with it. Of what is inside only brackets and strings are checked.
void json_skip_container(struct json_reader *reader, struct json_token *token);

// Skips the next value as a whole; *raw is its unchanged text. For readers whose window is the whole text. False if no
// value follows: at the end of a container or of the text, or if the text is broken before the value's end.
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

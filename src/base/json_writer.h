// SPDX-License-Identifier: Apache-2.0
// Writes JSON into a buffer and places the commas. Each function takes the key of its value, or NULL: in an array, at
// the top, or after json_write_key. Check the buffer's `failed` at the end.
#ifndef BASE_JSON_WRITER_H
#define BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

struct json_writer {
	struct buffer *out; // borrowed
	bool follows;       // the open container has a value already
};

void json_writer_init(struct json_writer *json, struct buffer *out);

void json_begin_object(struct json_writer *json, const char *key);
void json_end_object(struct json_writer *json);
void json_begin_array(struct json_writer *json, const char *key);
void json_end_array(struct json_writer *json);

// Writes a key that is no constant; the caller writes its value next.
void json_write_key(struct json_writer *json, struct slice key);

// Escapes the text as json_append_string does.
void json_write_string(struct json_writer *json, const char *key, struct slice text);
// Writes null if the text is empty.
void json_write_optional(struct json_writer *json, const char *key, struct slice text);
void json_write_unsigned(struct json_writer *json, const char *key, uint64_t number);
void json_write_integer(struct json_writer *json, const char *key, int64_t number);
// A finite number, in the fewest digits that read back as the same number.
void json_write_number(struct json_writer *json, const char *key, double number);
// A number for people to read: rounded to ten significant digits; 0 if it is not finite.
void json_write_measure(struct json_writer *json, const char *key, double number);
void json_write_boolean(struct json_writer *json, const char *key, bool value);
void json_write_null(struct json_writer *json, const char *key);
// A string whose text the caller appends to `out` between the two calls. The text must need no escapes.
void json_begin_string(struct json_writer *json, const char *key);
void json_end_string(struct json_writer *json);
// A value that is JSON text already.
void json_write_raw(struct json_writer *json, const char *key, struct slice value);
// Values or members, separated by commas, that another writer has written.
void json_write_members(struct json_writer *json, struct slice members);

// Appends a string with its quotes. Escapes control characters, quotes and backslashes; replaces bytes that are not
// UTF-8 by U+FFFD. 0, or ERROR_LIMIT if the buffer has failed.
int json_append_string(struct buffer *out, struct slice text);

#endif

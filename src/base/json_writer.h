// SPDX-License-Identifier: Apache-2.0
// Writes JSON into a buffer, with its commas. Each value is given the key that it stands under, or NULL: within an
// array, at the top, or behind json_write_key. Whether all fitted is the buffer's `failed`, to be asked at the end.
#ifndef BASE_JSON_WRITER_H
#define BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

struct json_writer {
	struct buffer *out; // borrowed
	bool follows;       // a value was written before in the container that is open
};

void json_writer_init(struct json_writer *json, struct buffer *out);

void json_begin_object(struct json_writer *json, const char *key);
void json_end_object(struct json_writer *json);
void json_begin_array(struct json_writer *json, const char *key);
void json_end_array(struct json_writer *json);

// A key that is no constant; its value comes next.
void json_write_key(struct json_writer *json, struct slice key);

// As json_append_string.
void json_write_string(struct json_writer *json, const char *key, struct slice text);
// null where the text is empty.
void json_write_optional(struct json_writer *json, const char *key, struct slice text);
void json_write_unsigned(struct json_writer *json, const char *key, uint64_t number);
void json_write_integer(struct json_writer *json, const char *key, int64_t number);
// A finite number, in as few digits as give exactly it back.
void json_write_number(struct json_writer *json, const char *key, double number);
// A figure for people: to ten significant digits; 0 where it is not finite.
void json_write_measure(struct json_writer *json, const char *key, double number);
void json_write_boolean(struct json_writer *json, const char *key, bool value);
void json_write_null(struct json_writer *json, const char *key);
// A string whose text the caller appends to `out` meanwhile: one that needs no escapes.
void json_begin_string(struct json_writer *json, const char *key);
void json_end_string(struct json_writer *json);
// A value that is JSON already.
void json_write_raw(struct json_writer *json, const char *key, struct slice value);
// Values or members, with their commas, that another writer wrote.
void json_write_members(struct json_writer *json, struct slice members);

// Appends one string with its quotes: control characters, quotes and backslashes escaped, bytes that are no UTF-8
// replaced by U+FFFD. 0, or as buffer_append.
int json_append_string(struct buffer *out, struct slice text);

#endif

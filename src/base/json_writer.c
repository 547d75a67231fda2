// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/slice.h"

enum { NUMBER_BYTES = 40, MEASURE_DIGITS = 10 };

void json_writer_init(struct json_writer *json, struct buffer *out) {
	*json = (struct json_writer){.out = out};
}

// Writes what precedes a value: a comma, a key.
static void begin_value(struct json_writer *json, const char *key) {
	if (key) {
		json_write_key(json, slice_from(key));
		json->follows = true;
		return;
	}
	if (json->follows)
		buffer_append_byte(json->out, ',');
	json->follows = true;
}

static void begin_container(struct json_writer *json, const char *key, char bracket) {
	begin_value(json, key);
	buffer_append_byte(json->out, bracket);
	json->follows = false;
}

static void end_container(struct json_writer *json, char bracket) {
	buffer_append_byte(json->out, bracket);
	json->follows = true;
}

void json_begin_object(struct json_writer *json, const char *key) {
	begin_container(json, key, '{');
}

void json_end_object(struct json_writer *json) {
	end_container(json, '}');
}

void json_begin_array(struct json_writer *json, const char *key) {
	begin_container(json, key, '[');
}

void json_end_array(struct json_writer *json) {
	end_container(json, ']');
}

void json_write_key(struct json_writer *json, struct slice key) {
	json_write_string(json, NULL, key);
	buffer_append_byte(json->out, ':');
	json->follows = false;
}

void json_write_string(struct json_writer *json, const char *key, struct slice text) {
	begin_value(json, key);
	json_append_string(json->out, text);
}

void json_write_optional(struct json_writer *json, const char *key, struct slice text) {
	if (text.len)
		json_write_string(json, key, text);
	else
		json_write_null(json, key);
}

void json_write_unsigned(struct json_writer *json, const char *key, uint64_t number) {
	begin_value(json, key);
	buffer_printf(json->out, "%" PRIu64, number);
}

void json_write_integer(struct json_writer *json, const char *key, int64_t number) {
	begin_value(json, key);
	buffer_append_number(json->out, number);
}

// The process may have a locale whose decimal point is a comma.
static void write_digits(struct json_writer *json, const char *key, char *text) {
	char *point = strchr(text, localeconv()->decimal_point[0]);
	if (point)
		*point = '.';
	json_write_raw(json, key, slice_from(text));
}

void json_write_number(struct json_writer *json, const char *key, double number) {
	char text[NUMBER_BYTES];
	for (int digits = DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, number);
		double back = strtod(text, NULL);
		if (memcmp(&back, &number, sizeof back) == 0)
			break;
	}
	write_digits(json, key, text);
}

void json_write_measure(struct json_writer *json, const char *key, double number) {
	char text[NUMBER_BYTES];
	snprintf(text, sizeof text, "%.*g", MEASURE_DIGITS, isfinite(number) ? number : 0.0);
	write_digits(json, key, text);
}

void json_write_boolean(struct json_writer *json, const char *key, bool value) {
	json_write_raw(json, key, value ? SLICE("true") : SLICE("false"));
}

void json_write_null(struct json_writer *json, const char *key) {
	json_write_raw(json, key, SLICE("null"));
}

void json_begin_string(struct json_writer *json, const char *key) {
	begin_value(json, key);
	buffer_append_byte(json->out, '"');
}

void json_end_string(struct json_writer *json) {
	buffer_append_byte(json->out, '"');
}

void json_write_raw(struct json_writer *json, const char *key, struct slice value) {
	begin_value(json, key);
	buffer_append(json->out, value);
}

void json_write_members(struct json_writer *json, struct slice members) {
	if (members.len)
		json_write_raw(json, NULL, members);
}

static void append_character(struct buffer *out, struct slice character) {
	unsigned char c = (unsigned char)character.ptr[0];
	if (character.len > 1) {
		buffer_append(out, character);
	} else if (c == '"' || c == '\\') {
		buffer_append_byte(out, '\\');
		buffer_append_byte(out, (char)c);
	} else if (c == '\n') {
		buffer_append(out, SLICE("\\n"));
	} else if (c == '\t') {
		buffer_append(out, SLICE("\\t"));
	} else if (c == '\r') {
		buffer_append(out, SLICE("\\r"));
	} else if (c < 0x20 || c == 0x7f) {
		buffer_printf(out, "\\u%04x", c);
	} else {
		buffer_append_byte(out, (char)c);
	}
}

// The number of leading bytes that need no escape.
static size_t plain_length(struct slice text) {
	size_t i = 0;
	while (i < text.len && text.ptr[i] >= ' ' && text.ptr[i] < 0x7f && text.ptr[i] != '"' && text.ptr[i] != '\\')
		i++;
	return i;
}

int json_append_string(struct buffer *out, struct slice text) {
	buffer_append_byte(out, '"');
	while (text.len) {
		size_t plain = plain_length(text), length = plain ? plain : slice_utf8_length(text);
		if (plain)
			buffer_append(out, slice_of(text.ptr, plain));
		else if (length)
			append_character(out, slice_of(text.ptr, length));
		else
			buffer_append(out, SLICE("\xef\xbf\xbd"));
		text = slice_from_offset(text, length ? length : 1);
	}
	buffer_append_byte(out, '"');
	return out->failed ? ERROR_LIMIT : 0;
}

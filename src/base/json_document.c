// SPDX-License-Identifier: Apache-2.0
// Reads JSON into a tree. The reader's depth limit bounds the recursion.
#include <math.h>

#include "base/error.h"
#include "base/json.h"

static int read_text(struct slice raw, struct buffer *text) {
	buffer_clear(text);
	return json_unescape(raw, text);
}

// Fills one value, whose first token has been read.
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

// SPDX-License-Identifier: Apache-2.0
// A tree of plain values, read from a Lua table file (settings, policy, scenario) by sandbox/table_file, or from JSON
// by json_read_document. Code that interprets such files works on this tree and needs no Lua.
#ifndef BASE_DOCUMENT_H
#define BASE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum document_kind {
	DOCUMENT_NIL,
	DOCUMENT_BOOLEAN,
	DOCUMENT_NUMBER,
	DOCUMENT_STRING,
	DOCUMENT_TABLE,
	DOCUMENT_FUNCTION,
};

struct document_entry;

// A table holds its array part (keys 1 to n) in `items` and its string keys in `entries`, in no particular order.
struct document {
	enum document_kind kind;
	int line; // of the file; 0: unknown
	bool boolean;
	double number;
	struct slice string; // NUL-terminated, owned by the tree
	struct document *items;
	size_t item_count;
	struct document_entry *entries;
	size_t entry_count;
};

struct document_entry {
	struct slice key;
	struct document value;
};

// The value at a string key, or NULL when the document is NULL, is no table or has no such key.
const struct document *document_get(const struct document *document, const char *key);

// Whether the document is a non-empty string without NUL bytes.
bool document_is_text(const struct document *document);

// Describes the value for error messages: `number 12`, `string "abc"` (its first 40 bytes), "a table", "nothing". What
// is before an `@`, which may be a password, is left out. Writes at most `size` bytes and returns `text`.
const char *document_describe(const struct document *document, char *text, size_t size);

// Builders. Both functions make the document a table and return the new value, which is NIL. The pointer is valid until
// the next addition to that table.
struct document *document_add_item(struct document *table);
struct document *document_add_entry(struct document *table, struct slice key);
// Copies the text.
void document_set_string(struct document *document, struct slice text);

// Frees the tree and makes the document NIL.
void document_free(struct document *document);

#endif

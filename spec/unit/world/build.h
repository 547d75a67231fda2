// SPDX-License-Identifier: Apache-2.0
// Documents for specs, by path: place(&document, "models/m/faults/1/share") creates what is missing on the path; a step
// that is a number is an item, any other a key.
#ifndef SPEC_WORLD_BUILD_H
#define SPEC_WORLD_BUILD_H

#include <stdlib.h>

#include "base/document.h"

static inline struct document *step(struct document *table, struct slice name) {
	uint64_t index;
	table->kind = DOCUMENT_TABLE;
	if (slice_parse_u64(name, 1000, &index)) {
		while (table->item_count < index)
			document_add_item(table);
		return &table->items[index - 1];
	}
	for (size_t i = 0; i < table->entry_count; i++)
		if (slice_equal(table->entries[i].key, name))
			return &table->entries[i].value;
	return document_add_entry(table, name);
}

static inline struct document *place(struct document *document, const char *path) {
	struct slice rest = slice_from(path);
	while (rest.len > 0) {
		size_t end = slice_find(rest, '/');
		document = step(document, slice_of(rest.ptr, end));
		rest = slice_from_offset(rest, end + 1);
	}
	return document;
}

static inline void put_table(struct document *document, const char *path) {
	place(document, path)->kind = DOCUMENT_TABLE;
}

static inline void put_number(struct document *document, const char *path, double number) {
	struct document *value = place(document, path);
	document_free(value);
	value->kind = DOCUMENT_NUMBER;
	value->number = number;
}

static inline void put_string(struct document *document, const char *path, const char *text) {
	struct document *value = place(document, path);
	document_free(value);
	document_set_string(value, slice_from(text));
}

#endif

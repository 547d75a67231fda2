// SPDX-License-Identifier: Apache-2.0
#include "base/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const struct document *document_get(const struct document *document, const char *key) {
	if (!document || document->kind != DOCUMENT_TABLE)
		return NULL;
	struct slice wanted = slice_from(key);
	for (size_t i = 0; i < document->entry_count; i++)
		if (slice_equal(document->entries[i].key, wanted))
			return &document->entries[i].value;
	return NULL;
}

static void describe_string(struct slice string, char *text, size_t size) {
	const char *at = string.len ? memrchr(string.ptr, '@', string.len) : NULL;
	struct slice shown = at ? slice_from_offset(string, (size_t)(at - string.ptr)) : string;
	snprintf(text, size, "string \"%s%.40s\"%s", at ? "..." : "", shown.ptr, shown.len > 40 ? "..." : "");
}

const char *document_describe(const struct document *document, char *text, size_t size) {
	switch (document ? document->kind : DOCUMENT_NIL) {
	case DOCUMENT_NIL:
		snprintf(text, size, "nothing");
		break;
	case DOCUMENT_BOOLEAN:
		snprintf(text, size, "%s", document->boolean ? "true" : "false");
		break;
	case DOCUMENT_NUMBER:
		snprintf(text, size, "number %.14g", document->number);
		break;
	case DOCUMENT_STRING:
		describe_string(document->string, text, size);
		break;
	case DOCUMENT_TABLE:
		snprintf(text, size, "a table");
		break;
	case DOCUMENT_FUNCTION:
		snprintf(text, size, "a function");
		break;
	}
	return text;
}

// A list has to grow when its count is a power of two, because growing doubles it.
static bool is_full(size_t count) {
	return (count & (count - 1)) == 0;
}

struct document *document_add_item(struct document *table) {
	table->kind = DOCUMENT_TABLE;
	if (is_full(table->item_count))
		table->items = memory_resize(table->items, table->item_count ? table->item_count * 2 : 1, sizeof *table->items);
	struct document *item = &table->items[table->item_count++];
	*item = (struct document){0};
	return item;
}

struct document *document_add_entry(struct document *table, struct slice key) {
	table->kind = DOCUMENT_TABLE;
	if (is_full(table->entry_count))
		table->entries =
		    memory_resize(table->entries, table->entry_count ? table->entry_count * 2 : 1, sizeof *table->entries);
	struct document_entry *entry = &table->entries[table->entry_count++];
	*entry = (struct document_entry){.key = slice_of(memory_string(key), key.len)};
	return &entry->value;
}

bool document_is_text(const struct document *document) {
	return document->kind == DOCUMENT_STRING && document->string.len > 0 &&
	       strlen(document->string.ptr) == document->string.len;
}

void document_set_string(struct document *document, struct slice text) {
	document->kind = DOCUMENT_STRING;
	document->string = slice_of(memory_string(text), text.len);
}

void document_free(struct document *document) {
	for (size_t i = 0; i < document->item_count; i++)
		document_free(&document->items[i]);
	for (size_t i = 0; i < document->entry_count; i++) {
		document_free(&document->entries[i].value);
		free((char *)document->entries[i].key.ptr);
	}
	if (document->kind == DOCUMENT_STRING)
		memory_free_secret((char *)document->string.ptr);
	free(document->items);
	free(document->entries);
	*document = (struct document){0};
}

// SPDX-License-Identifier: Apache-2.0
// Settings built as the reader of Lua files returns them, and what reading them gives.
#ifndef SPEC_SETTINGS_READING_H
#define SPEC_SETTINGS_READING_H

#include "../check.h"
#include "../variables.h"

#include "base/problem.h"
#include "gateway/settings.h"

// The place of a dotted key; created if it is new.
static inline struct document *place_of(struct document *table, const char *path) {
	const char *dot = strchr(path, '.');
	struct slice key = slice_of(path, dot ? (size_t)(dot - path) : strlen(path));
	struct document *place = NULL;
	table->kind = DOCUMENT_TABLE;
	for (size_t i = 0; i < table->entry_count; i++)
		if (slice_equal(table->entries[i].key, key))
			place = &table->entries[i].value;
	if (!place)
		place = document_add_entry(table, key);
	return dot ? place_of(place, dot + 1) : place;
}

static inline void set_string(struct document *table, const char *path, const char *text) {
	document_set_string(place_of(table, path), slice_from(text));
}

static inline void set_number(struct document *table, const char *path, double number) {
	*place_of(table, path) = (struct document){.kind = DOCUMENT_NUMBER, .number = number};
}

static inline void set_boolean(struct document *table, const char *path, bool boolean) {
	*place_of(table, path) = (struct document){.kind = DOCUMENT_BOOLEAN, .boolean = boolean};
}

struct reading {
	struct settings settings;
	struct problems problems;
	char text[8192];
	int rc;
};

static inline void read_all(struct reading *reading, struct document *document, const struct settings_flags *flags,
                            const struct variable *variables) {
	static const struct settings_flags none;
	struct environment environment = environment_of(variables);
	*reading = (struct reading){0};
	reading->rc =
	    settings_read("s.lua", document, flags ? flags : &none, &environment, &reading->problems, &reading->settings);
	struct buffer text;
	buffer_init(&text, sizeof reading->text - 1);
	problems_format(&reading->problems, &text);
	if (text.len)
		memcpy(reading->text, text.ptr, text.len);
	buffer_free(&text);
}

static inline void reading_free(struct reading *reading, struct document *document) {
	problems_free(&reading->problems);
	settings_free(&reading->settings);
	if (document)
		document_free(document);
}

#endif

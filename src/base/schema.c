// SPDX-License-Identifier: Apache-2.0
#include "base/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/problem.h"

enum { TEXT_BYTES = 256, NAME_BYTES_MAX = 64, KEYS_MAX = 64 };

static void *field_of(const struct schema_key *key, void *target) {
	return (char *)target + key->offset;
}

void schema_defaults(const struct schema_key *keys, void *target) {
	for (const struct schema_key *key = keys; key->name; key++) {
		void *field = field_of(key, target);
		switch (key->type) {
		case SCHEMA_BOOLEAN:
			*(bool *)field = key->default_number != 0;
			break;
		case SCHEMA_INTEGER:
			*(uint64_t *)field = (uint64_t)key->default_number;
			break;
		case SCHEMA_NUMBER:
			*(double *)field = key->default_number;
			break;
		case SCHEMA_STRING:
			*(char **)field = key->default_string ? memory_string(slice_from(key->default_string)) : NULL;
			break;
		case SCHEMA_TABLE:
		case SCHEMA_KEYS:
			schema_defaults(key->keys, field);
			break;
		case SCHEMA_CUSTOM:
		case SCHEMA_FUNCTION:
			break;
		}
	}
}

void schema_free(const struct schema_key *keys, void *target) {
	for (const struct schema_key *key = keys; key->name; key++) {
		if (key->type == SCHEMA_STRING) {
			char **string = field_of(key, target);
			memory_free_secret(*string);
			*string = NULL;
		} else if (key->type == SCHEMA_TABLE || key->type == SCHEMA_KEYS) {
			schema_free(key->keys, field_of(key, target));
		}
	}
}

// Whether the field may hold a secret, so that messages must not show its value.
static bool is_private(const char *field) {
	static const char *const words[] = {"credential", "secret", "bearer", "access_key", "session_token", "password"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strstr(field, words[i]))
			return true;
	return false;
}

static const char *kind_name(enum document_kind kind) {
	static const char *const names[] = {
	    [DOCUMENT_NIL] = "nothing",     [DOCUMENT_BOOLEAN] = "a boolean", [DOCUMENT_NUMBER] = "a number",
	    [DOCUMENT_STRING] = "a string", [DOCUMENT_TABLE] = "a table",     [DOCUMENT_FUNCTION] = "a function",
	};
	return names[kind];
}

void schema_complain(const struct schema_place *place, const char *expected, const struct document *value) {
	char found[TEXT_BYTES];
	problems_add(place->problems, place->file, value->line, place->field, expected,
	             is_private(place->field) ? kind_name(value->kind) : document_describe(value, found, sizeof found));
}

static size_t minimum_of(size_t a, size_t b) {
	return a < b ? a : b;
}

// The Levenshtein distance, computed row by row.
static size_t edit_distance(struct slice a, struct slice b) {
	size_t row[NAME_BYTES_MAX + 1];
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t substituted = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
			diagonal = row[j];
			row[j] = minimum_of(substituted, minimum_of(row[j], row[j - 1]) + 1);
		}
	}
	return row[b.len];
}

const char *schema_nearest(const char *const *names, struct slice word) {
	const char *nearest = NULL;
	size_t best = word.len / 3 + 2;
	if (word.len > NAME_BYTES_MAX)
		return NULL;
	for (; *names; names++) {
		if (strlen(*names) > NAME_BYTES_MAX)
			continue;
		size_t distance = edit_distance(word, slice_from(*names));
		if (distance < best) {
			best = distance;
			nearest = *names;
		}
	}
	return nearest;
}

static size_t collect_names(const struct schema_key *keys, const char *names[KEYS_MAX], size_t count) {
	for (const struct schema_key *key = keys; key->name && count < KEYS_MAX; key++)
		if (key->type == SCHEMA_KEYS)
			count = collect_names(key->keys, names, count);
		else
			names[count++] = key->name;
	return count;
}

const char *schema_nearest_key(const struct schema_key *keys, struct slice word) {
	const char *names[KEYS_MAX + 1] = {0};
	collect_names(keys, names, 0);
	return schema_nearest(names, word);
}

// Whether a key that no schema has may be shown: it resembles a known one or is a plain word, so that it is no secret
// that stands where a key should.
static bool is_word(struct slice name) {
	enum { SHORT_BYTES = 4, WORD_BYTES = 32 };
	for (size_t i = 0; i < name.len && name.len > SHORT_BYTES; i++)
		if ((name.ptr[i] < 'a' || name.ptr[i] > 'z') && name.ptr[i] != '_')
			return false;
	return name.len <= WORD_BYTES;
}

static void report_unknown_key(const struct schema_key *keys, struct slice name, int line,
                               const struct schema_place *place) {
	const char *nearest = schema_nearest_key(keys, name);
	char field[TEXT_BYTES], expected[TEXT_BYTES];
	struct slice shown = nearest || is_word(name) ? name : SLICE("?");
	snprintf(field, sizeof field, "%s%s%.*s", place->field, *place->field ? "." : "", SLICE_ARGS(shown));
	if (nearest)
		snprintf(expected, sizeof expected, "a known key (did you mean %s?)", nearest);
	else
		snprintf(expected, sizeof expected, "a known key");
	problems_add(place->problems, place->file, line, field, expected, "an unknown one");
}

static bool is_known(const struct schema_key *keys, struct slice name) {
	for (const struct schema_key *key = keys; key->name; key++)
		if (key->type == SCHEMA_KEYS ? is_known(key->keys, name) : slice_equal(slice_from(key->name), name))
			return true;
	return false;
}

static void report_unknown_keys(const struct schema_key *keys, const struct document *document,
                                const struct schema_place *place) {
	for (size_t i = 0; i < document->entry_count; i++)
		if (!is_known(keys, document->entries[i].key))
			report_unknown_key(keys, document->entries[i].key, document->entries[i].value.line, place);
	if (document->item_count)
		report_unknown_key(keys, SLICE("[1]"), document->items[0].line, place);
}

static void read_number(const struct schema_key *key, const struct document *value, void *field,
                        const struct schema_place *place) {
	bool whole = key->type == SCHEMA_INTEGER;
	bool good = value->kind == DOCUMENT_NUMBER && value->number >= key->minimum && value->number <= key->maximum &&
	            (!whole || floor(value->number) == value->number);
	if (!good) {
		char expected[TEXT_BYTES];
		snprintf(expected, sizeof expected, "a%s number from %.14g to %.14g", whole ? " whole" : "", key->minimum,
		         key->maximum);
		schema_complain(place, expected, value);
	} else if (whole) {
		*(uint64_t *)field = (uint64_t)value->number;
	} else {
		*(double *)field = value->number;
	}
}

static void read_string(const struct document *value, char **field, const struct schema_place *place) {
	if (!document_is_text(value)) {
		schema_complain(place, "a non-empty string", value);
		return;
	}
	memory_replace_string(field, value->string);
}

static void read_value(const struct schema_key *key, const struct document *value, void *field,
                       const struct schema_place *place) {
	switch (key->type) {
	case SCHEMA_BOOLEAN:
		if (value->kind == DOCUMENT_BOOLEAN)
			*(bool *)field = value->boolean;
		else
			schema_complain(place, "true or false", value);
		break;
	case SCHEMA_INTEGER:
	case SCHEMA_NUMBER:
		read_number(key, value, field, place);
		break;
	case SCHEMA_STRING:
		read_string(value, field, place);
		break;
	case SCHEMA_TABLE:
		schema_read(key->keys, value, field, place);
		break;
	case SCHEMA_CUSTOM:
		key->parse(value, field, place);
		break;
	case SCHEMA_FUNCTION:
		if (value->kind != DOCUMENT_FUNCTION)
			schema_complain(place, "a function", value);
		break;
	case SCHEMA_KEYS:
		break;
	}
}

static void read_keys(const struct schema_key *keys, const struct document *document, void *target,
                      const struct schema_place *place) {
	for (const struct schema_key *key = keys; key->name; key++) {
		char name[TEXT_BYTES];
		snprintf(name, sizeof name, "%s%s%s", place->field, *place->field ? "." : "", key->name);
		struct schema_place inner = {place->file, name, place->problems};
		const struct document *value = document_get(document, key->name);
		if (key->type == SCHEMA_KEYS)
			read_keys(key->keys, document, field_of(key, target), place);
		else if (!value && key->required)
			problems_add(place->problems, place->file, document->line, name, key->expected ? key->expected : "a value",
			             "nothing");
		else if (value && key->unavailable)
			problems_add(place->problems, place->file, value->line, name, key->unavailable, "a value");
		else if (value)
			read_value(key, value, field_of(key, target), &inner);
	}
}

void schema_read(const struct schema_key *keys, const struct document *document, void *target,
                 const struct schema_place *place) {
	if (document->kind != DOCUMENT_TABLE) {
		schema_complain(place, "a table", document);
		return;
	}
	read_keys(keys, document, target, place);
	report_unknown_keys(keys, document, place);
}

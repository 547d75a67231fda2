// SPDX-License-Identifier: Apache-2.0
// The definition of each key of settings, policies and scenarios: its name, type, range, default and meaning.
// Validation, the conversion to C structures and the reference tables in the documents all use this one definition.
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "base/document.h"
#include "base/error.h"
#include "base/problem.h"

enum schema_type {
	SCHEMA_BOOLEAN,  // bool
	SCHEMA_INTEGER,  // uint64_t, `minimum` to `maximum`
	SCHEMA_NUMBER,   // double, `minimum` to `maximum`
	SCHEMA_STRING,   // char *, not empty, owned by the structure; NULL if absent
	SCHEMA_TABLE,    // a structure of its own, described by `keys`
	SCHEMA_CUSTOM,   // read by `parse`
	SCHEMA_FUNCTION, // only its type is checked
	SCHEMA_KEYS      // no key itself: inserts `keys`, which fill a structure within this one; `name` is ""
};

// The place of a value, for messages.
struct schema_place {
	const char *file;
	const char *field; // full name, such as "models[2].weight"
	struct problems *problems;
};

// Reads one value into `target` and adds a problem for each mistake. Not called for an absent key.
typedef void (*schema_parse)(const struct document *value, void *target, const struct schema_place *place);

struct schema_key {
	const char *name; // NULL ends a list of keys
	enum schema_type type;
	size_t offset; // of the field in the structure to fill
	bool required;
	double minimum, maximum;
	double default_number;         // for BOOLEAN, INTEGER, NUMBER
	const char *default_string;    // for STRING; NULL is none
	const struct schema_key *keys; // of SCHEMA_TABLE and SCHEMA_KEYS
	schema_parse parse;
	const char *expected;    // of SCHEMA_CUSTOM, for messages: "one address or a list of them"
	const char *meaning;     // one line for the documents
	const char *unavailable; // if set, the key is known but refused for this reason
};

// Sets every field to its default, at every depth; copies strings. The structure must be zeroed before.
void schema_defaults(const struct schema_key *keys, void *target);

// Checks `document` against `keys` and fills `target`, which holds the defaults. Adds every unknown key, wrong type and
// value out of range to place->problems, with the nearest known name if one is similar. Fields in error keep their
// defaults. An array part in a table is an unknown key too. place->field is the table's own name, "" at the top.
void schema_read(const struct schema_key *keys, const struct document *document, void *target,
                 const struct schema_place *place);

// Adds a problem about `value` at the place, with the value's line. Describes what was found by the value; only by its
// kind if the field's name suggests a secret.
void schema_complain(const struct schema_place *place, const char *expected, const struct document *value);

// Frees the strings that schema_defaults and schema_read have stored in the structure, but not those of SCHEMA_CUSTOM
// keys.
void schema_free(const struct schema_key *keys, void *target);

// The name in the list `names` (ended by NULL) that is most similar to `word`. NULL if the edit distance to each is
// more than a third of the length of `word`, plus one.
const char *schema_nearest(const char *const *names, struct slice word);

// As schema_nearest, among the names of keys.
const char *schema_nearest_key(const struct schema_key *keys, struct slice word);

#endif

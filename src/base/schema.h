// SPDX-License-Identifier: Apache-2.0
// One definition of each key of settings, policies and scenarios: its name, type, range, default and meaning.
// Validation, the filling of C structures and the reference tables in the documents all come from it.
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
	SCHEMA_STRING,   // char *, owned by the structure; NULL where absent. Not empty.
	SCHEMA_TABLE,    // a structure of its own, described by `keys`
	SCHEMA_CUSTOM,   // read by `parse`
	SCHEMA_FUNCTION, // only its type is checked
	SCHEMA_KEYS      // no key: those of `keys` stand here, of a structure within this one; `name` is ""
};

// Where a value is read, for messages and for the structure to fill.
struct schema_place {
	const char *file;
	const char *field; // full name, such as models[2].weight
	struct problems *problems;
};

// Reads one value into `target`; adds a problem for each mistake. Not called for an absent key.
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
	const char *unavailable; // where set, the key is known but refused with this reason
};

// Sets every field to its default, at every depth; strings are duplicated. The structure must be zeroed before.
void schema_defaults(const struct schema_key *keys, void *target);

// Checks `document` against `keys` and fills `target` (already holding defaults) from it. Unknown keys, wrong types and
// values out of range are added to place->problems, all of them, with the nearest known name where one is near; fields
// in error keep their defaults. An array part in a table is an unknown key too. place->field is the table's own name,
// "" at the top.
void schema_read(const struct schema_key *keys, const struct document *document, void *target,
                 const struct schema_place *place);

// Adds a problem about `value` at the place, with its line; `found` is described from the value, by its kind alone
// where the field's name says that it may be a secret.
void schema_complain(const struct schema_place *place, const char *expected, const struct document *value);

// Frees the strings that defaults and reading have put into the structure (not those of SCHEMA_CUSTOM keys).
void schema_free(const struct schema_key *keys, void *target);

// The name of the list `names` (ended by NULL) nearest to `word`, or NULL when none is within a third of its length.
const char *schema_nearest(const char *const *names, struct slice word);

// The same among the names of keys.
const char *schema_nearest_key(const struct schema_key *keys, struct slice word);

#endif

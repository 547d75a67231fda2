// SPDX-License-Identifier: Apache-2.0
// Whether a page names every key of a schema, as a word of what it sets as code.
#ifndef SPEC_UNIT_REFERENCE_H
#define SPEC_UNIT_REFERENCE_H

#include <ctype.h>
#include <stdlib.h>

#include "base/schema.h"
#include "check.h"

// The text of a file below the root of the tree; for free().
static inline char *reference_read(const char *path) {
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 18);
	if (!file || !text)
		abort();
	text[fread(text, 1, (1 << 18) - 1, file)] = '\0';
	fclose(file);
	return text;
}

// Whether one of the text's `code spans` holds the key as a whole word.
static inline bool reference_names(const char *text, const char *key) {
	size_t length = strlen(key);
	for (const char *open = strchr(text, '`'); open; open = strchr(open + 1, '`')) {
		const char *close = strchr(open + 1, '`');
		if (!close)
			return false;
		for (const char *found = strstr(open, key); found && found < close; found = strstr(found + 1, key))
			if (!isalnum((unsigned char)found[-1]) && !isalnum((unsigned char)found[length]) && found[-1] != '_' &&
			    found[length] != '_')
				return true;
		open = close;
	}
	return false;
}

static inline void reference_check(const char *text, const struct schema_key *keys) {
	for (; keys->name; keys++) {
		if (keys->type == SCHEMA_KEYS) {
			reference_check(text, keys->keys);
			continue;
		}
		if (!reference_names(text, keys->name))
			printf("  missing: %s\n", keys->name);
		CHECK(reference_names(text, keys->name));
		CHECK(keys->meaning && *keys->meaning);
		if (keys->keys)
			reference_check(text, keys->keys);
	}
}

#endif

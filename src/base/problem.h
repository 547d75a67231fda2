// SPDX-License-Identifier: Apache-2.0
// The mistakes in a file that an operator has written (settings, a policy, a scenario), collected during one load and
// formatted for people to read.
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#include <stddef.h>

#include "base/buffer.h"

// One mistake: its place, what was expected, what was found. Any text may be empty; line 0 is unknown.
struct problem {
	char *file;
	int line;
	char *field;
	char *expected;
	char *found;
};

// All mistakes of one load, in the order of their discovery. Zero-initialise; release with problems_free.
struct problems {
	struct problem *list;
	size_t count;
	size_t dropped; // mistakes beyond the first hundred, which are only counted
};

// Adds a mistake. Copies the texts and replaces control characters in them by "?"; in `found`, user and password of a
// URL by "...". A NULL text is empty.
void problems_add(struct problems *problems, const char *file, int line, const char *field, const char *expected,
                  const char *found);

// Appends "FILE:LINE: FIELD: expected EXPECTED, found FOUND\n" for each mistake, without the parts that are empty.
void problems_format(const struct problems *problems, struct buffer *out);

void problems_free(struct problems *problems);

#endif

// SPDX-License-Identifier: Apache-2.0
// The mistakes in a file that an operator wrote (settings, a policy, a scenario), all of one load, as a person is shown
// them.
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#include <stddef.h>

#include "base/buffer.h"

// One mistake in a file: where, what was expected, what was found. Any part may be empty; line 0 is unknown.
struct problem {
	char *file;
	int line;
	char *field;
	char *expected;
	char *found;
};

// All the mistakes of one load, in the order found; zero-initialise, release with problems_free.
struct problems {
	struct problem *list;
	size_t count;
	size_t dropped; // beyond the hundred that are kept
};

// Adds one; texts are copied and control characters in them made visible. NULL texts are empty.
void problems_add(struct problems *problems, const char *file, int line, const char *field, const char *expected,
                  const char *found);

// Appends "FILE:LINE: FIELD: expected EXPECTED, found FOUND\n" for each, leaving out what is empty.
void problems_format(const struct problems *problems, struct buffer *out);

void problems_free(struct problems *problems);

#endif

// SPDX-License-Identifier: Apache-2.0
// The only access to environment variables. Code that reads variables takes a `struct environment` as an argument, so
// that a test can pass a table.
#ifndef BASE_ENVIRONMENT_H
#define BASE_ENVIRONMENT_H

#include "base/slice.h"

struct environment {
	// The variable's value, or NULL if it isn't set.
	const char *(*get)(void *owner, const char *name);
	void *owner;
};

// The environment of this process. Values are valid until the variable is set again.
extern const struct environment environment_of_process;

// The unchanged value, or NULL if the variable isn't set. Borrowed.
const char *environment_text(const struct environment *environment, const char *name);

// The value without leading and trailing white space, which values read from files often have; empty if the variable
// isn't set or is blank. Borrowed.
struct slice environment_get(const struct environment *environment, const char *name);

#endif

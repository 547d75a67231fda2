// SPDX-License-Identifier: Apache-2.0
// The one look-up of the environment: whoever reads variables is handed it, so that a spec can hand in a table.
#ifndef BASE_ENVIRONMENT_H
#define BASE_ENVIRONMENT_H

#include "base/slice.h"

struct environment {
	// The variable's value, or NULL where it isn't set.
	const char *(*get)(void *owner, const char *name);
	void *owner;
};

// This process's own. What it gives is borrowed until the variable is set anew.
extern const struct environment environment_of_process;

// The value as it is, or NULL where the variable isn't set. Borrowed.
const char *environment_text(const struct environment *environment, const char *name);

// The value without white space around it, as it comes with values read from files; empty where the variable isn't set
// or is blank. Borrowed.
struct slice environment_get(const struct environment *environment, const char *name);

#endif

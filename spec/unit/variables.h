// SPDX-License-Identifier: Apache-2.0
// An environment made of a list of variables, ended by one without a name.
#ifndef SPEC_UNIT_VARIABLES_H
#define SPEC_UNIT_VARIABLES_H

#include <string.h>

#include "base/environment.h"

struct variable {
	const char *name;
	const char *value;
};

static inline const char *variable_get(void *owner, const char *name) {
	for (const struct variable *variable = owner; variable && variable->name; variable++)
		if (strcmp(variable->name, name) == 0)
			return variable->value;
	return NULL;
}

// NULL is an empty list. Borrows it.
static inline struct environment environment_of(const struct variable *variables) {
	return (struct environment){variable_get, (void *)(uintptr_t)variables};
}

#endif

// SPDX-License-Identifier: Apache-2.0
#include "base/environment.h"

#include <stdlib.h>

static const char *get_from_process(void *owner, const char *name) {
	(void)owner;
	return getenv(name);
}

const struct environment environment_of_process = {get_from_process, NULL};

static bool is_space(char c) {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *environment_text(const struct environment *environment, const char *name) {
	return environment->get(environment->owner, name);
}

struct slice environment_get(const struct environment *environment, const char *name) {
	struct slice value = slice_from(environment_text(environment, name));
	while (value.len && is_space(value.ptr[0]))
		value = slice_from_offset(value, 1);
	while (value.len && is_space(value.ptr[value.len - 1]))
		value.len--;
	return value;
}

// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

const char *error_text(int code) {
	switch (code) {
	case ERROR_NONE:
		return "success";
#define X(name, text)                                                                                                  \
	case name:                                                                                                         \
		return text;
		ERROR_LIST(X)
#undef X
	default:
		return "unknown error";
	}
}

static const struct {
	const char *name;
	bool retryable;
} types[] = {
#define X(constant, name, retryable) [constant] = {name, retryable},
    ERROR_TYPE_LIST(X)
#undef X
};

const char *error_type_name(enum error_type type) {
	return types[type].name;
}

bool error_type_is_retryable(enum error_type type) {
	return types[type].retryable;
}

// SPDX-License-Identifier: Apache-2.0
#include "route/event.h"

const char *event_name(enum event_kind kind) {
	static const char *const names[] = {
#define X(constant, name) [constant] = name,
	    EVENT_LIST(X)
#undef X
	};
	return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

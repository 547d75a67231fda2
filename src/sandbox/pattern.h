// SPDX-License-Identifier: Apache-2.0
// Lua patterns as the language's manual defines them, by a matcher that charges its steps to the call's budget. Lua's
// own matcher can't be interrupted, and a client's text may make it run for hours.
#ifndef SANDBOX_PATTERN_H
#define SANDBOX_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#include "base/slice.h"

enum { PATTERN_CAPTURES_MAX = 32 };

struct pattern_capture {
	const char *start;
	ptrdiff_t length; // or one of the two below
};

enum { PATTERN_CAPTURE_OPEN = -1, PATTERN_CAPTURE_POSITION = -2 };

struct pattern_match {
	lua_State *lua;
	struct slice subject, pattern;
	int capture_count;
	struct pattern_capture captures[PATTERN_CAPTURES_MAX];
	int depth;
	size_t steps; // not charged yet
};

// Matches the pattern (without its anchor) at `start`. Returns the end of the match, or NULL. Raises when the pattern
// is malformed or the budget is used up.
const char *pattern_match_at(struct pattern_match *match, const char *start);

// Adds find, match, gmatch and gsub to the table at the top of the stack.
void pattern_set_functions(lua_State *lua);

#endif

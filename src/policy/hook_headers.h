// SPDX-License-Identifier: Apache-2.0
// Headers that a hook wants to go up beside the client's, checked and copied out of Lua.
#ifndef POLICY_HOOK_HEADERS_H
#define POLICY_HOOK_HEADERS_H

#include <stddef.h>

#include <lua.h>

#include "base/header.h"

enum { HOOK_HEADERS_MAX = 16, HOOK_HEADER_BYTES_MAX = 8192 };

struct hook_headers {
	struct header list[HOOK_HEADERS_MAX];
	char text[HOOK_HEADER_BYTES_MAX]; // what the list's slices point to
	size_t text_bytes;
};

// Reads the table of name = value at the top of the stack into `copy`, whose memory the result borrows. Raises for
// names that no header has, that stand twice, or that belong to the connection, to signing or to routing; for values
// with control characters; and for more than the above.
struct headers hook_headers_read(lua_State *lua, struct hook_headers *copy);

#endif

// SPDX-License-Identifier: Apache-2.0
// Headers that a hook adds to the request that is sent upstream, checked and copied out of Lua.
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

// Reads the table { name = value } at the top of the stack into `copy`; the result borrows from it. Raises for a name
// that is not a token, occurs twice, or belongs to the connection, to signing or to routing; for a value with control
// characters; and for headers beyond the maxima above.
struct headers hook_headers_read(lua_State *lua, struct hook_headers *copy);

#endif

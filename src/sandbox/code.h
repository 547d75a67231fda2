// SPDX-License-Identifier: Apache-2.0
// What Lua has made of a text, kept for the next VM that needs the same one: that is six times as fast as compiling it
// again. Only what this process has compiled itself, from text, is ever loaded; names and lines are all in it.
#ifndef SANDBOX_CODE_H
#define SANDBOX_CODE_H

#include <stdatomic.h>

#include <lua.h>

#include "base/slice.h"

struct buffer;

// Zero-initialised is nothing yet. May be shared by threads.
struct code {
	_Atomic(struct buffer *) made;
};

// In a VM: pushes the function of the text's chunk, from `code` where that has it; else compiles the text and leaves
// the result there. NULL keeps nothing. Returns LUA_OK, or a status with the message pushed.
int code_load(lua_State *lua, struct code *code, struct slice text, const char *name);

// No other thread uses it any more.
void code_free(struct code *code);

#endif

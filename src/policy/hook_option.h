// SPDX-License-Identifier: Apache-2.0
// Tables of named options that hooks return: read raw, each by one definition of its name and range. All of these raise
// for nonsense, naming what was expected and what was found.
#ifndef POLICY_HOOK_OPTION_H
#define POLICY_HOOK_OPTION_H

#include <stddef.h>

#include <lua.h>

#include "base/slice.h"
#include "route/model.h"

struct hook_option {
	const char *name; // NULL ends a list
	double minimum, maximum;
	// Reads the value at the top of the stack into `target`.
	void (*set)(lua_State *lua, const struct hook_option *option, void *target);
};

// Reads the table at `index`, in no particular order of its options. Others than `options` (at most 8) are refused,
// with the nearest known name.
void option_read_all(lua_State *lua, int index, const struct hook_option *options, void *target);

// The value at the top, which stays there.
double option_number(lua_State *lua, const struct hook_option *option);
uint64_t option_integer(lua_State *lua, const struct hook_option *option);
enum service_tier option_tier(lua_State *lua, const struct hook_option *option);
// A string of minimum to maximum bytes; borrowed from the stack.
struct slice option_string(lua_State *lua, const struct hook_option *option);
// The index of a string among `names` (ended by NULL).
int option_word(lua_State *lua, const struct hook_option *option, const char *const *names);

#endif

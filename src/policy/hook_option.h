// SPDX-License-Identifier: Apache-2.0
// Reads tables of named options that hooks return: with raw access, by one definition of each option's name and range.
// All functions raise for an invalid value, with a message of what was expected and what was found.
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

// Reads the table at `index`; the options come in no particular order. Raises for names that are not among `options`
// (at most 8), with the nearest known name.
void hook_option_read_all(lua_State *lua, int index, const struct hook_option *options, void *target);

// Each returns the value at the top of the stack and leaves it there.
double hook_option_number(lua_State *lua, const struct hook_option *option);
uint64_t hook_option_integer(lua_State *lua, const struct hook_option *option);
enum service_tier hook_option_tier(lua_State *lua, const struct hook_option *option);
// A string of minimum to maximum bytes; borrowed from the stack.
struct slice hook_option_string(lua_State *lua, const struct hook_option *option);
// The index of a string among `names` (ended by NULL).
int hook_option_word(lua_State *lua, const struct hook_option *option, const char *const *names);

#endif

// SPDX-License-Identifier: Apache-2.0
// What hooks return, checked. Each function reads one value of the stack and raises for nonsense, naming what was
// expected and what was found.
#ifndef POLICY_HOOK_RESULT_H
#define POLICY_HOOK_RESULT_H

#include <stddef.h>

#include <lua.h>

#include "base/slice.h"
#include "route/decide.h"

// One of the candidates, or NULL for nil.
const struct model *hook_result_model(lua_State *lua, int index, struct candidates candidates);
void hook_result_select_options(lua_State *lua, int index, struct attempt_options *options);
// Copies what fits.
struct slice hook_result_reason(lua_State *lua, int index, char *copy, size_t size);

enum verdict hook_result_verdict(lua_State *lua, int index);
// Options that are absent leave what `classification` holds.
void hook_result_classify_options(lua_State *lua, int index, struct classification *classification);

#endif

// SPDX-License-Identifier: Apache-2.0
// What hooks return, checked. Each function reads values of the stack and raises for nonsense, naming what was expected
// and what was found.
#ifndef POLICY_HOOK_RESULT_H
#define POLICY_HOOK_RESULT_H

#include <stddef.h>

#include <lua.h>

#include "base/slice.h"
#include "policy/hook_headers.h"
#include "route/decide.h"

// One of the candidates, or NULL for nil.
const struct model *hook_result_model(lua_State *lua, int index, struct candidates candidates);
// The options borrow from `headers`.
void hook_result_select_options(lua_State *lua, int index, struct attempt_options *options,
                                struct hook_headers *headers);
// Copies what fits.
struct slice hook_result_reason(lua_State *lua, int index, char *copy, size_t size);

enum verdict hook_result_verdict(lua_State *lua, int index);
// Options that are absent leave what `classification` holds.
void hook_result_classify_options(lua_State *lua, int index, struct classification *classification);

// Whether an answer is accepted: true or false, nothing else.
bool hook_result_accepts(lua_State *lua, int index);

// What `prepare` changes, and the memory of its texts.
struct hook_edits {
	struct hook_headers headers;
	char identifier[2048];
	char version[16];
};
void hook_result_edits(lua_State *lua, int index, struct edits *edits, struct hook_edits *copy);

#endif

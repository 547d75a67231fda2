// SPDX-License-Identifier: Apache-2.0
// Checks what hooks return. Each function reads values on the stack and raises for an invalid one, with a message of
// what was expected and what was found.
#ifndef POLICY_HOOK_RESULT_H
#define POLICY_HOOK_RESULT_H

#include <stddef.h>

#include <lua.h>

#include "base/slice.h"
#include "policy/hook_headers.h"
#include "route/decide.h"

// One of the candidates, or NULL for nil.
const struct model *hook_result_model(lua_State *lua, int index, struct candidates candidates);
// `options` borrows from `headers`.
void hook_result_select_options(lua_State *lua, int index, struct attempt_options *options,
                                struct hook_headers *headers);
// Copies as much of the text as fits into `copy`.
struct slice hook_result_reason(lua_State *lua, int index, char *copy, size_t size);

enum verdict hook_result_verdict(lua_State *lua, int index);
// An absent option leaves its member of `classification` unchanged.
void hook_result_classify_options(lua_State *lua, int index, struct classification *classification);

// Whether `accept` accepts the response; raises for anything but true or false.
bool hook_result_accepts(lua_State *lua, int index);

// The memory of the texts in what `prepare` returns.
struct hook_edits {
	struct hook_headers headers;
	char identifier[2048];
	char version[16];
};
// `edits` borrows from `copy`.
void hook_result_edits(lua_State *lua, int index, struct edits *edits, struct hook_edits *copy);

#endif

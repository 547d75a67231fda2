// SPDX-License-Identifier: Apache-2.0
// Lua values to JSON and back. An array that was read has a mark (a metatable), so that an empty one is written as []
// again; an empty table without the mark is written as {}. null is a light userdata of NULL, as in lua-cjson.
//
// Every function here may raise a Lua error (memory, misuse): what a caller owns meanwhile has to belong to a userdata.
#ifndef MODULE_VALUE_H
#define MODULE_VALUE_H

#include <lua.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

enum value_nulls { VALUE_KEEP_NULLS, VALUE_DROP_NULLS };

// Pushes the value of a whole JSON text. False, with nothing pushed, if it is invalid or nested deeper than 64.
bool value_push_json(lua_State *lua, struct slice text, enum value_nulls nulls);

// Appends the value at `index` as JSON, without the member `skip` (NULL: none) of the outermost object. Raises, naming
// the place, for what JSON can't express: functions, mixed or sparse tables, NaN, cycles. If the buffer's limit is
// reached, its `failed` is set.
void value_write_json(lua_State *lua, int index, const char *skip, struct buffer *out);

// Marks the table at the top as an array.
void value_mark_array(lua_State *lua);
bool value_is_array(lua_State *lua, int index);

// Pushes a userdata that owns an empty buffer of that limit, freed with it.
struct buffer *value_push_buffer(lua_State *lua, size_t limit_bytes);

#endif

// SPDX-License-Identifier: Apache-2.0
// JSON to Lua values. Whole numbers become integers where they fit; null becomes the light userdata NULL, as in
// lua-cjson.
#ifndef SANDBOX_JSON_VALUE_H
#define SANDBOX_JSON_VALUE_H

#include <stdbool.h>

#include <lua.h>

#include "base/slice.h"

struct json_value_style {
	bool drops_nulls;                   // leaves out members that are null
	void (*mark_array)(lua_State *lua); // called with each array's new table at the top of the stack; NULL for none
	const char **duplicate; // set to a key that is in its object already, where the last counts; NULL: not looked for
};

// Pushes the value of a whole JSON text. False, with nothing pushed, when the text is not JSON or is nested deeper than
// base/json reads. Raises when memory runs out. A text with escapes takes its own length in memory beside the value.
bool json_value_push(lua_State *lua, struct slice text, const struct json_value_style *style);

#endif

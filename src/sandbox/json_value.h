// SPDX-License-Identifier: Apache-2.0
// Lua values out of JSON. Whole numbers stay whole where they fit; null is a light userdata of NULL, as lua-cjson's.
#ifndef SANDBOX_JSON_VALUE_H
#define SANDBOX_JSON_VALUE_H

#include <stdbool.h>

#include <lua.h>

#include "base/slice.h"

struct json_value_style {
	bool drops_nulls;                   // members that are null are left out
	void (*mark_array)(lua_State *lua); // is called with each array's table at the top; NULL for none
};

// Pushes the value of a whole JSON text. False, with nothing pushed, where it is none, or nested deeper than base/json
// goes. Raises where memory runs out. Beside the value it takes as much memory as the text, where that has escapes.
bool json_value_push(lua_State *lua, struct slice text, const struct json_value_style *style);

#endif

// SPDX-License-Identifier: Apache-2.0
// Every userdata in a VM begins with its kind, so that C can check it without looking up a metatable by name.
#ifndef SANDBOX_OBJECT_H
#define SANDBOX_OBJECT_H

#include <stddef.h>

#include <lua.h>

enum object_kind {
	OBJECT_FROZEN,
	OBJECT_MODEL,
	OBJECT_MODELS,
	OBJECT_REQUEST,
	OBJECT_FAILURE,
	OBJECT_RESPONSE,
	OBJECT_RESULT,
	OBJECT_KINDS
};

// The object at `index` if it is of that kind, else NULL.
static inline void *object_at(lua_State *lua, int index, enum object_kind kind) {
	enum object_kind *object = lua_type(lua, index) == LUA_TUSERDATA ? lua_touserdata(lua, index) : NULL;
	return object && *object == kind ? object : NULL;
}

// A name for the value at `index` in messages: an object's kind in words, else the value's Lua type.
static inline const char *object_type_name(lua_State *lua, int index) {
	static const char *const names[OBJECT_KINDS] = {"read-only table", "model",    "list of models", "request",
	                                                "failure",         "response", "result"};
	const enum object_kind *object = lua_type(lua, index) == LUA_TUSERDATA ? lua_touserdata(lua, index) : NULL;
	return object ? names[*object] : lua_typename(lua, lua_type(lua, index));
}

#endif

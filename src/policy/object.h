// SPDX-License-Identifier: Apache-2.0
// Every userdata in a VM begins with its kind, so that C can tell them apart without a search by name.
#ifndef POLICY_OBJECT_H
#define POLICY_OBJECT_H

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

// The object at `index` when it is one of that kind, else NULL.
static inline void *object_at(lua_State *lua, int index, enum object_kind kind) {
	enum object_kind *object = lua_type(lua, index) == LUA_TUSERDATA ? lua_touserdata(lua, index) : NULL;
	return object && *object == kind ? object : NULL;
}

#endif

// SPDX-License-Identifier: Apache-2.0
// The metatables of this module's objects. A metatable is registered only once it is complete: if memory runs out while
// it is made, no object must get one without `__gc`.
#ifndef MODULE_TYPE_H
#define MODULE_TYPE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

// Pushes the registered metatable of that name and returns true; or pushes a new one with the functions `own`, which
// the caller completes and registers, and returns false.
bool type_push(lua_State *lua, const char *name, const luaL_Reg *own);
// Registers the metatable at the top, and leaves it there.
void type_register(lua_State *lua, const char *name);

#endif

// SPDX-License-Identifier: Apache-2.0
// The metatables of this module's objects. One is registered only once it is whole: running out of memory while it is
// made must not leave objects behind that nobody frees.
#ifndef MODULE_TYPE_H
#define MODULE_TYPE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

// Pushes the registered metatable of that name: true. Or a new one with the functions `own`, to be completed and then
// registered: false.
bool type_push(lua_State *lua, const char *name, const luaL_Reg *own);
// Registers the metatable at the top, and leaves it there.
void type_register(lua_State *lua, const char *name);

#endif

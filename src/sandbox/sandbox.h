// SPDX-License-Identifier: Apache-2.0
// What a script can reach: an audited list of functions, each of which a budget interrupts, charges or bounds. All
// tables of the list are frozen, reading an unknown global is an error.
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <lua.h>

#include "base/slice.h"
#include "sandbox/sources.h"

// What the room above adds to the sandbox; a NULL member adds nothing.
struct sandbox_additions {
	lua_CFunction ipairs;               // in place of Lua's own, which is its upvalue
	void (*push_builtins)(lua_State *); // pushes the C functions that modules which ship get as their second argument
};

// Fills a new state; to be called in a protected call. `sources` answers `require`; it and `additions` outlive the
// state.
void sandbox_open(lua_State *lua, struct sources *sources, const struct sandbox_additions *additions);

// Pushes the value that stands in for the table at `index` and can't be changed through: a userdata that indexes it,
// knows its length and works with pairs. The table itself must not be reachable otherwise.
void sandbox_freeze(lua_State *lua, int index);

// The same for a table and the plain tables in it, at every depth (up to 16: deeper ones raise, as cycles do).
void sandbox_freeze_deep(lua_State *lua, int index);

// The parts, each pushes one table of functions.
void sandbox_push_string(lua_State *lua);
void sandbox_push_table(lua_State *lua);
void sandbox_push_json(lua_State *lua);

// Pushes what json.decode makes of the text; raises as it does, and where the call can't afford it.
void sandbox_push_decoded(lua_State *lua, struct slice text);

// Pushes `require`. Modules that ship get what push_builtins pushes, or nil where it is NULL.
void sandbox_push_require(lua_State *lua, struct sources *sources, void (*push_builtins)(lua_State *));

// Sets each of `names` (ended by NULL) of the library table at `library` into the table at `into`, each
// charged by the length of its string arguments before it runs.
void sandbox_set_charged(lua_State *lua, int library, int into, const char *const *names);

// The same without a charge, for functions of constant work.
void sandbox_set_plain(lua_State *lua, int library, int into, const char *const *names);

#endif

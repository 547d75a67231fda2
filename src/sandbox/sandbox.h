// SPDX-License-Identifier: Apache-2.0
// What a script can reach: an audited list of functions. The budget interrupts, charges or bounds each of them. All
// tables in the list are frozen; reading an unknown global is an error.
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <lua.h>

#include "base/slice.h"
#include "sandbox/sources.h"

// What the room above adds to the sandbox; a NULL member adds nothing.
struct sandbox_additions {
	lua_CFunction ipairs;               // replaces Lua's own, which becomes its upvalue
	void (*push_builtins)(lua_State *); // pushes the C functions that built-in modules get as their second argument
};

// Fills a new state; call it inside a protected call. `require` reads from `sources`, which outlive the state, as
// `additions` do.
void sandbox_open(lua_State *lua, struct sources *sources, const struct sandbox_additions *additions);

// Pushes a read-only stand-in for the table at `index`: a userdata that supports indexing, # and pairs. Nothing else
// may give access to the table itself.
void sandbox_freeze(lua_State *lua, int index);

// Pushes a frozen copy of the table and of the plain tables in it. Raises when they are nested deeper than 16, as
// cycles are.
void sandbox_freeze_deep(lua_State *lua, int index);

// Each pushes one library's table of functions.
void sandbox_push_string(lua_State *lua);
void sandbox_push_table(lua_State *lua);
void sandbox_push_json(lua_State *lua);

// Pushes what json.decode returns for the text. Raises as json.decode does, and when the call can't afford the work.
// Returns where in the text a key is that its object has already; NULL if there is none.
const char *sandbox_push_decoded(lua_State *lua, struct slice text);

// Pushes `require`. Built-in modules get what push_builtins pushes, nil when it is NULL.
void sandbox_push_require(lua_State *lua, struct sources *sources, void (*push_builtins)(lua_State *));

// Copies the functions `names` (ended by NULL) from the table at `library` to the table at `into`. Each call of one is
// charged by the length of its string arguments before it runs.
void sandbox_set_charged(lua_State *lua, int library, int into, const char *const *names);

// The same without a charge: for functions whose work is constant, and for constants.
void sandbox_set_plain(lua_State *lua, int library, int into, const char *const *names);

#endif

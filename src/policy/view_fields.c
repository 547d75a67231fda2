// SPDX-License-Identifier: Apache-2.0
// Reading a field of a view. A Lua state keeps only one copy of each short string, so a name is found by its address
// alone, in a small hash table that is filled when the view's metatable is made.
#include "policy/view_fields.h"

#include <assert.h>

#include <lauxlib.h>

#include "base/schema.h"

enum { FIELDS_MAX = 40, SLOTS = 128 };

// Lua keeps one copy of strings up to this length.
enum { SHORT_STRING_BYTES = 40 };

struct view_kind {
	const char *name;
	const struct view_field *fields;
	void (*check)(lua_State *lua, void *object);
	struct {
		const char *name; // Lua's own string; NULL is free
		void (*push)(lua_State *lua, void *object);
	} slots[SLOTS];
};

static size_t first_slot(const char *name) {
	uintptr_t address = (uintptr_t)name >> 3;
	return (address ^ (address >> 7)) % SLOTS;
}

int view_refuse_field(lua_State *lua, const char *name, const char *const *fields) {
	size_t bytes = 0;
	const char *asked = luaL_tolstring(lua, 2, &bytes);
	const char *nearest = schema_nearest(fields, slice_of(asked, bytes));
	if (nearest)
		return luaL_error(lua, "a %s has no field '%s' (did you mean '%s'?)", name, asked, nearest);
	return luaL_error(lua, "a %s has no field '%s'", name, asked);
}

static int refuse_field(lua_State *lua, const struct view_kind *kind) {
	const char *names[FIELDS_MAX + 1] = {0};
	for (size_t i = 0; kind->fields[i].name && i < FIELDS_MAX; i++)
		names[i] = kind->fields[i].name;
	return view_refuse_field(lua, kind->name, names);
}

static int read_field(lua_State *lua) {
	const struct view_kind *kind = lua_touserdata(lua, lua_upvalueindex(1));
	void *object = lua_touserdata(lua, 1);
	if (kind->check)
		kind->check(lua, object);
	const char *name = lua_tostring(lua, 2); // neither NULL nor the text of a number has a slot
	for (size_t i = first_slot(name); kind->slots[i].name; i = (i + 1) % SLOTS) {
		if (kind->slots[i].name != name)
			continue;
		kind->slots[i].push(lua, object);
		return 1;
	}
	return refuse_field(lua, kind);
}

static int refuse_view_change(lua_State *lua) {
	return luaL_error(lua, "attempt to change a %s, which is read-only", lua_tostring(lua, lua_upvalueindex(1)));
}

// Pushes a closure of read_field, which also keeps the strings of the names.
static void push_reader(lua_State *lua, const struct view_kind *blank) {
	struct view_kind *kind = lua_newuserdatauv(lua, sizeof *kind, 1); /* kind */
	*kind = *blank;
	lua_createtable(lua, FIELDS_MAX, 0); /* kind names */
	for (int field = 0; kind->fields[field].name; field++) {
		assert(field < FIELDS_MAX && strlen(kind->fields[field].name) <= SHORT_STRING_BYTES);
		const char *name = lua_pushstring(lua, kind->fields[field].name);
		lua_rawseti(lua, -2, field + 1);
		size_t slot = first_slot(name);
		while (kind->slots[slot].name)
			slot = (slot + 1) % SLOTS;
		kind->slots[slot].name = name;
		kind->slots[slot].push = kind->fields[field].push;
	}
	lua_setiuservalue(lua, -2, 1);
	lua_pushcclosure(lua, read_field, 1);
}

void view_push_metatable(lua_State *lua, const char *name, const struct view_field *fields,
                         void (*check)(lua_State *lua, void *object)) {
	lua_createtable(lua, 0, 4); /* metatable */
	push_reader(lua, &(struct view_kind){.name = name, .fields = fields, .check = check});
	lua_setfield(lua, -2, "__index");
	lua_pushstring(lua, name);
	lua_pushcclosure(lua, refuse_view_change, 1);
	lua_setfield(lua, -2, "__newindex");
	lua_pushstring(lua, name);
	lua_setfield(lua, -2, "__name");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
}

// SPDX-License-Identifier: Apache-2.0
// Reading a field of a view: the name is looked up in a table of positions, the position tells the function.
#include "policy/view.h"

#include <lauxlib.h>

#include "base/schema.h"

enum { FIELDS_MAX = 64 };

enum { UPVALUE_POSITIONS = 1, UPVALUE_KIND, UPVALUE_NAME };

// A function pointer can't travel as a light userdata, so the two travel in this.
struct view_kind {
	const struct view_field *fields;
	void (*check)(lua_State *lua, void *object);
};

static int refuse_field(lua_State *lua, const struct view_field *fields) {
	const char *names[FIELDS_MAX + 1] = {0};
	for (size_t i = 0; fields[i].name && i < FIELDS_MAX; i++)
		names[i] = fields[i].name;
	size_t bytes = 0;
	const char *asked = luaL_tolstring(lua, 2, &bytes);
	const char *nearest = schema_nearest(names, slice_of(asked, bytes));
	const char *view = lua_tostring(lua, lua_upvalueindex(UPVALUE_NAME));
	if (nearest)
		return luaL_error(lua, "a %s has no field '%s' (did you mean '%s'?)", view, asked, nearest);
	return luaL_error(lua, "a %s has no field '%s'", view, asked);
}

static int read_field(lua_State *lua) {
	struct view_kind *kind = lua_touserdata(lua, lua_upvalueindex(UPVALUE_KIND));
	void *object = lua_touserdata(lua, 1);
	lua_settop(lua, 2);
	if (kind->check)
		kind->check(lua, object);
	lua_pushvalue(lua, 2);
	if (lua_rawget(lua, lua_upvalueindex(UPVALUE_POSITIONS)) != LUA_TNUMBER) {
		lua_settop(lua, 2);
		return refuse_field(lua, kind->fields);
	}
	kind->fields[lua_tointeger(lua, -1)].push(lua, object);
	return 1;
}

static int refuse_change(lua_State *lua) {
	return luaL_error(lua, "attempt to change a %s, which is read-only", lua_tostring(lua, lua_upvalueindex(1)));
}

void view_push_metatable(lua_State *lua, const char *name, const struct view_field *fields,
                         void (*check)(lua_State *lua, void *object)) {
	lua_createtable(lua, 0, 4); /* metatable */
	lua_newtable(lua);          /* metatable positions */
	for (int i = 0; fields[i].name; i++) {
		lua_pushinteger(lua, i);
		lua_setfield(lua, -2, fields[i].name);
	}
	struct view_kind *kind = lua_newuserdatauv(lua, sizeof *kind, 0);
	*kind = (struct view_kind){fields, check};
	lua_pushstring(lua, name);
	lua_pushcclosure(lua, read_field, 3);
	lua_setfield(lua, -2, "__index");
	lua_pushstring(lua, name);
	lua_pushcclosure(lua, refuse_change, 1);
	lua_setfield(lua, -2, "__newindex");
	lua_pushstring(lua, name);
	lua_setfield(lua, -2, "__name");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
}

void view_push_slice(lua_State *lua, struct slice text) {
	lua_pushlstring(lua, text.len ? text.ptr : "", text.len);
}

void views_open(struct views *views, lua_State *lua, const struct pool *pool, int tags) {
	tags = lua_absindex(lua, tags);
	views->vm = vm_of(lua);
	views->pool = pool;
	lua_createtable(lua, (int)pool->count, 0); /* models */
	model_view_push_metatable(lua);            /* models metatable */
	for (size_t i = 0; i < pool->count; i++) {
		struct model_view *view = lua_newuserdatauv(lua, sizeof *view, 1); /* models metatable view */
		*view = (struct model_view){.kind = OBJECT_MODEL, .model = &pool->models[i], .views = views};
		lua_rawgeti(lua, tags, (lua_Integer)i + 1);
		lua_setiuservalue(lua, -2, 1);
		lua_pushvalue(lua, -2);
		lua_setmetatable(lua, -2);
		lua_rawseti(lua, -3, (lua_Integer)i + 1);
	}
	lua_pop(lua, 1);
	views->model_reference = luaL_ref(lua, LUA_REGISTRYINDEX);
	model_list_push_new(lua, views);
	views->list_reference = luaL_ref(lua, LUA_REGISTRYINDEX);
	request_view_push_metatable(lua);
	views->request_metatable = luaL_ref(lua, LUA_REGISTRYINDEX);
	failure_view_push_metatable(lua);
	views->failure_metatable = luaL_ref(lua, LUA_REGISTRYINDEX);
}

void views_push_model(lua_State *lua, struct views *views, const struct model *model) {
	lua_rawgeti(lua, LUA_REGISTRYINDEX, views->model_reference);
	lua_rawgeti(lua, -1, (lua_Integer)model->index + 1);
	lua_remove(lua, -2);
}

void views_end(struct views *views) {
	views->call++;
}

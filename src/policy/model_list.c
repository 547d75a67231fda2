// SPDX-License-Identifier: Apache-2.0
// The eligible models as `models`, `models.primary` and `models.fallback`: three objects that live as long as the VM
// and are refilled only when the eligible set differs from what they hold. Refilling allocates nothing: the tables have
// room for the whole pool from the start.
#include <string.h>

#include <lauxlib.h>

#include "policy/view.h"

static int refuse_change(lua_State *lua) {
	return luaL_error(lua, "attempt to change a list of models, which is read-only");
}

static struct model_list *list_at(lua_State *lua, int index) {
	struct model_list *list = object_at(lua, index, OBJECT_MODELS);
	luaL_argexpected(lua, list, index, "list of models");
	return list;
}

static int length(lua_State *lua) {
	lua_pushinteger(lua, (lua_Integer)list_at(lua, 1)->count);
	return 1;
}

static int next_model(lua_State *lua) {
	struct model_list *list = list_at(lua, 1);
	lua_Integer i = luaL_optinteger(lua, 2, 0) + 1;
	if (i < 1 || (lua_Unsigned)i > list->count) {
		lua_pushnil(lua);
		return 1;
	}
	lua_pushinteger(lua, i);
	lua_geti(lua, 1, i);
	return 2;
}

static int pairs(lua_State *lua) {
	lua_pushcfunction(lua, next_model);
	lua_pushvalue(lua, 1);
	return 2;
}

// Pushes a list of room for `capacity` models, and sets *list to it.
static void push_new_list(lua_State *lua, size_t capacity, struct model_list **list) {
	static const luaL_Reg methods[] = {
	    {"__newindex", refuse_change}, {"__len", length}, {"__pairs", pairs}, {NULL, NULL}};
	size_t bytes = sizeof **list + capacity * sizeof *(*list)->models;
	*list = lua_newuserdatauv(lua, bytes, 1);
	**list = (struct model_list){.kind = OBJECT_MODELS, .models = (const struct model **)(void *)(*list + 1)};
	lua_createtable(lua, (int)capacity, 2); /* list table */
	lua_pushvalue(lua, -1);
	lua_setiuservalue(lua, -3, 1);
	luaL_newlib(lua, methods); /* list table metatable */
	lua_insert(lua, -2);
	lua_setfield(lua, -2, "__index");
	lua_pushliteral(lua, "list of models");
	lua_setfield(lua, -2, "__name");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_setmetatable(lua, -2);
}

void model_list_push_new(lua_State *lua, struct views *views) {
	push_new_list(lua, views->pool->count, &views->eligible); /* eligible */
	lua_getiuservalue(lua, -1, 1);                            /* eligible table */
	push_new_list(lua, views->pool->count, &views->primary);
	lua_setfield(lua, -2, "primary");
	push_new_list(lua, views->pool->count, &views->fallback);
	lua_setfield(lua, -2, "fallback");
	lua_pop(lua, 1);
}

// Appends the view at the top to the list whose table is at `table`; pops it.
static void append(lua_State *lua, int table, struct model_list *list, const struct model *model) {
	list->models[list->count++] = model;
	lua_rawseti(lua, table, (lua_Integer)list->count);
}

static void clear_rest(lua_State *lua, int table, size_t count, size_t old_count) {
	for (; count < old_count; count++) {
		lua_pushnil(lua);
		lua_rawseti(lua, table, (lua_Integer)count + 1);
	}
}

// The list of the eligible models is at the top.
static void refill(lua_State *lua, struct views *views, struct candidates candidates) {
	size_t old[] = {views->eligible->count, views->primary->count, views->fallback->count};
	views->eligible->count = views->primary->count = views->fallback->count = 0;
	int base = lua_gettop(lua);
	lua_getiuservalue(lua, base, 1);         /* eligible table */
	lua_getfield(lua, base + 1, "primary");  /* eligible table primary */
	lua_getiuservalue(lua, base + 2, 1);     /* eligible table primary table */
	lua_getfield(lua, base + 1, "fallback"); /* ... fallback */
	lua_getiuservalue(lua, base + 4, 1);     /* ... fallback table */
	lua_rawgeti(lua, LUA_REGISTRYINDEX, views->model_reference);
	for (size_t i = 0; i < candidates.count; i++) {
		const struct model *model = candidates.list[i];
		lua_rawgeti(lua, base + 6, (lua_Integer)model->index + 1);
		lua_pushvalue(lua, -1);
		append(lua, base + 1, views->eligible, model);
		if (model->fallback)
			append(lua, base + 5, views->fallback, model);
		else
			append(lua, base + 3, views->primary, model);
	}
	clear_rest(lua, base + 1, views->eligible->count, old[0]);
	clear_rest(lua, base + 3, views->primary->count, old[1]);
	clear_rest(lua, base + 5, views->fallback->count, old[2]);
	lua_settop(lua, base);
}

void views_push_models(lua_State *lua, struct views *views, struct candidates candidates) {
	luaL_checkstack(lua, LUA_MINSTACK, NULL);
	lua_rawgeti(lua, LUA_REGISTRYINDEX, views->list_reference);
	const struct model_list *held = views->eligible;
	if (held->count != candidates.count ||
	    memcmp(held->models, candidates.list, candidates.count * sizeof *candidates.list))
		refill(lua, views, candidates);
}

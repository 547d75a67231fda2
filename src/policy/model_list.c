// SPDX-License-Identifier: Apache-2.0
// The eligible models as `models`, `models.primary` and `models.fallback`: three objects that live as long as the VM.
// They are refilled only when the eligible set differs from their contents. Refilling allocates nothing: the tables
// have room for the whole pool from the start.
#include <string.h>

#include <lauxlib.h>

#include "policy/view_fields.h"

#define LIST_NAME "list of models"

// A list's user values: the table behind it, and its iterator function for ipairs.
enum { KEPT_TABLE = 1, KEPT_STEP };

static int refuse_list_change(lua_State *lua) {
	return luaL_error(lua, "attempt to change a list of models, which is read-only");
}

// Called for keys that the table behind a list lacks; the upvalue tells whether the list has parts. A position past
// the end has no model, as in any Lua list.
static int read_absent_field(lua_State *lua) {
	static const char *const parts[] = {"primary", "fallback", NULL};
	static const char *const none[] = {NULL};
	if (lua_type(lua, 2) == LUA_TNUMBER)
		return 0;
	return view_refuse_field(lua, LIST_NAME, lua_toboolean(lua, lua_upvalueindex(1)) ? parts : none);
}

static struct model_list *list_at(lua_State *lua, int index) {
	struct model_list *list = object_at(lua, index, OBJECT_MODELS);
	luaL_argexpected(lua, list, index, LIST_NAME);
	return list;
}

static int list_length(lua_State *lua) {
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

static int list_pairs(lua_State *lua) {
	lua_pushcfunction(lua, next_model);
	lua_pushvalue(lua, 1);
	return 2;
}

// The iterator of ipairs over a list; the table behind it is the upvalue. Lua's own iterator would look up the list's
// metatable for each element.
static int next_in_table(lua_State *lua) {
	lua_Integer i = (lua_Integer)((lua_Unsigned)lua_tointeger(lua, 2) + 1);
	lua_pushinteger(lua, i);
	return lua_rawgeti(lua, lua_upvalueindex(1), i) == LUA_TNIL ? 1 : 2;
}

int model_list_ipairs(lua_State *lua) {
	if (!object_at(lua, 1, OBJECT_MODELS))
		return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
	lua_getiuservalue(lua, 1, KEPT_STEP);
	lua_pushvalue(lua, 1);
	lua_pushinteger(lua, 0);
	return 3;
}

// Pushes a table with room for `capacity` models, to which absent fields are errors.
static void push_list_table(lua_State *lua, size_t capacity, bool has_parts) {
	lua_createtable(lua, (int)capacity, has_parts ? 2 : 0);
	lua_createtable(lua, 0, 1); /* table metatable */
	lua_pushboolean(lua, has_parts);
	lua_pushcclosure(lua, read_absent_field, 1);
	lua_setfield(lua, -2, "__index");
	lua_setmetatable(lua, -2);
}

// Pushes an empty list with room for the whole pool and sets *list to it.
static void push_new_list(lua_State *lua, const struct views *views, bool has_parts, struct model_list **list) {
	size_t capacity = views->pool->count;
	static const luaL_Reg methods[] = {
	    {"__newindex", refuse_list_change}, {"__len", list_length}, {"__pairs", list_pairs}, {NULL, NULL}};
	size_t bytes = sizeof **list + capacity * sizeof *(*list)->models;
	*list = lua_newuserdatauv(lua, bytes, KEPT_STEP);
	**list = (struct model_list){
	    .kind = OBJECT_MODELS, .views = views, .models = (const struct model **)(void *)(*list + 1)};
	push_list_table(lua, capacity, has_parts); /* list table */
	lua_pushvalue(lua, -1);
	lua_setiuservalue(lua, -3, KEPT_TABLE);
	lua_pushvalue(lua, -1);
	lua_pushcclosure(lua, next_in_table, 1);
	lua_setiuservalue(lua, -3, KEPT_STEP);
	luaL_newlib(lua, methods); /* list table metatable */
	lua_insert(lua, -2);
	lua_setfield(lua, -2, "__index");
	lua_pushliteral(lua, LIST_NAME);
	lua_setfield(lua, -2, "__name");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_setmetatable(lua, -2);
}

void model_lists_open(lua_State *lua, struct views *views, struct model_lists *lists) {
	push_new_list(lua, views, true, &lists->all); /* all */
	lua_getiuservalue(lua, -1, KEPT_TABLE);       /* all table */
	push_new_list(lua, views, false, &lists->primary);
	lua_setfield(lua, -2, "primary");
	push_new_list(lua, views, false, &lists->fallback);
	lua_setfield(lua, -2, "fallback");
	lua_pop(lua, 1);
	lists->reference = luaL_ref(lua, LUA_REGISTRYINDEX);
}

// Appends the view at the top to the list whose table is at `table`, and pops it.
static void append_model(lua_State *lua, int table, struct model_list *list, const struct model *model) {
	list->models[list->count++] = model;
	lua_rawseti(lua, table, (lua_Integer)list->count);
}

static void clear_rest(lua_State *lua, int table, size_t count, size_t old_count) {
	for (; count < old_count; count++) {
		lua_pushnil(lua);
		lua_rawseti(lua, table, (lua_Integer)count + 1);
	}
}

// Fills the lists with these models and pushes the list of all.
static void push_filled(lua_State *lua, struct views *views, struct model_lists *lists, struct candidates candidates) {
	size_t old[] = {lists->all->count, lists->primary->count, lists->fallback->count};
	lists->all->count = lists->primary->count = lists->fallback->count = 0;
	lua_rawgeti(lua, LUA_REGISTRYINDEX, lists->reference);
	int base = lua_gettop(lua);
	lua_getiuservalue(lua, base, KEPT_TABLE);     /* all table */
	lua_getfield(lua, base + 1, "primary");       /* all table primary */
	lua_getiuservalue(lua, base + 2, KEPT_TABLE); /* all table primary table */
	lua_getfield(lua, base + 1, "fallback");      /* ... fallback */
	lua_getiuservalue(lua, base + 4, KEPT_TABLE); /* ... fallback table */
	lua_rawgeti(lua, LUA_REGISTRYINDEX, views->model_reference);
	for (size_t i = 0; i < candidates.count; i++) {
		const struct model *model = candidates.list[i];
		lua_rawgeti(lua, base + 6, (lua_Integer)model->index + 1);
		lua_pushvalue(lua, -1);
		append_model(lua, base + 1, lists->all, model);
		if (model->fallback)
			append_model(lua, base + 5, lists->fallback, model);
		else
			append_model(lua, base + 3, lists->primary, model);
	}
	clear_rest(lua, base + 1, lists->all->count, old[0]);
	clear_rest(lua, base + 3, lists->primary->count, old[1]);
	clear_rest(lua, base + 5, lists->fallback->count, old[2]);
	lua_settop(lua, base);
}

void views_push_models(lua_State *lua, struct views *views, struct candidates candidates) {
	struct model_lists *lists = &views->eligible;
	luaL_checkstack(lua, LUA_MINSTACK, NULL);
	bool holds = lists->all->count == candidates.count &&
	             !memcmp(lists->all->models, candidates.list, candidates.count * sizeof *candidates.list);
	if (holds)
		lua_rawgeti(lua, LUA_REGISTRYINDEX, lists->reference);
	else
		push_filled(lua, views, lists, candidates);
}

void views_open_pool(struct views *views, lua_State *lua) {
	size_t count = views->pool->count;
	model_lists_open(lua, views, &views->whole);
	const struct model **list = lua_newuserdatauv(lua, count * sizeof *list, 0);
	for (size_t i = 0; i < count; i++)
		list[i] = &views->pool->models[i];
	push_filled(lua, views, &views->whole, (struct candidates){.list = list, .count = count});
	lua_pop(lua, 2);
}

void views_push_pool(lua_State *lua, struct views *views) {
	lua_rawgeti(lua, LUA_REGISTRYINDEX, views->whole.reference);
}

struct model_argument view_check_models(lua_State *lua) {
	const struct model_list *list = object_at(lua, 1, OBJECT_MODELS);
	luaL_argexpected(lua, list || lua_istable(lua, 1), 1, LIST_NAME);
	return (struct model_argument){list, list ? list->count : (size_t)lua_rawlen(lua, 1)};
}

const struct model *view_model_in_table(lua_State *lua, size_t i, double *weight) {
	lua_rawgeti(lua, 1, (lua_Integer)i + 1);
	const struct model *model = view_model_at(lua, -1, weight);
	if (!model)
		luaL_error(lua, "a list of models expected, found a %s at position %I", luaL_typename(lua, -1),
		           (lua_Integer)i + 1);
	lua_pop(lua, 1);
	return model;
}

// SPDX-License-Identifier: Apache-2.0
// A model as a hook sees it: its keys, and live fields from one snapshot per call. Constant values that had to be
// allocated are kept with the view, so that reading them again creates no garbage.
#include <lauxlib.h>

#include "policy/view_fields.h"
#include "route/state.h"
#include "sandbox/sandbox.h"

#define WEIGHT_MAX 10000

// A view's user values.
enum { KEPT_TAGS = 1, KEPT_ID, KEPT_NAME, KEPT_SERVES, KEPT_ENDPOINT, KEPT_QUOTA, KEPT_PRICE, KEPT = KEPT_PRICE };

// The live fields are read from the model's state in three parts, each at most once in a call and only when a hook
// needs it. `..._call` is the number of the call in which a part was read, plus 1; 0 when it was never read.
struct model_view {
	enum object_kind kind;
	const struct model *model;
	struct views *views;
	uint64_t load_call, outline_call, percentiles_call;
	struct model_load load;
	struct model_snapshot outline;
	struct model_percentiles percentiles;
};

void model_view_push_new(lua_State *lua, struct views *views, const struct model *model) {
	struct model_view *view = lua_newuserdatauv(lua, sizeof *view, KEPT);
	*view = (struct model_view){.kind = OBJECT_MODEL, .model = model, .views = views};
	lua_pushvalue(lua, -2);
	lua_setmetatable(lua, -2);
}

const struct model *view_model_at(lua_State *lua, int index, double *weight) {
	const struct model_view *view = object_at(lua, index, OBJECT_MODEL);
	if (view && weight)
		*weight = views_weight(view->views, view->model);
	return view ? view->model : NULL;
}

static const struct model *model_of(void *object) {
	return ((struct model_view *)object)->model;
}

static const struct model_load *load_of(void *object) {
	struct model_view *view = object;
	if (view->load_call != view->views->call + 1) {
		model_state_load(view->model->state, &view->load);
		view->load_call = view->views->call + 1;
	}
	return &view->load;
}

static const struct model_snapshot *outline_of(void *object) {
	struct model_view *view = object;
	struct views *views = view->views;
	if (view->outline_call != views->call + 1) {
		model_state_outline(view->model->state, &view->model->breaker, views->vm->now_ms, &view->outline);
		view->outline_call = views->call + 1;
	}
	return &view->outline;
}

static const struct model_percentiles *percentiles_of(void *object) {
	struct model_view *view = object;
	struct views *views = view->views;
	if (view->percentiles_call != views->call + 1) {
		model_state_percentiles(view->model->state, views->vm->now_ms, &view->percentiles);
		view->percentiles_call = views->call + 1;
	}
	return &view->percentiles;
}

// Pushes the value kept at `place`; false, with nothing pushed, when there is none yet.
static bool push_kept(lua_State *lua, int place) {
	if (lua_getiuservalue(lua, 1, place) != LUA_TNIL)
		return true;
	lua_pop(lua, 1);
	return false;
}

// Pushes the value kept at `place`, or nil when the model has no such value. False when the value has yet to be made.
static bool push_kept_or_nil(lua_State *lua, int place, bool has_value) {
	if (has_value)
		return push_kept(lua, place);
	lua_pushnil(lua);
	return true;
}

// Keeps the value at the top.
static void keep_value(lua_State *lua, int place) {
	lua_pushvalue(lua, -1);
	lua_setiuservalue(lua, 1, place);
}

static void push_kept_string(lua_State *lua, int place, const char *text) {
	if (push_kept(lua, place))
		return;
	lua_pushstring(lua, text);
	keep_value(lua, place);
}

// Freezes the table at the top and keeps it.
static void keep_table(lua_State *lua, int place) {
	sandbox_freeze(lua, -1);
	lua_remove(lua, -2);
	keep_value(lua, place);
}

static void push_id(lua_State *lua, void *object) {
	push_kept_string(lua, KEPT_ID, model_of(object)->id);
}

static void push_name(lua_State *lua, void *object) {
	push_kept_string(lua, KEPT_NAME, model_of(object)->name);
}

static void push_weight(lua_State *lua, void *object) {
	const struct model_view *view = object;
	lua_pushnumber(lua, views_weight(view->views, view->model));
}

static void push_fallback(lua_State *lua, void *object) {
	lua_pushboolean(lua, model_of(object)->fallback);
}

static void push_serves(lua_State *lua, void *object) {
	const struct model *model = model_of(object);
	if (push_kept_or_nil(lua, KEPT_SERVES, model->serves != NULL))
		return;
	lua_createtable(lua, (int)model->serves_count, 0);
	for (size_t i = 0; i < model->serves_count; i++) {
		lua_pushstring(lua, model->serves[i]);
		lua_rawseti(lua, -2, (lua_Integer)i + 1);
	}
	keep_table(lua, KEPT_SERVES);
}

// An absent string is a null pointer, which lua_pushstring pushes as nil.
static void push_family(lua_State *lua, void *object) {
	lua_pushstring(lua, model_of(object)->family);
}

static void push_region(lua_State *lua, void *object) {
	lua_pushstring(lua, model_of(object)->region);
}

static void push_endpoint(lua_State *lua, void *object) {
	push_kept_string(lua, KEPT_ENDPOINT, model_of(object)->endpoint);
}

static void push_credentials(lua_State *lua, void *object) {
	lua_pushstring(lua, model_of(object)->credentials);
}

static void push_timeout(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)model_of(object)->timeout_ms);
}

static void push_ttft(lua_State *lua, void *object) {
	lua_pushnumber(lua, load_of(object)->ttft_ms);
}

static void push_tags(lua_State *lua, void *object) {
	(void)object;
	lua_getiuservalue(lua, 1, KEPT_TAGS);
}

static void push_tier(lua_State *lua, void *object) {
	view_push_tier(lua, model_of(object)->tier);
}

static void set_quota(lua_State *lua, const char *name, uint64_t quota) {
	if (!quota)
		return;
	lua_pushinteger(lua, (lua_Integer)quota);
	lua_setfield(lua, -2, name);
}

static void push_quota(lua_State *lua, void *object) {
	const struct quota *quota = &model_of(object)->quota;
	if (push_kept_or_nil(lua, KEPT_QUOTA, quota->requests_per_minute || quota->tokens_per_minute))
		return;
	lua_createtable(lua, 0, 2);
	set_quota(lua, "rpm", quota->requests_per_minute);
	set_quota(lua, "tpm", quota->tokens_per_minute);
	keep_table(lua, KEPT_QUOTA);
}

static void push_output_token_weight(lua_State *lua, void *object) {
	lua_pushnumber(lua, model_of(object)->quota.output_token_weight);
}

static void set_price(lua_State *lua, const char *name, double price) {
	lua_pushnumber(lua, price);
	lua_setfield(lua, -2, name);
}

static void push_price(lua_State *lua, void *object) {
	const struct model *model = model_of(object);
	if (push_kept_or_nil(lua, KEPT_PRICE, model->is_priced))
		return;
	lua_createtable(lua, 0, 4);
	set_price(lua, "input", model->price.input);
	set_price(lua, "output", model->price.output);
	set_price(lua, "cache_read", model->price.cache_read);
	set_price(lua, "cache_write", model->price.cache_write);
	keep_table(lua, KEPT_PRICE);
}

static void push_breaker(lua_State *lua, void *object) {
	lua_pushstring(lua, breaker_state_names[outline_of(object)->breaker]);
}

static void push_error_rate(lua_State *lua, void *object) {
	lua_pushnumber(lua, outline_of(object)->error_rate);
}

static void push_requests_per_minute(lua_State *lua, void *object) {
	lua_pushnumber(lua, outline_of(object)->requests_per_minute);
}

static void push_inflight(lua_State *lua, void *object) {
	lua_pushinteger(lua, (lua_Integer)load_of(object)->inflight);
}

static void push_latency(lua_State *lua, void *object) {
	lua_pushnumber(lua, load_of(object)->latency_moving_average_ms);
}

static void push_p50(lua_State *lua, void *object) {
	lua_pushnumber(lua, percentiles_of(object)->p50_ms);
}

static void push_p95(lua_State *lua, void *object) {
	lua_pushnumber(lua, percentiles_of(object)->p95_ms);
}

static void push_headroom(lua_State *lua, void *object) {
	lua_pushnumber(lua, outline_of(object)->headroom);
}

// The fields that are numbers come first; their `push` functions use only the object, not the value at index 1.
enum { MEASURES = 11 };
static const struct view_field model_fields[] = {
    {"weight", push_weight},
    {"output_token_weight", push_output_token_weight},
    {"timeout_ms", push_timeout},
    {"error_rate", push_error_rate},
    {"requests_per_minute", push_requests_per_minute},
    {"inflight", push_inflight},
    {"latency_ms", push_latency},
    {"p50_ms", push_p50},
    {"p95_ms", push_p95},
    {"ttft_ms", push_ttft},
    {"headroom", push_headroom},
    [MEASURES] = {"id", push_id},
    {"name", push_name},
    {"fallback", push_fallback},
    {"serves", push_serves},
    {"family", push_family},
    {"region", push_region},
    {"endpoint", push_endpoint},
    {"credentials", push_credentials},
    {"tier", push_tier},
    {"quota", push_quota},
    {"price", push_price},
    {"tags", push_tags},
    {"breaker", push_breaker},
    {NULL, NULL},
};

const struct view_field *view_measure_named(const char *name) {
	for (size_t i = 0; i < MEASURES; i++)
		if (strcmp(model_fields[i].name, name) == 0)
			return &model_fields[i];
	return NULL;
}

double view_measure_of(lua_State *lua, struct model_argument models, size_t i, const struct view_field *measure) {
	void *object;
	int top = lua_gettop(lua);
	if (models.list) {
		object = models.list->views->models[models.list->models[i]->index];
	} else {
		view_model_in_table(lua, i, NULL);
		lua_rawgeti(lua, 1, (lua_Integer)i + 1);
		object = lua_touserdata(lua, -1);
	}
	measure->push(lua, object);
	double value = lua_tonumber(lua, -1);
	lua_settop(lua, top);
	return value;
}

// model.weight = number, in `tick`.
static int assign_weight(lua_State *lua) {
	struct model_view *view = lua_touserdata(lua, 1);
	double *assigned = view->views->assigned;
	const char *field = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "";
	if (strcmp(field, "weight") != 0)
		return luaL_error(lua, "attempt to change a model, of which only the weight can be assigned");
	if (!assigned)
		return luaL_error(lua, "a model's weight can be assigned in tick only");
	double weight = lua_type(lua, 3) == LUA_TNUMBER ? lua_tonumber(lua, 3) : -1;
	if (!(weight >= 0 && weight <= WEIGHT_MAX))
		return luaL_error(lua, "a weight has to be a number from 0 to %d", WEIGHT_MAX);
	assigned[view->model->index] = weight;
	return 0;
}

void model_view_push_metatable(lua_State *lua) {
	view_push_metatable(lua, "model", model_fields, NULL);
	lua_pushcfunction(lua, assign_weight);
	lua_setfield(lua, -2, "__newindex");
}

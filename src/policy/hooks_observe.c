// SPDX-License-Identifier: Apache-2.0
// The hooks that decide nothing about a request: `finish` is called at its end, `tick` once a second. Their results are
// ignored.
#include <string.h>

#include "policy/hook_call.h"
#include "route/request.h"

struct finish_call {
	struct hooks *hooks;
	const struct route_request *request;
	const struct request_result *result;
};

static int run_finish(lua_State *lua) {
	struct finish_call *call = lua_touserdata(lua, 1);
	struct hooks *hooks = call->hooks;
	hook_push(lua, hooks, HOOK_FINISH);
	views_push_request(lua, &hooks->views, call->request, route_request_attempts(call->request));
	views_push_result(lua, &hooks->views, call->result);
	lua_call(lua, 2, 0);
	return 0;
}

void hooks_finish(void *self, const struct route_request *request, const struct request_result *result) {
	struct hooks *hooks = self;
	struct finish_call call = {hooks, request, result};
	struct hook_occasion occasion = hook_occasion_of(request, result->model);
	if (hook_is_live(&hooks->list[HOOK_FINISH]))
		hook_call(hooks, HOOK_FINISH, run_finish, &call, &occasion);
}

static int run_tick(lua_State *lua) {
	struct hooks *hooks = lua_touserdata(lua, 1);
	hook_push(lua, hooks, HOOK_TICK);
	lua_pushinteger(lua, (lua_Integer)hooks->vm->now_ms);
	views_push_pool(lua, &hooks->views);
	lua_call(lua, 2, 0);
	return 0;
}

// While `tick` runs, the views show the assigned weights; after it those in force.
void hooks_tick(struct hooks *hooks, uint64_t now_ms) {
	struct hook_occasion occasion = {.now_ms = now_ms};
	size_t bytes = hooks->views.pool->count * sizeof *hooks->weights;
	if (!hook_is_live(&hooks->list[HOOK_TICK]))
		return;
	memcpy(hooks->assigned, hooks->weights, bytes);
	views_set_assigned(&hooks->views, hooks->assigned);
	if (hook_call(hooks, HOOK_TICK, run_tick, hooks, &occasion))
		memcpy(hooks->weights, hooks->assigned, bytes);
	views_set_assigned(&hooks->views, NULL);
}

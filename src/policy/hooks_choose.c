// SPDX-License-Identifier: Apache-2.0
// The hooks before an attempt: `select` chooses the model, `prepare` edits the request. What a failed call has written
// is discarded.
#include "policy/hook_call.h"
#include "route/request.h"

struct select_call {
	struct hooks *hooks;
	const struct route_request *request;
	struct candidates candidates;
	struct random_source *random;
	struct selection *out;
};

static int run_select(lua_State *lua) {
	struct select_call *call = lua_touserdata(lua, 1);
	struct hooks *hooks = call->hooks;
	hooks->vm->random = call->random;
	hook_push(lua, hooks, HOOK_SELECT);
	views_push_request(lua, &hooks->views, call->request, route_request_attempts(call->request) + 1);
	views_push_models(lua, &hooks->views, call->candidates);
	lua_call(lua, 2, 3); /* call model options reason */
	call->out->model = hook_result_model(lua, 2, call->candidates);
	if (!lua_isnil(lua, 3))
		hook_result_select_options(lua, 3, &call->out->options, &hooks->select_headers);
	if (!lua_isnil(lua, 4))
		call->out->reason = hook_result_reason(lua, 4, hooks->select_reason, sizeof hooks->select_reason);
	return 0;
}

void hooks_select(void *self, const struct route_request *request, struct candidates candidates,
                  struct random_source *random, struct selection *out) {
	struct hooks *hooks = self;
	candidates.weights = hooks->weights;
	struct select_call call = {hooks, request, candidates, random, out};
	struct hook_occasion occasion = hook_occasion_of(request, NULL);
	if (hook_is_live(&hooks->list[HOOK_SELECT]) && hook_call(hooks, HOOK_SELECT, run_select, &call, &occasion))
		return;
	*out = (struct selection){.is_undecided = hook_refuses(hooks, HOOK_SELECT)};
	if (!out->is_undecided)
		default_decide.select(default_decide.self, request, candidates, random, out);
}

struct prepare_call {
	struct hooks *hooks;
	const struct route_request *request;
	const struct model *model;
	struct edits *out;
};

static int run_prepare(lua_State *lua) {
	struct prepare_call *call = lua_touserdata(lua, 1);
	struct hooks *hooks = call->hooks;
	hook_push(lua, hooks, HOOK_PREPARE);
	views_push_request(lua, &hooks->views, call->request, route_request_attempts(call->request));
	views_push_model(lua, &hooks->views, call->model);
	lua_call(lua, 2, 1); /* call edits */
	if (!lua_isnil(lua, 2))
		hook_result_edits(lua, 2, call->out, &hooks->edits);
	return 0;
}

void hooks_prepare(void *self, const struct route_request *request, const struct model *model, struct edits *out) {
	struct hooks *hooks = self;
	struct prepare_call call = {hooks, request, model, out};
	struct hook_occasion occasion = hook_occasion_of(request, model);
	if (hook_is_live(&hooks->list[HOOK_PREPARE]) && hook_call(hooks, HOOK_PREPARE, run_prepare, &call, &occasion))
		return;
	*out = (struct edits){.is_undecided = hook_refuses(hooks, HOOK_PREPARE)};
}

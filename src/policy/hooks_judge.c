// SPDX-License-Identifier: Apache-2.0
// The hooks after an attempt: `classify` says what a failure means, `accept` judges a whole response.
#include "policy/hook_call.h"
#include "route/request.h"

struct classify_call {
	struct hooks *hooks;
	const struct failure *failure;
	const struct route_request *request;
	const struct model *model;
	const struct classification *standard; // by default
	struct classification *out;
};

static int run_classify(lua_State *lua) {
	struct classify_call *call = lua_touserdata(lua, 1);
	struct hooks *hooks = call->hooks;
	hook_push(lua, hooks, HOOK_CLASSIFY);
	views_push_failure(lua, &hooks->views, call->failure, call->standard);
	views_push_request(lua, &hooks->views, call->request, route_request_attempts(call->request));
	views_push_model(lua, &hooks->views, call->model);
	lua_call(lua, 3, 2); /* call verdict options */
	if (lua_toboolean(lua, 2))
		call->out->verdict = hook_result_verdict(lua, 2);
	if (!lua_isnil(lua, 3))
		hook_result_classify_options(lua, 3, call->out);
	return 0;
}

void hooks_classify(void *self, const struct failure *failure, const struct route_request *request,
                    const struct model *model, struct classification *out) {
	struct hooks *hooks = self;
	struct classification decided = *out;
	struct classify_call call = {hooks, failure, request, model, out, &decided};
	struct hook_occasion occasion = hook_occasion_of(request, model);
	if (hook_is_live(&hooks->list[HOOK_CLASSIFY]) && hook_call(hooks, HOOK_CLASSIFY, run_classify, &call, &occasion))
		*out = decided;
	else
		out->is_undecided = hook_refuses(hooks, HOOK_CLASSIFY);
}

struct accept_call {
	struct hooks *hooks;
	const struct response *response;
	const struct route_request *request;
	const struct model *model;
	bool accepts;
	struct slice reason;
};

static int run_accept(lua_State *lua) {
	struct accept_call *call = lua_touserdata(lua, 1);
	struct hooks *hooks = call->hooks;
	hook_push(lua, hooks, HOOK_ACCEPT);
	views_push_response(lua, &hooks->views, call->response);
	views_push_request(lua, &hooks->views, call->request, route_request_attempts(call->request));
	views_push_model(lua, &hooks->views, call->model);
	lua_call(lua, 3, 2); /* call accepts reason */
	call->accepts = hook_result_accepts(lua, 2);
	if (!lua_isnil(lua, 3))
		call->reason = hook_result_reason(lua, 3, hooks->accept_reason, sizeof hooks->accept_reason);
	return 0;
}

enum acceptance hooks_accept(void *self, const struct response *response, const struct route_request *request,
                             const struct model *model, struct slice *reason) {
	struct hooks *hooks = self;
	struct accept_call call = {hooks, response, request, model, true, {0}};
	struct hook_occasion occasion = hook_occasion_of(request, model);
	bool decided =
	    hook_is_live(&hooks->list[HOOK_ACCEPT]) && hook_call(hooks, HOOK_ACCEPT, run_accept, &call, &occasion);
	*reason = decided ? call.reason : (struct slice){0};
	if (!decided && hook_refuses(hooks, HOOK_ACCEPT))
		return RESPONSE_UNDECIDED;
	return !decided || call.accepts ? RESPONSE_ACCEPTED : RESPONSE_REFUSED;
}

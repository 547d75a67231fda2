// SPDX-License-Identifier: Apache-2.0
// What the files of the hooks share: hooks.c opens them, hook_call.c calls one, and the others are the decisions:
// hooks_choose.c before an attempt, hooks_judge.c after it, hooks_observe.c beside it.
#ifndef POLICY_HOOK_CALL_H
#define POLICY_HOOK_CALL_H

#include <lauxlib.h>

#include "policy/hooks.h"

// What a hook is called for; both are NULL for `tick`.
struct hook_occasion {
	const struct route_request *request;
	const struct model *model; // that events tell of; may be NULL
	uint64_t now_ms;
};

// Whether the hook is to be called at all: the policy has it, and it isn't benched.
static inline bool hook_is_live(const struct hook *hook) {
	return hook->reference != LUA_NOREF && !hook->disabled;
}

// Runs `body` with `call` as a light userdata at index 1, in one protected, budgeted call. False when the default has
// to decide: the hook has failed, which is logged, told and counted, or the VM is gone.
bool hook_call(struct hooks *hooks, enum hook_kind kind, lua_CFunction body, void *call,
               const struct hook_occasion *occasion);

// The occasion of a request's hook.
struct hook_occasion hook_occasion_of(const struct route_request *request, const struct model *model);

// For bodies: pushes the hook's function.
void hook_push(lua_State *lua, struct hooks *hooks, enum hook_kind kind);

// The functions of struct decide.
void hooks_select(void *self, const struct route_request *request, struct candidates candidates,
                  struct random_source *random, struct selection *out);
void hooks_prepare(void *self, const struct route_request *request, const struct model *model, struct edits *out);
void hooks_classify(void *self, const struct failure *failure, const struct route_request *request,
                    const struct model *model, struct classification *out);
bool hooks_accept(void *self, const struct response *response, const struct route_request *request,
                  const struct model *model, struct slice *reason);
void hooks_finish(void *self, const struct route_request *request, const struct request_result *result);

#endif

// SPDX-License-Identifier: Apache-2.0
// Shared by the files of the hooks: hooks.c opens them, hook_call.c calls one. The decisions are in hooks_choose.c
// (before an attempt), hooks_judge.c (after it) and hooks_observe.c (`finish` and `tick`).
#ifndef POLICY_HOOK_CALL_H
#define POLICY_HOOK_CALL_H

#include <lauxlib.h>

#include "policy/hooks.h"

// What a hook is called for. Request and model are NULL for `tick`.
struct hook_occasion {
	const struct route_request *request;
	const struct model *model; // that events name; may be NULL
	uint64_t now_ms;
};

// Whether to call the hook: the policy defines it, and it is not disabled.
static inline bool hook_is_live(const struct hook *hook) {
	return hook->reference != LUA_NOREF && !hook->disabled;
}

// Runs `body` with `call` as a light userdata at index 1, in one protected call with the hook's budget. Returns false
// when the default decides instead: the hook has failed (logged, counted, observers notified), or the policy is
// retired.
bool hook_call(struct hooks *hooks, enum hook_kind kind, lua_CFunction body, void *call,
               const struct hook_occasion *occasion);

// Whether the policy wants requests refused when the hook fails, rather than decided by the default.
static inline bool hook_refuses(const struct hooks *hooks, enum hook_kind kind) {
	return hooks->list[kind].refuses;
}

// The occasion of a hook that is called for a request.
struct hook_occasion hook_occasion_of(const struct route_request *request, const struct model *model);

// Pushes the hook's Lua function; for use in `body`.
void hook_push(lua_State *lua, struct hooks *hooks, enum hook_kind kind);

// The members of struct decide (route/decide.h).
void hooks_select(void *self, const struct route_request *request, struct candidates candidates,
                  struct random_source *random, struct selection *out);
void hooks_prepare(void *self, const struct route_request *request, const struct model *model, struct edits *out);
void hooks_classify(void *self, const struct failure *failure, const struct route_request *request,
                    const struct model *model, struct classification *out);
enum acceptance hooks_accept(void *self, const struct response *response, const struct route_request *request,
                             const struct model *model, struct slice *reason);
void hooks_finish(void *self, const struct route_request *request, const struct request_result *result);

#endif

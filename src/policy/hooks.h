// SPDX-License-Identifier: Apache-2.0
// The decisions of one worker, made by the hooks in its VM, or by route/defaults when a hook is absent, fails or is
// disabled.
#ifndef POLICY_HOOKS_H
#define POLICY_HOOKS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/problem.h"
#include "policy/hook_result.h"
#include "policy/policy.h"
#include "policy/view.h"
#include "route/decide.h"
#include "route/observer.h"
#include "sandbox/call.h"
#include "sandbox/vm.h"

enum hook_kind { HOOK_SELECT, HOOK_CLASSIFY, HOOK_ACCEPT, HOOK_PREPARE, HOOK_FINISH, HOOK_TICK, HOOK_KINDS };

// One hook of a policy.
struct hook {
	const char *name;
	int reference;  // in the registry; LUA_NOREF when the policy does not define it
	char file[256]; // where it is defined
	int line;
	bool refuses;         // requests, when it fails or is disabled; else the default decides
	unsigned overruns;    // in a row
	atomic_bool disabled; // set by the worker, read from any thread
	uint64_t next_log_ms; // monotonic; its errors are logged at most once a second
	uint64_t unlogged;    // errors since the last one that was logged
};

struct hooks {
	struct decide decide; // its `self` points to this struct
	pthread_mutex_t lock; // held during a call, so that the VM is not closed meanwhile
	struct vm *vm;        // owned; NULL once retired
	struct views views;
	uint64_t instructions; // per call
	struct hook list[HOOK_KINDS];
	const struct observers *observers; // NULL for none
	policy_call_callback on_call;
	void *call_owner;
	// Texts of the latest decisions; each stays valid until the next call of the same hook.
	char select_reason[256], accept_reason[256];
	struct hook_headers select_headers;
	struct hook_edits edits;
	// By a model's index; NULL when the policy has no `tick`.
	double *weights;  // in force
	double *assigned; // by the running `tick`; they come into force when it succeeds
};

// Takes ownership of `vm`, in which the policy's script has run, and looks up the hooks. `pool` and the members of
// `host` are borrowed. 0, or ERROR_MEMORY or ERROR_INVALID with a problem added; call hooks_close in either case.
int hooks_open(struct hooks *hooks, struct vm *vm, const struct pool *pool, const struct policy_host *host,
               const struct policy_limits *limits, const char *file, struct problems *problems);
void hooks_close(struct hooks *hooks);

// Closes the VM, after the running call if there is one; from then on the defaults decide. From any thread.
void hooks_retire(struct hooks *hooks);

// The hook of that index from 0, whether the policy defines it or not; NULL beyond the last.
const struct hook *hooks_at(const struct hooks *hooks, size_t index);

// Whether the policy defines the hook.
bool hooks_has(const struct hooks *hooks, enum hook_kind kind);

// Runs the policy's `tick`. The weights that it assigns come into force when it succeeds.
void hooks_tick(struct hooks *hooks, uint64_t now_ms);

#endif

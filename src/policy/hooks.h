// SPDX-License-Identifier: Apache-2.0
// The decisions of one worker, made by its VM, and by route/defaults where a hook is absent, fails or is benched.
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
	int reference;  // in the registry; LUA_NOREF where the policy has none
	char file[256]; // where it is defined
	int line;
	unsigned overruns;    // in a row
	atomic_bool disabled; // set by the worker, read from any thread
	uint64_t next_log_ms; // its errors are logged once a second
	uint64_t unlogged;
};

struct hooks {
	struct decide decide; // its self is this
	pthread_mutex_t lock; // guards the VM against its retirement; a worker holds it during a call
	struct vm *vm;        // owned; NULL once retired
	struct views views;
	uint64_t instructions; // per call
	struct hook list[HOOK_KINDS];
	const struct observers *observers; // NULL for none
	policy_call_callback on_call;
	void *call_owner;
	// What the latest decisions have said: each stays until the same hook is asked again.
	char select_reason[256], accept_reason[256];
	struct hook_headers select_headers;
	struct hook_edits edits;
	// By a model's index; NULL where the policy has no `tick`.
	double *weights;  // that hold
	double *assigned; // that the running `tick` has assigned; they hold when it ends well
};

// Takes `vm`, in which the policy's script has run, and looks its hooks up. `pool` and what `host` lends are borrowed.
// 0, or ERROR_MEMORY with a problem added; hooks_close is due in either case.
int hooks_open(struct hooks *hooks, struct vm *vm, const struct pool *pool, const struct policy_host *host,
               const struct policy_limits *limits, const char *file, struct problems *problems);
void hooks_close(struct hooks *hooks);

// Closes the VM when no call runs in it: the defaults decide from then on. From any thread.
void hooks_retire(struct hooks *hooks);

// The hook of that index, counted from 0, whether the policy has it or not; NULL beyond the last.
const struct hook *hooks_at(const struct hooks *hooks, size_t index);

bool hooks_has(const struct hooks *hooks, enum hook_kind kind);

// Runs the policy's `tick`; the weights that it assigns hold from its end on.
void hooks_tick(struct hooks *hooks, uint64_t now_ms);

#endif

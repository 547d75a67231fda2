// SPDX-License-Identifier: Apache-2.0
// A policy version: one Lua file, read and validated, with a VM for each worker and the pool that it states. Built as a
// whole or not at all. Reference-counted: requests pin the version that they began under.
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/document.h"
#include "base/error.h"
#include "base/problem.h"
#include "route/decide.h"
#include "route/event.h"
#include "route/model.h"
#include "route/state.h"

struct body_reader;
struct call_report;
struct clock;
struct policy;
struct shared_store;
struct sources;

// What the policies of a process stand on; borrowed, it outlives them.
struct policy_host {
	struct registry *registry;        // where their models' states come from
	struct shared_store *shared;      // what they remember together (policy/shared.h); NULL: nothing
	const struct body_reader *bodies; // may be NULL where no hook looks into one
	const struct clock *clock;        // that their scripts read; NULL: the system's
	uint64_t now_ms;                  // monotonic, of the loading
};

struct policy_limits {
	uint64_t instructions; // per hook call
	uint64_t memory_bytes; // per VM
};

// Reads `path` (NULL: the policy that is built in, which is policies/weighted.lua), runs it in one sandboxed VM for
// each worker and validates what it returns. 0 and *policy with one reference; or
// a status with every mistake in `problems` (file, line where known, field, expected, found).
int policy_load(const char *path, const struct policy_limits *limits, size_t workers, const struct policy_host *host,
                struct problems *problems, struct policy **policy);

// The same from texts: those of a version that ran, or, where they are not closed yet, what is read on the way. They
// are retained by the policy; in either case they are closed afterwards and tell what was read, in vain or not.
int policy_build(struct sources *sources, const struct policy_limits *limits, size_t workers,
                 const struct policy_host *host, struct problems *problems, struct policy **policy);

void policy_retain(struct policy *policy);
// From any thread; the last release closes the VMs, which must not be in a call then.
void policy_release(struct policy *policy);

const struct pool *policy_pool(const struct policy *policy);

// The decisions of one worker's VM; only that worker's thread may call them.
const struct decide *policy_decide(struct policy *policy, size_t worker);

// Who is told of hooks that fail: borrowed for the policy's life, before any hook is called. NULL for none.
void policy_set_observers(struct policy *policy, const struct observers *observers);

// Hears of every call of a hook, also of one that ended well; errors are then not logged, and no hook is benched. For
// rehearsals: of a worker that routes nothing. `exactly` has its VM count each instruction by itself, which slows it.
typedef void (*policy_call_callback)(void *owner, const char *hook, const struct call_report *report);
void policy_on_call(struct policy *policy, size_t worker, policy_call_callback on_call, void *owner);
void policy_count_exactly(struct policy *policy, size_t worker, bool exactly);

// Whether the policy has a `tick`; and one call of it, once a second for each worker, by that worker's thread.
bool policy_has_tick(const struct policy *policy);
void policy_tick(struct policy *policy, size_t worker, uint64_t now_ms);

// Its hooks are not called any more, from now on the defaults decide; closes its VMs. From any thread.
void policy_retire(struct policy *policy);

// What it was built from; lives as long as the policy, or longer by sources_retain.
struct sources *policy_sources(const struct policy *policy);

// The names of all hooks in the order of a request's life, which is that of enum hook_kind; ended by NULL.
extern const char *const policy_hook_names[];

// The names of the hooks that are benched in any worker; they live for ever. From any thread.
enum { POLICY_HOOKS_MAX = 8 };
size_t policy_disabled(const struct policy *policy, const char *names[POLICY_HOOKS_MAX]);

// Where it came from, for logs: the path or "built-in".
const char *policy_source(const struct policy *policy);

#endif

// SPDX-License-Identifier: Apache-2.0
// A version of a policy: one Lua file, read and validated, with a VM for each worker and the pool that it defines. It
// is built as a whole or not at all. Reference-counted: a request holds the version under which it began.
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

// What the policies of a process share; borrowed, it outlives them.
struct policy_host {
	struct registry *registry;        // the states of their models
	struct shared_store *shared;      // behind signalbox.shared; NULL for none
	const struct body_reader *bodies; // how hooks read requests and responses; required
	const struct clock *clock;        // that their scripts read; NULL for the system's
	uint64_t now_ms;                  // monotonic, of the load
};

struct policy_limits {
	uint64_t instructions; // per hook call
	uint64_t memory_bytes; // per VM
};

// Reads `path` (NULL: the built-in policy, policies/weighted.lua), runs it in a sandboxed VM for each worker and
// validates what it returns. 0 and *policy with one reference; or a status with every mistake in `problems` (file, line
// where known, field, expected, found).
int policy_load(const char *path, const struct policy_limits *limits, size_t workers, const struct policy_host *host,
                struct problems *problems, struct policy **policy);

// The same from `sources`: closed ones of an earlier version, or new ones that read the files during the load. The
// policy retains them. Afterwards they are closed, whatever the status, and list the files that were read or missing.
int policy_build(struct sources *sources, const struct policy_limits *limits, size_t workers,
                 const struct policy_host *host, struct problems *problems, struct policy **policy);

void policy_retain(struct policy *policy);
// From any thread; the last release closes the VMs, which must not be in a call then.
void policy_release(struct policy *policy);

const struct pool *policy_pool(const struct policy *policy);

// The decisions of one worker's VM; only that worker's thread may call them.
const struct decide *policy_decide(struct policy *policy, size_t worker);

// Sets the observers that are notified of hooks that fail or are disabled; NULL for none. Borrowed for the policy's
// life. Call it before any hook is called.
void policy_set_observers(struct policy *policy, const struct observers *observers);

// Sets a callback for every call of a hook in that worker's VM, successful or not. Errors are then not logged and no
// hook is disabled: this is for dry runs, in a worker without traffic.
typedef void (*policy_call_callback)(void *owner, const char *hook, const struct call_report *report);
void policy_on_call(struct policy *policy, size_t worker, policy_call_callback on_call, void *owner);

// Makes that worker's VM count single instructions, which slows it.
void policy_count_exactly(struct policy *policy, size_t worker, bool exactly);

// Whether the policy has a `tick`. Each worker's thread calls it through policy_tick once a second.
bool policy_has_tick(const struct policy *policy);
// Whether any hook sees requests, and may read their bodies.
bool policy_sees_requests(const struct policy *policy);
void policy_tick(struct policy *policy, size_t worker, uint64_t now_ms);

// Closes the VMs. Hooks are no longer called; from then on the defaults decide. From any thread.
void policy_retire(struct policy *policy);

// What the policy was built from; borrowed from it, sources_retain keeps it longer.
struct sources *policy_sources(const struct policy *policy);

// The names of all hooks, in the order of enum hook_kind; ended by NULL.
extern const char *const policy_hook_names[];

// Fills in the names (static strings) of the hooks that are disabled in any worker and returns their number. From any
// thread.
enum { POLICY_HOOKS_MAX = 8 };
size_t policy_disabled(const struct policy *policy, const char *names[POLICY_HOOKS_MAX]);

// The same of the hooks that refuse requests when they fail or are disabled (`on_error`), disabled or not.
size_t policy_refusing(const struct policy *policy, const char *names[POLICY_HOOKS_MAX]);

// The policy's origin for logs: the path or "built-in".
const char *policy_source(const struct policy *policy);

#endif

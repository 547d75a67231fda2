// SPDX-License-Identifier: Apache-2.0
// Drives single requests through the real request machine and the real hooks, in virtual time and without a network. A
// driver has a policy version, a registry and a shared store of its own, so that it affects no traffic. A callback gets
// each decision.
#ifndef LAB_DRIVER_H
#define LAB_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/problem.h"
#include "lab/presets.h"
#include "policy/policy.h"
#include "route/request.h"
#include "sandbox/call.h"

// A moment of a request.
enum moment {
	MOMENT_NEVER,
	MOMENT_SENT,      // an attempt is in flight and has no response yet
	MOMENT_STREAMING, // a streamed response has begun
	MOMENT_WAITING,   // no attempt is in flight: every model is in cooldown, or a retry is due later
};

// How the attempts of a request end.
struct course {
	struct failure failure;
	uint32_t failures;               // how many models fail with it, at each of their attempts
	bool breaks_off;                 // a stream fails after its response has begun
	const struct response *response; // of the attempt that succeeds; NULL: an ordinary one
	enum moment client_leaves;
	enum moment gateway_stops;
};

// One decision. Borrowed for the call.
struct driver_decision {
	const char *hook;
	const struct model *model;        // that it concerns; NULL for none
	const struct call_report *report; // of the hook's call; NULL if the policy lacks the hook or it wasn't called
	uint64_t cpu_ns;                  // processor time of the decision
	bool is_undecided;                // the hook failed, and the policy refuses the request then
	const struct selection *selection;
	const struct classification *classification;
	const struct edits *edits;
	enum acceptance acceptance;
	struct slice reason; // of a refusal
};

typedef void (*driver_callback)(void *owner, const struct driver_decision *decision);

struct driver {
	struct policy *policy;
	struct policy_host host;
	struct arena arena; // of the current preset and request
	struct random_source random;
	struct decide decide;            // what routing asks: calls policy_own and reports each decision
	const struct decide *policy_own; // the policy's decisions
	struct preset_attempt *held;     // attempts that the preset keeps in flight
	uint64_t now_ms;
	struct clock clock;    // that scripts read; it advances with now_ms only
	int64_t wall_begin_ms; // wall-clock time at the driver's beginning
	bool is_called;        // the current decision has called a hook
	struct call_report report;
	driver_callback on_decision; // NULL: none
	void *owner;                 // its first argument
};

// Loads the policy of `sources`, which are closed. 0, or a status with problems added. Call driver_close in either
// case.
int driver_open(struct driver *driver, struct sources *sources, const struct policy_limits *limits,
                const struct body_reader *bodies, struct problems *problems);
void driver_close(struct driver *driver);

// Advances the time by an hour, so that earlier requests have no effect, and brings the models that serve `asked` into
// the preset. False if the preset is impossible with this pool or would equal another.
bool driver_set(struct driver *driver, enum preset preset, struct slice asked);

// Runs one request to its end and returns its last step.
struct step driver_play(struct driver *driver, const struct request_attributes *attributes,
                        const struct course *course);

// Advances the time by a second and calls `tick`.
void driver_tick(struct driver *driver);

#endif

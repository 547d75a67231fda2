// SPDX-License-Identifier: Apache-2.0
// A policy on a stage: a version of its own, with models whose states nobody else touches, in virtual time. Single
// requests are played through the real request machine and the real hooks; each decision is told as it is made.
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
	MOMENT_SENT,      // an attempt is under way, without an answer yet
	MOMENT_STREAMING, // a streamed answer has begun
	MOMENT_WAITING,   // every model rests
};

// What becomes of a request's attempts.
struct course {
	struct failure failure;
	uint32_t failures;               // so many models fail with it, at each attempt
	bool breaks_off;                 // streams fail after their answer has begun
	const struct response *response; // of the attempt that succeeds; NULL for an ordinary one
	enum moment client_leaves;
	enum moment gateway_stops;
};

// One decision. Borrowed for the call.
struct driver_decision {
	const char *hook;
	const struct model *model;        // that it is about; NULL for none
	const struct call_report *report; // of the hook's call; NULL where the policy has none, or it wasn't called
	uint64_t cpu_ns;                  // that the decision took
	const struct selection *selection;
	const struct classification *classification;
	const struct edits *edits;
	bool accepted;
	struct slice reason; // why not
};

typedef void (*driver_callback)(void *owner, const struct driver_decision *decision);

struct driver {
	struct policy *policy;
	struct policy_host host;
	struct arena arena; // of what is being played
	struct random_source random;
	struct decide decide;            // tells, and asks the policy's own
	const struct decide *policy_own; // decisions
	struct preset_attempt *held;     // of the scenery
	uint64_t now_ms;
	struct clock clock;    // that the hooks read: it stands and moves with now_ms
	int64_t wall_begin_ms; // where it began
	bool is_called;        // a hook has been, in the decision under way
	struct call_report report;
	driver_callback on_decision;
	void *owner;
};

// Loads the policy of `sources`, which are closed. 0, or a status with problems added; driver_close is due in either
// case.
int driver_open(struct driver *driver, struct sources *sources, const struct policy_limits *limits,
                const struct body_reader *bodies, struct problems *problems);
void driver_close(struct driver *driver);

// Lets an hour pass, so that what was before is forgotten, and puts the models that serve `asked` into the scenery.
// False where this pool has no such scenery, or where it would be the same as another.
bool driver_set(struct driver *driver, enum preset preset, struct slice asked);

// Plays one request to its end and answers with its last step.
struct step driver_play(struct driver *driver, const struct request_attributes *attributes,
                        const struct course *course);

// A second goes by, with a call of `tick`.
void driver_tick(struct driver *driver);

#endif

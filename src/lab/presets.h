// SPDX-License-Identifier: Apache-2.0
// Bringing models into a state by what brings them there under traffic: attempts that succeed, fail and are throttled,
// settled by the real request machine.
#ifndef LAB_PRESETS_H
#define LAB_PRESETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "route/model.h"

// How the models stand when a request comes. "First" is the first primary that serves what is asked.
enum preset {
	MODELS_NEW,      // nothing is known of them yet
	MODELS_MEASURED, // each has answered at a pace of its own, some have attempts in flight
	FIRST_OPEN,      // its breaker
	FIRST_HALF_OPEN,
	FIRST_RESTS,
	FIRST_SPENT, // its quota
	PRIMARIES_OPEN,
	LAST_LEFT, // the breakers of all but one are open
	ALL_REST,
	ALL_OPEN,
};

struct preset_attempt;

// Lets an hour pass and forgets breakers and rests, then puts the models that serve `asked` into the scenery. Attempts
// that stay in flight are put into `held` and live in the arena. False where this pool has no such scenery, or where it
// would be the same as another.
bool preset_set(const struct pool *pool, enum preset preset, struct slice asked, struct arena *arena, uint64_t *now_ms,
                struct preset_attempt **held);

// Ends the attempts that preset_set left in flight; before their arena is freed.
void preset_clear(struct preset_attempt *held, uint64_t now_ms);

#endif

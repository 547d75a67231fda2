// SPDX-License-Identifier: Apache-2.0
// Brings models into a state by what causes it under traffic: attempts that succeed, fail or are throttled, settled by
// the real request machine.
#ifndef LAB_PRESETS_H
#define LAB_PRESETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "route/model.h"

// The models' states when a request arrives. "First" is the first primary that serves the model asked for.
enum preset {
	MODELS_NEW,      // without any traffic
	MODELS_MEASURED, // with latencies that differ by model, some with attempts in flight
	FIRST_OPEN,      // its breaker
	FIRST_HALF_OPEN,
	FIRST_IN_COOLDOWN,
	FIRST_QUOTA_USED,
	PRIMARIES_OPEN,
	LAST_LEFT, // the breakers of all but one are open
	ALL_IN_COOLDOWN,
	ALL_OPEN,
};

struct preset_attempt;

// Advances the time by an hour, resets breakers and cooldowns, then brings the models that serve `asked` into the
// preset. Attempts that stay in flight are added to `held` and live in the arena. False if the preset is impossible
// with this pool or would equal another.
bool preset_set(const struct pool *pool, enum preset preset, struct slice asked, struct arena *arena, uint64_t *now_ms,
                struct preset_attempt **held);

// Ends the attempts that preset_set left in flight; to be called before their arena is freed.
void preset_clear(struct preset_attempt *held, uint64_t now_ms);

#endif

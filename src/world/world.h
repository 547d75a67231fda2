// SPDX-License-Identifier: Apache-2.0
// All the models of a running scenario, by id.
#ifndef WORLD_WORLD_H
#define WORLD_WORLD_H

#include <stddef.h>

#include "world/behaviour.h"

struct world;

// How many unlisted ids a "*" entry creates models for. Further ids share one behaviour under the id "*", so that a
// client can't make a world grow without limit.
enum { WORLD_UNLISTED_MAX = 1000 };

// `scenario` is borrowed and outlives the world. Models that the scenario lists exist from the start.
struct world *world_new(const struct scenario *scenario);
// Every visit must have left.
void world_free(struct world *world);

// The model's behaviour, or NULL if the scenario neither lists it nor has "*". Lives as long as the world.
struct behaviour *world_find(struct world *world, struct slice id);

// All behaviours in order of creation; those that the scenario lists come first, by id.
size_t world_count(const struct world *world);
struct behaviour *world_at(const struct world *world, size_t index);

// Adjusts every model, including those that are created later.
void world_adjust_all(struct world *world, const struct adjustment *adjustment);

// Clears all adjustments, quota counters and prompt caches.
void world_reset(struct world *world);

#endif

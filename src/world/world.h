// SPDX-License-Identifier: Apache-2.0
// All the models of a running scenario, by id.
#ifndef WORLD_WORLD_H
#define WORLD_WORLD_H

#include <stddef.h>

#include "world/behaviour.h"

struct world;

// Unlisted ids that a "*" entry makes models of; beyond that many, further ones share one behaviour under the id "*",
// so that a client can't make a world grow without end.
enum { WORLD_UNLISTED_MAX = 1000 };

// `scenario` is borrowed and outlives the world. Models that the scenario lists exist from the start.
struct world *world_new(const struct scenario *scenario);
// Every visit must have left.
void world_free(struct world *world);

// The model's behaviour, or NULL where the scenario neither lists it nor has "*". Lives as long as the world.
struct behaviour *world_find(struct world *world, struct slice id);

// All behaviours in order of creation, which is by id for those that the scenario lists.
size_t world_count(const struct world *world);
struct behaviour *world_at(const struct world *world, size_t index);

// Adjusts every model, those too that are asked for later on.
void world_adjust_all(struct world *world, const struct adjustment *adjustment);

// Forgets all adjustments, what quotas have counted, and what prompt caches keep.
void world_reset(struct world *world);

#endif

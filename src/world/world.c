// SPDX-License-Identifier: Apache-2.0
// Models are kept in order of creation, which gives each its index, and sorted by id for the search. A model's address
// never changes.
#include "world/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct world {
	const struct scenario *scenario;
	const struct scenario_model *unlisted; // the "*" entry, or NULL
	struct adjustment adjustment;          // of all models, for those that are created later
	struct behaviour **created;            // in order of creation
	struct behaviour **sorted;             // by id
	size_t count;
	size_t capacity;
	size_t listed;
};

static int compare_ids(struct slice id, const char *other) {
	size_t length = strlen(other);
	int order = memcmp(id.ptr ? id.ptr : "", other, id.len < length ? id.len : length);
	return order ? order : (id.len > length) - (id.len < length);
}

// The place of the id in `sorted`, or the place to insert it.
static size_t world_find_place(const struct world *world, struct slice id, bool *found) {
	size_t low = 0, high = world->count;
	*found = false;
	while (low < high && !*found) {
		size_t middle = low + (high - low) / 2;
		int order = compare_ids(id, world->sorted[middle]->id);
		*found = order == 0;
		if (order <= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return *found ? high : low;
}

static struct behaviour *world_create(struct world *world, const struct scenario_model *rules, struct slice id,
                                      size_t place) {
	if (world->count == world->capacity) {
		world->capacity = world->capacity ? world->capacity * 2 : 16;
		world->created = memory_resize(world->created, world->capacity, sizeof *world->created);
		world->sorted = memory_resize(world->sorted, world->capacity, sizeof *world->sorted);
	}
	struct behaviour *behaviour = memory_new(1, sizeof *behaviour);
	behaviour_init(behaviour, rules, &world->scenario->traffic, id, world->scenario->seed);
	behaviour->index = world->count;
	behaviour_adjust(behaviour, &world->adjustment);
	memmove(world->sorted + place + 1, world->sorted + place, (world->count - place) * sizeof *world->sorted);
	world->sorted[place] = behaviour;
	world->created[world->count++] = behaviour;
	return behaviour;
}

struct world *world_new(const struct scenario *scenario) {
	struct world *world = memory_new(1, sizeof *world);
	world->scenario = scenario;
	world->adjustment = adjustment_none();
	for (size_t i = 0; i < scenario->models.count; i++) {
		const struct scenario_model *rules = &scenario->models.list[i];
		if (strcmp(rules->id, "*") == 0)
			world->unlisted = rules;
		else
			world_create(world, rules, slice_from(rules->id), world->count);
	}
	world->listed = world->count;
	return world;
}

void world_free(struct world *world) {
	for (size_t i = 0; i < world->count; i++) {
		behaviour_free(world->created[i]);
		free(world->created[i]);
	}
	free(world->created);
	free(world->sorted);
	free(world);
}

struct behaviour *world_find(struct world *world, struct slice id) {
	bool found;
	size_t place = world_find_place(world, id, &found);
	if (found)
		return world->sorted[place];
	if (!world->unlisted)
		return NULL;
	if (world->count - world->listed >= WORLD_UNLISTED_MAX) {
		id = SLICE("*");
		place = world_find_place(world, id, &found);
	}
	return found ? world->sorted[place] : world_create(world, world->unlisted, id, place);
}

size_t world_count(const struct world *world) {
	return world->count;
}

struct behaviour *world_at(const struct world *world, size_t index) {
	return world->created[index];
}

void world_adjust_all(struct world *world, const struct adjustment *adjustment) {
	struct behaviour later = {.adjustment = world->adjustment};
	behaviour_adjust(&later, adjustment);
	world->adjustment = later.adjustment;
	for (size_t i = 0; i < world->count; i++)
		behaviour_adjust(world->created[i], adjustment);
}

void world_reset(struct world *world) {
	world->adjustment = adjustment_none();
	for (size_t i = 0; i < world->count; i++) {
		struct behaviour *behaviour = world->created[i];
		behaviour->adjustment = adjustment_none();
		behaviour->requests = (struct quota_counter){0};
		behaviour->tokens = (struct quota_counter){0};
		prompt_cache_free(&behaviour->prompt_cache);
	}
}

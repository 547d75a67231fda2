// SPDX-License-Identifier: Apache-2.0
// Models by id, those of the "*" entry, and adjustments of all.
#include "../check.h"

#include "world/world.h"

#include "base/problem.h"
#include "build.h"

static const char *const no_exceptions[] = {NULL};

static void read(struct scenario *scenario, bool unlisted) {
	struct document document = {0};
	struct problems problems = {0};
	put_table(&document, "models/zebra");
	put_number(&document, "models/ant/quota/rpm", 1);
	put_table(&document, "models/m");
	if (unlisted)
		put_number(&document, "models/*/concurrency", 7);
	CHECK_INT(scenario_read(&document, "w", no_exceptions, &problems, scenario), 0);
	problems_free(&problems);
	document_free(&document);
}

TEST(listed_models_are_found) {
	struct scenario scenario;
	read(&scenario, false);
	struct world *world = world_new(&scenario);
	CHECK_INT(world_count(world), 3);
	static const char *const ids[] = {"ant", "m", "zebra"};
	for (size_t i = 0; i < 3; i++) {
		struct behaviour *behaviour = world_find(world, slice_from(ids[i]));
		CHECK(behaviour == world_at(world, i));
		CHECK_STRING(behaviour->id, ids[i]);
		CHECK_INT(behaviour->index, i);
	}
	static const char *const strangers[] = {"", "a", "an", "ants", "n", "zzz", "*"};
	for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
		CHECK(!world_find(world, slice_from(strangers[i])));
	CHECK_INT(world_count(world), 3);
	world_free(world);
	scenario_free(&scenario);
}

TEST(unlisted_models_are_made_within_bounds) {
	struct scenario scenario;
	char id[32];
	read(&scenario, true);
	struct world *world = world_new(&scenario);
	CHECK_INT(world_count(world), 3);
	struct behaviour *stranger = world_find(world, SLICE("bee"));
	CHECK_INT(stranger->rules->concurrency, 7);
	CHECK(world_find(world, SLICE("bee")) == stranger);
	CHECK(world_find(world, SLICE("ant"))->rules->concurrency == 0);
	for (int i = 0; i < 3 * WORLD_UNLISTED_MAX; i++) {
		snprintf(id, sizeof id, "id-%d", i);
		CHECK(world_find(world, slice_from(id)));
	}
	CHECK_INT(world_count(world), 3 + WORLD_UNLISTED_MAX + 1);
	CHECK_STRING(world_find(world, SLICE("one-more"))->id, "*");
	CHECK_STRING(world_find(world, SLICE("id-998"))->id, "id-998");
	CHECK(world_find(world, SLICE("bee")) == stranger);
	world_free(world);
	scenario_free(&scenario);
}

static double latency_of(struct world *world, struct slice id) {
	struct visit visit = {0};
	visit_arrive(&visit, world_find(world, id), &(struct load_demand){.input_tokens = 1, .max_tokens = 1}, 0);
	double latency = visit.plan.first_ms;
	visit_leave(&visit);
	return latency;
}

TEST(adjusting_all_reaches_later_models_until_the_reset) {
	struct scenario scenario;
	read(&scenario, true);
	struct world *world = world_new(&scenario);
	struct adjustment adjustment = adjustment_none();
	adjustment.latency_ms = 5;
	world_adjust_all(world, &adjustment);
	CHECK_NEAR(latency_of(world, SLICE("ant")), 5, 0);
	CHECK_NEAR(latency_of(world, SLICE("late")), 5, 0);
	world_reset(world);
	CHECK(latency_of(world, SLICE("late")) > 10);
	CHECK(latency_of(world, SLICE("later")) > 10);
	CHECK(latency_of(world, SLICE("ant")) > 10); // its quota of one request a minute was restored
	CHECK_INT(world_at(world, 0)->requests.total, 1);
	world_free(world);
	scenario_free(&scenario);
}

int main(void) {
	RUN(listed_models_are_found);
	RUN(unlisted_models_are_made_within_bounds);
	RUN(adjusting_all_reaches_later_models_until_the_reset);
	return check_summary();
}

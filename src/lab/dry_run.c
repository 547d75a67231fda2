// SPDX-License-Identifier: Apache-2.0
// Each situation before an attempt has a stage of its own, so that none depends on those before it. Each is played
// several times: once with every instruction counted, then at the pace of traffic, for the time it takes and for what
// is left to chance.
#include "lab/dry_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/problem.h"
#include "lab/cases.h"
#include "lab/samples.h"
#include "sandbox/sources.h"

enum { TAKES = 100, FEW_TAKES = 3, MODELS_PLAYED = 2000, SITUATION_BYTES = 2300 };

enum { HOOK_COUNT = 6 };

// One situation being played.
struct run {
	const struct dry_run_case *dry_run_case;
	struct driver *driver;
	struct observation observations[HOOK_COUNT];
	uint32_t heard[HOOK_COUNT]; // decisions of the take
	bool counts_exactly;
	struct step last;
};

static void hear(void *owner, const struct driver_decision *decision) {
	struct run *run = owner;
	uint32_t about = run->dry_run_case->occasion ? run->dry_run_case->occasion : 1;
	for (size_t i = 0; i < HOOK_COUNT; i++) {
		if (strcmp(policy_hook_names[i], decision->hook) != 0)
			continue;
		observation_count(&run->observations[i], decision, run->counts_exactly);
		if (++run->heard[i] == about && (run->dry_run_case->about & 1u << i))
			observation_note(&run->observations[i], decision);
	}
}

static void play_take(struct run *run, const struct request_attributes *attributes) {
	memset(run->heard, 0, sizeof run->heard);
	for (uint32_t i = 0; i < run->dry_run_case->ticks; i++)
		driver_tick(run->driver);
	run->last = driver_play(run->driver, attributes, &run->dry_run_case->course);
}

static size_t takes_of(const struct dry_run_case *dry_run_case, size_t models) {
	size_t takes = MODELS_PLAYED / models;
	if (dry_run_case->is_brief || takes < FEW_TAKES)
		return FEW_TAKES;
	return takes < TAKES ? takes : TAKES;
}

// Doing it again would tell no more, and may take long.
static bool has_gone_wrong(const struct run *run) {
	for (size_t i = 0; i < HOOK_COUNT; i++)
		if (run->observations[i].mistakes)
			return true;
	return false;
}

// False where there is no such scenery, or no such hook.
static bool play(struct run *run, struct slice asked, size_t body_bytes) {
	const struct dry_run_case *dry_run_case = run->dry_run_case;
	const struct pool *pool = policy_pool(run->driver->policy);
	struct sample sample;
	if (dry_run_case->ticks && !policy_has_tick(run->driver->policy))
		return false;
	sample_init(&sample, dry_run_case->request, pool, run->driver->host.bodies, asked, body_bytes);
	size_t takes = takes_of(dry_run_case, pool->count);
	bool is_set = true;
	for (size_t take = 0; take < takes && is_set && !has_gone_wrong(run); take++) {
		run->counts_exactly = take == 0;
		policy_count_exactly(run->driver->policy, 0, run->counts_exactly);
		is_set = driver_set(run->driver, dry_run_case->preset, asked);
		if (is_set)
			play_take(run, &sample.attributes);
	}
	sample_free(&sample);
	return is_set;
}

static void keep(struct dry_run *dry_run, struct observation *observation, const struct pool *pool) {
	observation_close(observation, pool);
	dry_run->observations = memory_resize(dry_run->observations, dry_run->count + 1, sizeof *dry_run->observations);
	dry_run->observations[dry_run->count++] = *observation;
	dry_run->mistakes += observation->mistakes > 0;
}

static void keep_observations(struct dry_run *dry_run, struct run *run, bool is_played) {
	const struct pool *pool = policy_pool(run->driver->policy);
	for (size_t i = 0; i < HOOK_COUNT; i++) {
		struct observation *observation = &run->observations[i];
		bool unasked = is_played && i == 0 && (run->dry_run_case->about & ABOUT_SELECT) && !observation->decisions;
		if (unasked)
			observation_note_unasked(observation, &run->last);
		if (unasked || observation->decisions || observation->mistakes)
			keep(dry_run, observation, pool);
		else
			observation_free(observation);
	}
}

struct players {
	const struct dry_run_plan *plan;
	struct problems *problems;
	struct dry_run *dry_run;
	char *names[SAMPLE_NAMES]; // what may be asked for
	size_t name_count;
};

static void dry_run_on(struct players *players, struct driver *driver, const struct dry_run_case *dry_run_case,
                       const char *asked) {
	struct run run = {.dry_run_case = dry_run_case, .driver = driver};
	driver->on_decision = hear;
	driver->owner = &run;
	for (size_t i = 0; i < HOOK_COUNT; i++)
		observation_init(&run.observations[i], policy_hook_names[i], dry_run_case->name,
		                 policy_pool(driver->policy)->count);
	bool is_played = play(&run, slice_from(asked), players->plan->body_bytes);
	keep_observations(players->dry_run, &run, is_played);
}

// On a stage of its own.
static int dry_run_one(struct players *players, const struct dry_run_case *dry_run_case, const char *asked) {
	struct driver driver;
	int rc =
	    driver_open(&driver, players->plan->sources, &players->plan->limits, players->plan->bodies, players->problems);
	if (rc == 0)
		dry_run_on(players, &driver, dry_run_case, asked);
	driver_close(&driver);
	return rc;
}

// A situation for each further name that clients may ask for.
static int dry_run_names(struct players *players) {
	int rc = 0;
	for (size_t i = 1; i < players->name_count && rc == 0; i++) {
		char text[SITUATION_BYTES];
		snprintf(text, sizeof text, "\"%s\" asked for", players->names[i]);
		struct dry_run_case dry_run_case = {.name = text, .about = ABOUT_SELECT, .preset = MODELS_NEW};
		rc = dry_run_one(players, &dry_run_case, players->names[i]);
	}
	return rc;
}

static void dry_run_failures(struct players *players, struct driver *driver) {
	for (size_t i = 0; i < players->plan->failure_count; i++) {
		const struct dry_run_failure *failure = &players->plan->failures[i];
		struct dry_run_case dry_run_case = {.name = failure->name,
		                                    .about = ABOUT_CLASSIFY,
		                                    .preset = MODELS_NEW,
		                                    .is_brief = true,
		                                    .course = {.failure = failure->failure, .failures = 1}};
		dry_run_on(players, driver, &dry_run_case, players->names[0]);
	}
}

static void dry_run_responses(struct players *players, struct driver *driver) {
	for (const struct sample_response *response = sample_responses; response->name; response++) {
		struct dry_run_case dry_run_case = {.name = response->name,
		                                    .about = ABOUT_ACCEPT,
		                                    .preset = MODELS_NEW,
		                                    .request = response->asked_by,
		                                    .is_brief = true,
		                                    .course = {.response = &response->response}};
		dry_run_on(players, driver, &dry_run_case, players->names[0]);
	}
}

// What comes of attempts, all on one stage: there is much of it, and it hardly depends on what was before.
static int dry_run_ends(struct players *players) {
	struct driver driver;
	int rc =
	    driver_open(&driver, players->plan->sources, &players->plan->limits, players->plan->bodies, players->problems);
	if (rc == 0) {
		dry_run_failures(players, &driver);
		if (driver.decide.accept)
			dry_run_responses(players, &driver);
	}
	driver_close(&driver);
	return rc;
}

// Loads the policy once to see what clients may ask it for.
static int learn(struct players *players) {
	struct driver driver;
	int rc =
	    driver_open(&driver, players->plan->sources, &players->plan->limits, players->plan->bodies, players->problems);
	if (rc == 0)
		players->name_count = sample_names(policy_pool(driver.policy), players->names);
	driver_close(&driver);
	return rc;
}

int dry_run_perform(const struct dry_run_plan *plan, struct problems *problems, struct dry_run *dry_run) {
	struct players players = {.plan = plan, .problems = problems, .dry_run = dry_run};
	*dry_run = (struct dry_run){0};
	int rc = learn(&players);
	for (const struct dry_run_case *dry_run_case = dry_run_cases; dry_run_case->name && rc == 0; dry_run_case++)
		rc = dry_run_one(&players, dry_run_case, players.names[0]);
	if (rc == 0)
		rc = dry_run_names(&players);
	if (rc == 0)
		rc = dry_run_ends(&players);
	for (size_t i = 0; i < players.name_count; i++)
		free(players.names[i]);
	return rc;
}

void dry_run_free(struct dry_run *dry_run) {
	for (size_t i = 0; i < dry_run->count; i++)
		observation_free(&dry_run->observations[i]);
	free(dry_run->observations);
	*dry_run = (struct dry_run){0};
}

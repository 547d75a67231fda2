// SPDX-License-Identifier: Apache-2.0
// Each case of the table has a driver of its own, so that none depends on those before it. A case is run in several
// takes: the first counts every instruction, the others run at full speed to measure processor time and to sample
// random choices.
#include "lab/dry_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/problem.h"
#include "lab/cases.h"
#include "lab/samples.h"
#include "sandbox/sources.h"

enum { TAKES = 100, FEW_TAKES = 3, MODELS_PLAYED = 2000, CASE_NAME_BYTES = 2300 };

enum { HOOK_COUNT = 6 };

// One case on a driver.
struct run {
	const struct dry_run_case *row;
	struct driver *driver;
	struct observation observations[HOOK_COUNT];
	uint32_t decisions[HOOK_COUNT]; // in this take
	bool counts_exactly;
	struct step last;
};

static void run_on_decision(void *owner, const struct driver_decision *decision) {
	struct run *run = owner;
	uint32_t occasion = run->row->occasion ? run->row->occasion : 1;
	for (size_t i = 0; i < HOOK_COUNT; i++) {
		if (strcmp(policy_hook_names[i], decision->hook) != 0)
			continue;
		observation_count(&run->observations[i], decision, run->counts_exactly);
		if (++run->decisions[i] == occasion && (run->row->about & 1u << i))
			observation_note(&run->observations[i], decision);
	}
}

static void run_take(struct run *run, const struct request_attributes *attributes) {
	memset(run->decisions, 0, sizeof run->decisions);
	for (uint32_t i = 0; i < run->row->ticks; i++)
		driver_tick(run->driver);
	run->last = driver_play(run->driver, attributes, &run->row->course);
}

static size_t count_takes(const struct dry_run_case *row, size_t models) {
	size_t takes = MODELS_PLAYED / models;
	if (row->is_brief || takes < FEW_TAKES)
		return FEW_TAKES;
	return takes < TAKES ? takes : TAKES;
}

// Further takes would show nothing new then, and may take long.
static bool has_mistake(const struct run *run) {
	for (size_t i = 0; i < HOOK_COUNT; i++)
		if (run->observations[i].mistakes)
			return true;
	return false;
}

// False if the preset is impossible, or the case needs a `tick` that the policy lacks.
static bool run_takes(struct run *run, struct slice asked, size_t body_bytes) {
	const struct pool *pool = policy_pool(run->driver->policy);
	struct sample sample;
	if (run->row->ticks && !policy_has_tick(run->driver->policy))
		return false;
	sample_init(&sample, run->row->request, pool, run->driver->host.bodies, asked, body_bytes);
	size_t takes = count_takes(run->row, pool->count);
	bool is_set = true;
	for (size_t take = 0; take < takes && is_set && !has_mistake(run); take++) {
		run->counts_exactly = take == 0;
		policy_count_exactly(run->driver->policy, 0, run->counts_exactly);
		is_set = driver_set(run->driver, run->row->preset, asked);
		if (is_set)
			run_take(run, &sample.attributes);
	}
	sample_free(&sample);
	return is_set;
}

static void keep_observation(struct dry_run *dry_run, struct observation *observation, const struct pool *pool) {
	observation_close(observation, pool);
	dry_run->observations = memory_resize(dry_run->observations, dry_run->count + 1, sizeof *dry_run->observations);
	dry_run->observations[dry_run->count++] = *observation;
	dry_run->mistakes += observation->mistakes > 0;
}

static void keep_observations(struct dry_run *dry_run, struct run *run, bool has_run) {
	const struct pool *pool = policy_pool(run->driver->policy);
	for (size_t i = 0; i < HOOK_COUNT; i++) {
		struct observation *observation = &run->observations[i];
		bool unasked = has_run && i == 0 && (run->row->about & ABOUT_SELECT) && !observation->decisions;
		if (unasked)
			observation_note_unasked(observation, &run->last);
		if (unasked || observation->decisions || observation->mistakes)
			keep_observation(dry_run, observation, pool);
		else
			observation_free(observation);
	}
}

// What all cases share.
struct session {
	const struct dry_run_plan *plan;
	struct problems *problems;
	struct dry_run *dry_run;
	char *names[SAMPLE_NAMES]; // that clients may ask for
	size_t name_count;
};

static int open_driver(struct session *session, struct driver *driver) {
	const struct dry_run_plan *plan = session->plan;
	return driver_open(driver, plan->sources, &plan->limits, plan->bodies, session->problems);
}

static void run_case_on(struct session *session, struct driver *driver, const struct dry_run_case *row,
                        const char *asked) {
	struct run run = {.row = row, .driver = driver};
	driver->on_decision = run_on_decision;
	driver->owner = &run;
	for (size_t i = 0; i < HOOK_COUNT; i++)
		observation_init(&run.observations[i], policy_hook_names[i], row->name, policy_pool(driver->policy)->count);
	bool has_run = run_takes(&run, slice_from(asked), session->plan->body_bytes);
	keep_observations(session->dry_run, &run, has_run);
}

static int run_case(struct session *session, const struct dry_run_case *row, const char *asked) {
	struct driver driver;
	int rc = open_driver(session, &driver);
	if (rc == 0)
		run_case_on(session, &driver, row, asked);
	driver_close(&driver);
	return rc;
}

// The first name is that of all other cases.
static int run_further_names(struct session *session) {
	int rc = 0;
	for (size_t i = 1; i < session->name_count && rc == 0; i++) {
		char text[CASE_NAME_BYTES];
		snprintf(text, sizeof text, "\"%s\" asked for", session->names[i]);
		struct dry_run_case row = {.name = text, .about = ABOUT_SELECT, .preset = MODELS_NEW};
		rc = run_case(session, &row, session->names[i]);
	}
	return rc;
}

static void run_failures(struct session *session, struct driver *driver) {
	for (size_t i = 0; i < session->plan->failure_count; i++) {
		const struct dry_run_failure *failure = &session->plan->failures[i];
		struct dry_run_case row = {.name = failure->name,
		                           .about = ABOUT_CLASSIFY,
		                           .preset = MODELS_NEW,
		                           .is_brief = true,
		                           .course = {.failure = failure->failure, .failures = 1}};
		run_case_on(session, driver, &row, session->names[0]);
	}
}

static void run_responses(struct session *session, struct driver *driver) {
	for (const struct sample_response *response = sample_responses; response->name; response++) {
		struct dry_run_case row = {.name = response->name,
		                           .about = ABOUT_ACCEPT,
		                           .preset = MODELS_NEW,
		                           .request = response->asked_by,
		                           .is_brief = true,
		                           .course = {.response = &response->response}};
		run_case_on(session, driver, &row, session->names[0]);
	}
}

// All on one driver, since these cases are many and hardly depend on those before.
static int run_attempt_ends(struct session *session) {
	struct driver driver;
	int rc = open_driver(session, &driver);
	if (rc == 0) {
		run_failures(session, &driver);
		if (driver.decide.accept)
			run_responses(session, &driver);
	}
	driver_close(&driver);
	return rc;
}

// Loads the policy once to read the names that clients may ask for.
static int read_names(struct session *session) {
	struct driver driver;
	int rc = open_driver(session, &driver);
	if (rc == 0)
		session->name_count = sample_names(policy_pool(driver.policy), session->names);
	driver_close(&driver);
	return rc;
}

int dry_run_perform(const struct dry_run_plan *plan, struct problems *problems, struct dry_run *dry_run) {
	struct session session = {.plan = plan, .problems = problems, .dry_run = dry_run};
	*dry_run = (struct dry_run){0};
	int rc = read_names(&session);
	for (const struct dry_run_case *row = dry_run_cases; row->name && rc == 0; row++)
		rc = run_case(&session, row, session.names[0]);
	if (rc == 0)
		rc = run_further_names(&session);
	if (rc == 0)
		rc = run_attempt_ends(&session);
	for (size_t i = 0; i < session.name_count; i++)
		free(session.names[i]);
	return rc;
}

void dry_run_free(struct dry_run *dry_run) {
	for (size_t i = 0; i < dry_run->count; i++)
		observation_free(&dry_run->observations[i]);
	free(dry_run->observations);
	*dry_run = (struct dry_run){0};
}

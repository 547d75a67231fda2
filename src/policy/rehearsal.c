// SPDX-License-Identifier: Apache-2.0
// Each situation before an attempt has a stage of its own, so that none depends on those before it. Each is played
// several times: once with every instruction counted, then at the pace of traffic, for the time it takes and for what
// is left to chance.
#include "policy/rehearsal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "policy/situation.h"
#include "policy/sources.h"
#include "policy/specimen.h"

enum { TAKES = 100, FEW_TAKES = 3, MODELS_PLAYED = 2000, SITUATION_BYTES = 2300 };

enum { HOOK_COUNT = 6 };

const char *const rehearsal_hooks[] = {"select", "classify", "accept", "prepare", "finish", "tick", NULL};

// One situation being played.
struct run {
	const struct situation *situation;
	struct stage *stage;
	struct scene scenes[HOOK_COUNT];
	uint32_t heard[HOOK_COUNT]; // decisions of the take
	bool counts_exactly;
	struct step last;
};

static void hear(void *owner, const struct stage_decision *decision) {
	struct run *run = owner;
	uint32_t about = run->situation->occasion ? run->situation->occasion : 1;
	for (size_t i = 0; i < HOOK_COUNT; i++) {
		if (strcmp(rehearsal_hooks[i], decision->hook) != 0)
			continue;
		scene_count(&run->scenes[i], decision, run->counts_exactly);
		if (++run->heard[i] == about && (run->situation->about & 1u << i))
			scene_note(&run->scenes[i], decision);
	}
}

static void play_take(struct run *run, const struct request_facts *facts) {
	memset(run->heard, 0, sizeof run->heard);
	for (uint32_t i = 0; i < run->situation->ticks; i++)
		stage_tick(run->stage);
	run->last = stage_play(run->stage, facts, &run->situation->course);
}

static size_t takes_of(const struct situation *situation, size_t models) {
	size_t takes = MODELS_PLAYED / models;
	if (situation->is_brief || takes < FEW_TAKES)
		return FEW_TAKES;
	return takes < TAKES ? takes : TAKES;
}

// Doing it again would tell no more, and may take long.
static bool has_gone_wrong(const struct run *run) {
	for (size_t i = 0; i < HOOK_COUNT; i++)
		if (run->scenes[i].mistakes)
			return true;
	return false;
}

// False where there is no such scenery, or no such hook.
static bool play(struct run *run, struct slice asked, size_t body_bytes) {
	const struct situation *situation = run->situation;
	const struct pool *pool = policy_pool(run->stage->policy);
	struct specimen specimen;
	if (situation->ticks && !policy_has_tick(run->stage->policy))
		return false;
	specimen_init(&specimen, situation->request, pool, asked, body_bytes);
	size_t takes = takes_of(situation, pool->count);
	bool is_set = true;
	for (size_t take = 0; take < takes && is_set && !has_gone_wrong(run); take++) {
		run->counts_exactly = take == 0;
		policy_count_exactly(run->stage->policy, 0, run->counts_exactly);
		is_set = stage_set(run->stage, situation->scenery, asked);
		if (is_set)
			play_take(run, &specimen.facts);
	}
	specimen_free(&specimen);
	return is_set;
}

static void keep(struct rehearsal *rehearsal, struct scene *scene, const struct pool *pool) {
	scene_close(scene, pool);
	rehearsal->scenes = memory_resize(rehearsal->scenes, rehearsal->count + 1, sizeof *rehearsal->scenes);
	rehearsal->scenes[rehearsal->count++] = *scene;
	rehearsal->mistakes += scene->mistakes > 0;
}

static void keep_scenes(struct rehearsal *rehearsal, struct run *run, bool is_played) {
	const struct pool *pool = policy_pool(run->stage->policy);
	for (size_t i = 0; i < HOOK_COUNT; i++) {
		struct scene *scene = &run->scenes[i];
		bool unasked = is_played && i == 0 && (run->situation->about & ABOUT_SELECT) && !scene->decisions;
		if (unasked)
			scene_note_unasked(scene, &run->last);
		if (unasked || scene->decisions || scene->mistakes)
			keep(rehearsal, scene, pool);
		else
			scene_free(scene);
	}
}

struct players {
	const struct rehearsal_plan *plan;
	struct problems *problems;
	struct rehearsal *rehearsal;
	char *names[SPECIMEN_NAMES]; // what may be asked for
	size_t name_count;
};

static void rehearse_on(struct players *players, struct stage *stage, const struct situation *situation,
                        const char *asked) {
	struct run run = {.situation = situation, .stage = stage};
	stage->on_decision = hear;
	stage->owner = &run;
	for (size_t i = 0; i < HOOK_COUNT; i++)
		scene_init(&run.scenes[i], rehearsal_hooks[i], situation->name, policy_pool(stage->policy)->count);
	bool is_played = play(&run, slice_from(asked), players->plan->body_bytes);
	keep_scenes(players->rehearsal, &run, is_played);
}

// On a stage of its own.
static int rehearse_one(struct players *players, const struct situation *situation, const char *asked) {
	struct stage stage;
	int rc = stage_open(&stage, players->plan->sources, &players->plan->limits, players->problems);
	if (rc == 0)
		rehearse_on(players, &stage, situation, asked);
	stage_close(&stage);
	return rc;
}

// A situation for each further name that clients may ask for.
static int rehearse_names(struct players *players) {
	int rc = 0;
	for (size_t i = 1; i < players->name_count && rc == 0; i++) {
		char text[SITUATION_BYTES];
		snprintf(text, sizeof text, "\"%s\" asked for", players->names[i]);
		struct situation situation = {.name = text, .about = ABOUT_SELECT, .scenery = MODELS_NEW};
		rc = rehearse_one(players, &situation, players->names[i]);
	}
	return rc;
}

static void rehearse_failures(struct players *players, struct stage *stage) {
	for (size_t i = 0; i < players->plan->failure_count; i++) {
		const struct rehearsal_failure *failure = &players->plan->failures[i];
		struct situation situation = {.name = failure->name,
		                              .about = ABOUT_CLASSIFY,
		                              .scenery = MODELS_NEW,
		                              .is_brief = true,
		                              .course = {.failure = failure->failure, .failures = 1}};
		rehearse_on(players, stage, &situation, players->names[0]);
	}
}

static void rehearse_answers(struct players *players, struct stage *stage) {
	for (const struct specimen_answer *answer = specimen_answers; answer->name; answer++) {
		struct situation situation = {.name = answer->name,
		                              .about = ABOUT_ACCEPT,
		                              .scenery = MODELS_NEW,
		                              .request = answer->asked_by,
		                              .is_brief = true,
		                              .course = {.response = &answer->response}};
		rehearse_on(players, stage, &situation, players->names[0]);
	}
}

// What comes of attempts, all on one stage: there is much of it, and it hardly depends on what was before.
static int rehearse_ends(struct players *players) {
	struct stage stage;
	int rc = stage_open(&stage, players->plan->sources, &players->plan->limits, players->problems);
	if (rc == 0) {
		rehearse_failures(players, &stage);
		if (stage.decide.accept)
			rehearse_answers(players, &stage);
	}
	stage_close(&stage);
	return rc;
}

// Loads the policy once to see what clients may ask it for.
static int learn(struct players *players) {
	struct stage stage;
	int rc = stage_open(&stage, players->plan->sources, &players->plan->limits, players->problems);
	if (rc == 0)
		players->name_count = specimen_names(policy_pool(stage.policy), players->names);
	stage_close(&stage);
	return rc;
}

int rehearse(const struct rehearsal_plan *plan, struct problems *problems, struct rehearsal *rehearsal) {
	struct players players = {.plan = plan, .problems = problems, .rehearsal = rehearsal};
	*rehearsal = (struct rehearsal){0};
	int rc = learn(&players);
	for (const struct situation *situation = situations; situation->name && rc == 0; situation++)
		rc = rehearse_one(&players, situation, players.names[0]);
	if (rc == 0)
		rc = rehearse_names(&players);
	if (rc == 0)
		rc = rehearse_ends(&players);
	for (size_t i = 0; i < players.name_count; i++)
		free(players.names[i]);
	return rc;
}

void rehearsal_free(struct rehearsal *rehearsal) {
	for (size_t i = 0; i < rehearsal->count; i++)
		scene_free(&rehearsal->scenes[i]);
	free(rehearsal->scenes);
	*rehearsal = (struct rehearsal){0};
}

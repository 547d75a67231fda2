// SPDX-License-Identifier: Apache-2.0
// Each warning names the key, the usual value, and the value found.
#include "lab/lint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "policy/keys.h"

enum { FIELD_BYTES = 64, TEXT_BYTES = 2400, MODELS_CHOSEN_MAX = 20 };

// Where warnings go.
struct lint {
	const char *file;
	struct problems *warnings;
};

static void warn_above(const struct lint *lint, int line, const char *field, const char *bound, uint64_t limit,
                       uint64_t value) {
	char expected[TEXT_BYTES], found[FIELD_BYTES];
	snprintf(expected, sizeof expected, "at most %s (%" PRIu64 ")", bound, limit);
	snprintf(found, sizeof found, "%" PRIu64, value);
	problems_add(lint->warnings, lint->file, line, field, expected, found);
}

// A default needs no warning: the smaller limit simply applies first.
static bool is_default(const char *key, uint64_t value) {
	for (const struct schema_key *known = policy_keys; known->name; known++)
		if (strcmp(known->name, key) == 0)
			return value == (uint64_t)known->default_number;
	return false;
}

static void lint_limits(const struct lint *lint, const struct route_limits *limits) {
	uint64_t deadline_ms = limits->deadline_ms;
	if (deadline_ms && limits->max_wait_ms > deadline_ms)
		warn_above(lint, 0, "max_wait_ms", "deadline_ms", deadline_ms, limits->max_wait_ms);
	if (deadline_ms && limits->timeout_ms > deadline_ms && !is_default("timeout_ms", limits->timeout_ms))
		warn_above(lint, 0, "timeout_ms", "deadline_ms", deadline_ms, limits->timeout_ms);
	if (limits->ttft_ms > limits->timeout_ms && !is_default("ttft_ms", limits->ttft_ms))
		warn_above(lint, 0, "ttft_ms", "timeout_ms", limits->timeout_ms, limits->ttft_ms);
}

// Only for values that differ from the policy's own, which lint_limits covers.
static void lint_times(const struct lint *lint, const struct model *model, const struct route_limits *limits) {
	char field[FIELD_BYTES];
	if (limits->deadline_ms && model->timeout_ms > limits->deadline_ms && model->timeout_ms != limits->timeout_ms) {
		snprintf(field, sizeof field, "models[%zu].timeout_ms", model->index + 1);
		warn_above(lint, model->line, field, "deadline_ms", limits->deadline_ms, model->timeout_ms);
	}
	bool is_own = model->ttft_ms != limits->ttft_ms || model->timeout_ms != limits->timeout_ms;
	if (is_own && !is_default("ttft_ms", model->ttft_ms) && model->ttft_ms > model->timeout_ms) {
		snprintf(field, sizeof field, "models[%zu].ttft_ms", model->index + 1);
		warn_above(lint, model->line, field, "the model's timeout_ms", model->timeout_ms, model->ttft_ms);
	}
}

// Whether another entry matches all names that this one matches; that entry is *by then.
static bool is_covered(const struct model *model, size_t entry, const char **by) {
	char nothing[] = "";
	struct model other = {.id = nothing, .name = nothing, .serves_count = 1};
	for (size_t i = 0; i < model->serves_count; i++) {
		bool is_same = strcmp(model->serves[i], model->serves[entry]) == 0;
		if (i == entry || (is_same && i > entry))
			continue;
		other.serves = &model->serves[i];
		*by = model->serves[i];
		if (model_serves(&other, slice_from(model->serves[entry])))
			return true;
	}
	return false;
}

static void lint_serves(const struct lint *lint, const struct model *model) {
	for (size_t i = 0; i < model->serves_count; i++) {
		char field[FIELD_BYTES], found[TEXT_BYTES];
		const char *by;
		if (!is_covered(model, i, &by))
			continue;
		snprintf(field, sizeof field, "models[%zu].serves[%zu]", model->index + 1, i + 1);
		snprintf(found, sizeof found, "\"%.1000s\", which \"%.1000s\" lets through already", model->serves[i], by);
		problems_add(lint->warnings, lint->file, model->line, field, "a name or glob that lets something new through",
		             found);
	}
}

static void lint_weights(const struct lint *lint, const struct pool *pool) {
	double primary = 0, fallback = 0;
	bool has_fallback = false;
	for (size_t i = 0; i < pool->count; i++) {
		*(pool->models[i].fallback ? &fallback : &primary) += pool->models[i].weight;
		has_fallback = has_fallback || pool->models[i].fallback;
	}
	if (!(primary > 0))
		problems_add(lint->warnings, lint->file, 0, "models", "a primary with a weight",
		             "weight 0 in each: no choice by weight ever finds one");
	if (has_fallback && !(fallback > 0))
		problems_add(lint->warnings, lint->file, 0, "models", "a fallback with a weight",
		             "weight 0 in each: no choice by weight ever finds one");
}

void lint_pool(const struct pool *pool, const char *file, struct problems *warnings) {
	struct lint lint = {file, warnings};
	lint_limits(&lint, &pool->limits);
	lint_weights(&lint, pool);
	for (size_t i = 0; i < pool->count; i++) {
		lint_times(&lint, &pool->models[i], &pool->limits);
		lint_serves(&lint, &pool->models[i]);
	}
}

// Warns of models that no decision chose. With many models there are too few decisions to judge.
static void lint_unchosen(const struct lint *lint, const struct dry_run *dry_run, const struct pool *pool) {
	for (size_t i = 0; i < pool->count && pool->count <= MODELS_CHOSEN_MAX; i++) {
		size_t chosen = 0, decisions = 0;
		for (size_t j = 0; j < dry_run->count; j++) {
			const struct observation *observation = &dry_run->observations[j];
			// A file may state a different pool each time it runs.
			if (strcmp(observation->hook, "select") != 0 || i >= observation->model_count)
				continue;
			chosen += observation->chosen[i];
			decisions += observation->decisions;
		}
		if (chosen)
			continue;
		char field[FIELD_BYTES], found[TEXT_BYTES];
		snprintf(field, sizeof field, "models[%zu]", i + 1);
		snprintf(found, sizeof found, "%.2048s, chosen in none of %zu", pool->models[i].name, decisions);
		problems_add(lint->warnings, lint->file, pool->models[i].line, field, "a model that some selection chooses",
		             found);
	}
}

static void lint_empty_selections(const struct lint *lint, const struct dry_run *dry_run) {
	const struct observation *first = NULL;
	size_t more = 0;
	for (size_t i = 0; i < dry_run->count; i++) {
		const struct observation *observation = &dry_run->observations[i];
		more += first && observation->none;
		if (!first && observation->none)
			first = observation;
	}
	char found[TEXT_BYTES], others[FIELD_BYTES] = "";
	if (!first)
		return;
	if (more)
		snprintf(others, sizeof others, " and %zu more situation%s", more, more == 1 ? "" : "s");
	snprintf(found, sizeof found, "none in %zu of %zu selections in \"%.2000s\"%s", first->none, first->decisions,
	         first->case_name, others);
	problems_add(lint->warnings, lint->file, 0, "select", "one of the eligible models", found);
}

// One warning for each budget, with the case that used most of it.
static void lint_budget(const struct lint *lint, const struct dry_run *dry_run, const char *hook,
                        const struct policy_limits *limits) {
	const struct observation *longest = NULL, *largest = NULL;
	for (size_t i = 0; i < dry_run->count; i++) {
		const struct observation *observation = &dry_run->observations[i];
		if (strcmp(observation->hook, hook) != 0 || observation->mistakes)
			continue;
		if (!longest || observation->instructions > longest->instructions)
			longest = observation;
		if (!largest || observation->peak_bytes > largest->peak_bytes)
			largest = observation;
	}
	char found[TEXT_BYTES];
	if (longest && longest->instructions > limits->instructions / 2) {
		snprintf(found, sizeof found, "%" PRIu64 " of %" PRIu64 " in \"%.2048s\"", longest->instructions,
		         limits->instructions, longest->case_name);
		problems_add(lint->warnings, lint->file, 0, hook, "at most half the budget of instructions", found);
	}
	if (largest && largest->peak_bytes > limits->memory_bytes / 2) {
		snprintf(found, sizeof found, "%zu of %" PRIu64 " bytes in \"%.2048s\"", largest->peak_bytes,
		         limits->memory_bytes, largest->case_name);
		problems_add(lint->warnings, lint->file, 0, hook, "at most half the budget of memory", found);
	}
}

void lint_dry_run(const struct dry_run *dry_run, const struct pool *pool, const struct policy_limits *limits,
                  const char *file, struct problems *warnings) {
	struct lint lint = {file, warnings};
	lint_unchosen(&lint, dry_run, pool);
	lint_empty_selections(&lint, dry_run);
	for (size_t i = 0; policy_hook_names[i]; i++)
		lint_budget(&lint, dry_run, policy_hook_names[i], limits);
}

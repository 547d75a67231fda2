// SPDX-License-Identifier: Apache-2.0
// Reads the keys, then checks what no single key can: names are unique, and at least one model is a primary. The
// registry is asked for states only when there is no mistake.
#include "policy/validate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/problem.h"
#include "policy/keys.h"

enum { FIELD_BYTES = 64 };

// A model inherits the policy's limits for the keys that it does not set.
static void read_model(const struct document *item, const struct policy_settings *settings,
                       const struct schema_place *place, struct model *model) {
	schema_defaults(model_keys, model);
	model->timeout_ms = settings->limits.timeout_ms;
	model->ttft_ms = settings->limits.ttft_ms;
	model->breaker = settings->breaker;
	schema_read(model_keys, item, model, place);
	if (model->id && !model->name)
		model->name = memory_string(slice_from(model->id));
}

static int compare_names(const void *a, const void *b) {
	const struct model *const *left = a, *const *right = b;
	int order = strcmp((*left)->name, (*right)->name);
	return order ? order : (*left)->index < (*right)->index ? -1 : 1;
}

static void check_names(const struct pool *pool, const char *file, struct problems *problems) {
	const struct model **sorted = memory_new(pool->count, sizeof *sorted);
	size_t count = 0;
	for (size_t i = 0; i < pool->count; i++)
		if (pool->models[i].name)
			sorted[count++] = &pool->models[i];
	qsort(sorted, count, sizeof *sorted, compare_names);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) != 0)
			continue;
		char field[FIELD_BYTES], found[FIELD_BYTES];
		snprintf(field, sizeof field, "models[%zu].name", sorted[i]->index + 1);
		snprintf(found, sizeof found, "that of models[%zu]", sorted[i - 1]->index + 1);
		problems_add(problems, file, sorted[i]->line, field, "a name of its own (its id is its name where it has none)",
		             found);
	}
	free(sorted);
}

static void check_primary(const struct pool *pool, const char *file, int line, struct problems *problems) {
	for (size_t i = 0; i < pool->count; i++)
		if (!pool->models[i].fallback)
			return;
	problems_add(problems, file, line, "models", "at least one model without fallback = true", "none");
}

static void read_models(const struct policy_settings *settings, const char *file, struct problems *problems,
                        struct pool *pool) {
	pool->count = settings->models->item_count;
	pool->models = memory_new(pool->count, sizeof *pool->models);
	for (size_t i = 0; i < pool->count; i++) {
		char field[FIELD_BYTES];
		snprintf(field, sizeof field, "models[%zu]", i + 1);
		struct schema_place place = {file, field, problems};
		struct model *model = &pool->models[i];
		model->index = i;
		model->line = settings->models->items[i].line;
		read_model(&settings->models->items[i], settings, &place, model);
		if (model->quota.requests_per_minute || model->quota.tokens_per_minute)
			pool->has_quota = true;
		if (model->tier != TIER_NONE)
			pool->has_tiers = true;
	}
	check_names(pool, file, problems);
	check_primary(pool, file, settings->models->line, problems);
}

// To refuse requests in the name of a hook that is not there would be a guard that guards nothing.
static void check_on_error(const struct document *document, const char *file, struct problems *problems) {
	const struct document *on_error = document_get(document, "on_error");
	if (!on_error || on_error->kind != DOCUMENT_TABLE)
		return;
	for (const struct schema_key *key = on_error_keys; key->name; key++) {
		char field[FIELD_BYTES];
		const struct document *value = document_get(on_error, key->name);
		if (!value || document_get(document, key->name))
			continue;
		snprintf(field, sizeof field, "on_error.%s", key->name);
		problems_add(problems, file, value->line, field, "a hook that the policy defines", "no such hook");
	}
}

int validate_policy(const struct document *document, const char *file, struct registry *registry,
                    struct problems *problems, struct pool *pool) {
	size_t before = problems->count + problems->dropped;
	struct policy_settings settings = {0};
	struct schema_place place = {file, "", problems};
	*pool = (struct pool){0};
	schema_defaults(policy_keys, &settings);
	schema_read(policy_keys, document, &settings, &place);
	check_on_error(document, file, problems);
	if (settings.models)
		read_models(&settings, file, problems, pool);
	pool->limits = settings.limits;
	if (pool->limits.tier_escalation.count > 0)
		pool->has_tiers = true;
	if (problems->count + problems->dropped != before) {
		pool_free(pool);
		*pool = (struct pool){0};
		return ERROR_INVALID;
	}
	for (size_t i = 0; i < pool->count; i++)
		pool->models[i].state = registry_retain(registry, &pool->models[i]);
	return 0;
}

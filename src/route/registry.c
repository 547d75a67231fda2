// SPDX-License-Identifier: Apache-2.0
// The states of all models, by identity: a search tree behind one lock. It is used when pools are built and freed,
// never while requests are routed.
#include <assert.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "route/model_state.h"

struct registry {
	pthread_mutex_t lock; // guards the tree and every state's `references`
	void *states;
};

struct registry *registry_new(void) {
	struct registry *registry = memory_new(1, sizeof *registry);
	pthread_mutex_init(&registry->lock, NULL);
	return registry;
}

void registry_free(struct registry *registry) {
	if (!registry)
		return;
	assert(!registry->states);
	pthread_mutex_destroy(&registry->lock);
	free(registry);
}

// A missing part differs from an empty one, and sorts first.
static int compare_part(const char *a, const char *b) {
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_identities(const void *left, const void *right) {
	const struct model_state *a = left, *b = right;
	int order = compare_part(a->name, b->name);
	if (order == 0)
		order = compare_part(a->id, b->id);
	if (order == 0)
		order = compare_part(a->region, b->region);
	return order ? order : compare_part(a->endpoint, b->endpoint);
}

static char *copy_string(const char *text) {
	return text ? memory_string(slice_from(text)) : NULL;
}

static struct model_state *add_state(struct registry *registry, const struct model_state *key) {
	struct model_state *state = model_state_new();
	state->registry = registry;
	state->name = copy_string(key->name);
	state->id = copy_string(key->id);
	state->region = copy_string(key->region);
	state->endpoint = copy_string(key->endpoint);
	if (!tsearch(state, &registry->states, compare_identities))
		abort();
	return state;
}

struct model_state *registry_retain(struct registry *registry, const struct model *identity) {
	const struct model_state key = {
	    .name = identity->name, .id = identity->id, .region = identity->region, .endpoint = identity->endpoint};
	pthread_mutex_lock(&registry->lock);
	struct model_state **found = tfind(&key, &registry->states, compare_identities);
	struct model_state *state = found ? *found : add_state(registry, &key);
	state->references++;
	pthread_mutex_unlock(&registry->lock);
	return state;
}

void model_state_release(struct model_state *state) {
	if (!state)
		return;
	struct registry *registry = state->registry;
	pthread_mutex_lock(&registry->lock);
	assert(state->references > 0);
	bool is_last = --state->references == 0;
	if (is_last)
		tdelete(state, &registry->states, compare_identities);
	pthread_mutex_unlock(&registry->lock);
	if (!is_last)
		return;
	free(state->name);
	free(state->id);
	free(state->region);
	free(state->endpoint);
	model_state_free(state);
}

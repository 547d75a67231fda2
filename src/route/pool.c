// SPDX-License-Identifier: Apache-2.0
// The pool as plain data: finding a model by name, and which names a model serves. The text to match comes from
// clients, so matching takes linear time.
#include "route/model.h"

#include <stdlib.h>

#include "route/state.h"

static void free_model(struct model *model) {
	for (size_t i = 0; i < model->serves_count; i++)
		free(model->serves[i]);
	free(model->serves);
	free(model->id);
	free(model->name);
	free(model->family);
	free(model->region);
	free(model->endpoint);
	free(model->credentials);
	model_state_release(model->state);
}

void pool_free(struct pool *pool) {
	for (size_t i = 0; i < pool->count; i++)
		free_model(&pool->models[i]);
	free(pool->models);
	*pool = (struct pool){0};
}

const struct model *pool_find(const struct pool *pool, struct slice name) {
	for (size_t i = 0; i < pool->count; i++)
		if (slice_equal(slice_from(pool->models[i].name), name))
			return &pool->models[i];
	return NULL;
}

// Each piece between stars matches at its leftmost place: a later one would leave less text for the pieces after it, so
// no backtracking is needed.
static bool glob_matches(struct slice glob, struct slice text) {
	size_t star = slice_find(glob, '*');
	if (star == glob.len)
		return slice_equal(glob, text);
	if (!slice_starts(text, slice_of(glob.ptr, star)))
		return false;
	text = slice_from_offset(text, star);
	glob = slice_from_offset(glob, star + 1);
	while ((star = slice_find(glob, '*')) < glob.len) {
		const char *found = star ? memmem(text.ptr, text.len, glob.ptr, star) : text.ptr;
		if (!found)
			return false;
		text = slice_from_offset(text, (size_t)(found - text.ptr) + star);
		glob = slice_from_offset(glob, star + 1);
	}
	return slice_ends(text, glob);
}

bool model_serves(const struct model *model, struct slice asked) {
	if (!model->serves)
		return true;
	if (slice_equal(slice_from(model->id), asked) || slice_equal(slice_from(model->name), asked))
		return true;
	for (size_t i = 0; i < model->serves_count; i++)
		if (glob_matches(slice_from(model->serves[i]), asked))
			return true;
	return false;
}

// SPDX-License-Identifier: Apache-2.0
// There is a row for each model that was requested; the world bounds their number.
#include "emulator/counters.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct counter *counters_at(struct counters *counters, size_t model_index, enum operation operation) {
	assert(operation <= OPERATION_COUNT_TOKENS);
	if (model_index >= counters->count) {
		size_t count = model_index + 16;
		counters->models = memory_resize(counters->models, count, sizeof *counters->models);
		memset(counters->models + counters->count, 0, (count - counters->count) * sizeof *counters->models);
		counters->count = count;
	}
	return &counters->models[model_index][operation];
}

static void format_counter(const struct counter *counter, struct buffer *out) {
	const char *lead = "{";
#define X(name, meaning)                                                                                               \
	buffer_printf(out, "%s\"" #name "\":%" PRIu64, lead, counter->name);                                               \
	lead = ",";
	COUNTERS_LIST(X)
#undef X
	buffer_append_byte(out, '}');
}

static void counter_add(struct counter *total, const struct counter *counter) {
#define X(name, meaning) total->name += counter->name;
	COUNTERS_LIST(X)
#undef X
}

static void format_model(const struct counter *operations, struct counter *total, struct buffer *out) {
	const char *lead = "{";
	for (enum operation operation = OPERATION_UNKNOWN; operation <= OPERATION_COUNT_TOKENS; operation++) {
		if (operations[operation].received == 0)
			continue;
		buffer_printf(out, "%s\"%s\":", lead, operation_name(operation));
		format_counter(&operations[operation], out);
		counter_add(total, &operations[operation]);
		lead = ",";
	}
	buffer_append(out, *lead == '{' ? SLICE("{}") : SLICE("}"));
}

void counters_format(const struct counters *counters, const struct world *world, struct buffer *out) {
	static const struct counter nothing[OPERATION_COUNT_TOKENS + 1];
	struct counter total = {0};
	buffer_append(out, SLICE("{\"models\":{"));
	for (size_t i = 0; i < world_count(world); i++) {
		if (i > 0)
			buffer_append_byte(out, ',');
		buffer_append_json(out, slice_from(world_at(world, i)->id));
		buffer_append_byte(out, ':');
		format_model(i < counters->count ? counters->models[i] : nothing, &total, out);
	}
	buffer_append(out, SLICE("},\"total\":"));
	format_counter(&total, out);
	buffer_printf(out, ",\"rejected\":%" PRIu64 "}", counters->rejected);
}

void counters_reset(struct counters *counters) {
	if (counters->count > 0)
		memset(counters->models, 0, counters->count * sizeof *counters->models);
	counters->rejected = 0;
}

void counters_free(struct counters *counters) {
	free(counters->models);
	*counters = (struct counters){0};
}

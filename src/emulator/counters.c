// SPDX-License-Identifier: Apache-2.0
// A row for each requested model; the world bounds their number.
#include "emulator/counters.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
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

static void write_counter(struct json_writer *json, const char *key, const struct counter *counter) {
	json_begin_object(json, key);
#define X(name, meaning) json_write_unsigned(json, #name, counter->name);
	COUNTERS_LIST(X)
#undef X
	json_end_object(json);
}

static void counter_add(struct counter *total, const struct counter *counter) {
#define X(name, meaning) total->name += counter->name;
	COUNTERS_LIST(X)
#undef X
}

static void write_model(struct json_writer *json, const char *id, const struct counter *operations,
                        struct counter *total) {
	json_begin_object(json, id);
	for (enum operation operation = OPERATION_UNKNOWN; operation <= OPERATION_COUNT_TOKENS; operation++) {
		if (operations[operation].received == 0)
			continue;
		write_counter(json, operation_name(operation), &operations[operation]);
		counter_add(total, &operations[operation]);
	}
	json_end_object(json);
}

void counters_format(const struct counters *counters, const struct world *world, struct buffer *out) {
	static const struct counter no_requests[OPERATION_COUNT_TOKENS + 1];
	struct counter total = {0};
	struct json_writer json;
	json_writer_init(&json, out);
	json_begin_object(&json, NULL);
	json_begin_object(&json, "models");
	for (size_t i = 0; i < world_count(world); i++)
		write_model(&json, world_at(world, i)->id, i < counters->count ? counters->models[i] : no_requests, &total);
	json_end_object(&json);
	write_counter(&json, "total", &total);
	json_write_unsigned(&json, "rejected", counters->rejected);
	json_end_object(&json);
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

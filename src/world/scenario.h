// SPDX-License-Identifier: Apache-2.0
// A scenario: how each model of a world behaves, and what goes wrong when. It is read from a document (base/document.h)
// and is plain data from then on. Times are milliseconds since the world began.
#ifndef WORLD_SCENARIO_H
#define WORLD_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/document.h"
#include "base/error.h"
#include "base/problem.h"
#include "base/schema.h"
#include "world/distribution.h"
#include "world/faults.h"

// Within a minute; 0 is no limit.
struct scenario_quota {
	uint64_t rpm;
	uint64_t tpm;
};

// How long a model caches the prefix of a prompt, and which share of its time to the first token remains when the
// prefix is cached. A ttl_ms of 0 is no cache.
struct scenario_prompt_cache {
	uint64_t ttl_ms;
	double ttft_share;
};

struct scenario_model {
	char *id; // "*": models that are not listed
	struct quantiles ttft_ms;
	struct quantiles tokens_per_second;
	uint64_t concurrency; // requests served at once; 0 is any number
	struct scenario_quota quota;
	struct scenario_prompt_cache prompt_cache;
	double refusal_share;
	unsigned tiers; // service tiers that it has, as bits; 0 is all
	struct scenario_faults faults;
};

// Sorted by id.
struct scenario_models {
	struct scenario_model *list;
	size_t count;
	const char *const *exception_names;
};

struct scenario_traffic {
	double rate;      // requests a second, Poisson
	double streaming; // share of streamed requests
	struct span input_tokens;
	struct span output_tokens; // of a response that no limit cuts
};

struct scenario {
	uint64_t seed;
	uint64_t duration_ms; // of a simulation; the emulator runs until it is stopped
	struct scenario_traffic traffic;
	struct scenario_models models;
};

// The keys of a scenario, for the reference tables in the documents.
const struct schema_key *scenario_keys(void);

// Reads a scenario. `exception_names`, ended by NULL, are the exceptions that a fault may name; the list outlives the
// scenario. 0, and a scenario to be freed with scenario_free; or ERROR_INVALID with every mistake in `problems`, and
// nothing to free. `file` is for messages.
int scenario_read(const struct document *document, const char *file, const char *const *exception_names,
                  struct problems *problems, struct scenario *scenario);

// The scenario in which every requested model exists and is healthy, with default latencies.
void scenario_read_healthy(struct scenario *scenario);

void scenario_free(struct scenario *scenario);

#endif

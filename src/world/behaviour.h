// SPDX-License-Identifier: Apache-2.0
// What one model does with the requests that reach it: its quota, its slots and their queue, its latencies, refusals
// and faults. Pure: time is an argument, and each model has its own random source, so that the same scenario and the
// same arrivals give the same plans, independent of requests to other models.
#ifndef WORLD_BEHAVIOUR_H
#define WORLD_BEHAVIOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/random.h"
#include "base/service.h"
#include "world/prompt_cache.h"
#include "world/quota_counter.h"
#include "world/scenario.h"

enum plan_outcome {
	PLAN_RESPONSE,
	PLAN_TOO_MANY_REQUESTS, // throttled by the quota of requests
	PLAN_TOO_MANY_TOKENS,   // throttled by the quota of tokens
	PLAN_NO_SUCH_TIER,      // the model lacks the service tier
	PLAN_FAULT,             // plan.fault says which
};

struct plan {
	enum plan_outcome outcome;
	struct scenario_fault fault;
	bool takes_slot;             // false for a request that is turned away before the model works on it
	double first_ms;             // from being served (or turned away) to the first content or the error
	double token_ms;             // from one token of output to the next
	uint64_t input_tokens;       // all of them
	uint64_t cache_read_tokens;  // of them: read from the prompt cache
	uint64_t cache_write_tokens; // of them: written to the prompt cache
	uint64_t output_tokens;      // at least 1
	bool cut_short;              // the output was ended by the request's limit
	bool refusal;                // the model declines
	uint64_t seed;               // for the text of the response
};

struct behaviour;

// What a request asks of a model.
struct load_demand {
	uint64_t input_tokens;
	uint64_t max_tokens;    // of output; 0 is no limit
	uint64_t prefix_tokens; // of the input: the prefix to be cached; 0 is none
	uint64_t prefix_key;    // a hash of that prefix
	enum service_tier tier; // TIER_NONE is the default one
};

// One request at a model, embedded in its owner's structure. Zero-initialise.
struct visit {
	struct behaviour *behaviour; // NULL before the arrival and after the departure
	struct list link;            // in behaviour->waiting
	bool waits;
	struct plan plan;
};

// Differences from the scenario from now on. Fields that are UNSET or negative change nothing.
struct adjustment {
	struct scenario_fault fault; // .trouble SCENARIO_NONE: no faults, not even those of the scenario
	double latency_ms;           // to the first content
	double tokens_per_second;
	double refusal_share;
};

struct behaviour {
	const struct scenario_model *rules;
	const struct scenario_traffic *traffic;
	char *id;
	uint64_t index; // its place among the world's models, in order of creation
	struct random_source random;
	struct quota_counter requests;
	struct quota_counter tokens;
	struct prompt_cache prompt_cache;
	struct adjustment adjustment;
	uint64_t served;     // slots taken
	struct list waiting; // visits, in order of arrival
	uint64_t waiting_count;
};

// `rules` and `traffic` are borrowed; `id` is copied. Free with behaviour_free once every visit has left.
void behaviour_init(struct behaviour *behaviour, const struct scenario_model *rules,
                    const struct scenario_traffic *traffic, struct slice id, uint64_t seed);
void behaviour_free(struct behaviour *behaviour);

// An adjustment that changes nothing.
struct adjustment adjustment_none(void);
// Applies the fields that are set.
void behaviour_adjust(struct behaviour *behaviour, const struct adjustment *adjustment);

// A request arrives: makes its plan. True when it is served (or turned away) from now on; false when all slots are
// taken: then it waits until visit_leave of another visit returns it.
bool visit_arrive(struct visit *visit, struct behaviour *behaviour, const struct load_demand *demand, uint64_t now_ms);

// The request has ended, at any point and for any reason; frees its slot. Returns the visit that is served in its place
// from now on, or NULL. Leaving twice does nothing.
struct visit *visit_leave(struct visit *visit);

#endif

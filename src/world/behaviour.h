// SPDX-License-Identifier: Apache-2.0
// What one model does with the requests that reach it: its quota, its slots and their queue, its latencies, refusals
// and faults. Pure: time is an input, chance comes from the model's own random stream, so that the same scenario and
// the same arrivals give the same plans, whatever other models are asked.
#ifndef WORLD_BEHAVIOUR_H
#define WORLD_BEHAVIOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/random.h"
#include "world/quota_counter.h"
#include "world/prompt_cache.h"
#include "world/scenario.h"

enum plan_outcome {
	PLAN_ANSWER,
	PLAN_TOO_MANY_REQUESTS, // throttled by the quota of requests
	PLAN_TOO_MANY_TOKENS,   // throttled by the quota of tokens
	PLAN_NO_SUCH_TIER,      // the model lacks the service tier
	PLAN_FAULT,             // plan.fault says which
};

struct plan {
	enum plan_outcome outcome;
	struct scenario_fault fault;
	bool takes_slot;             // all but what is turned away before the model works on it
	double first_ms;             // from being served (or turned away) to the first content or the error
	double token_ms;             // from one token of output to the next
	uint64_t input_tokens;       // all of them
	uint64_t cache_read_tokens;  // of them: those that the model knew
	uint64_t cache_write_tokens; // of them: those that it keeps from now on
	uint64_t output_tokens;      // at least 1
	bool cut_short;              // the output was ended by the request's limit
	bool refusal;                // the model declines
	uint64_t seed;               // for what the answer says
};

struct behaviour;

// What a request asks of a model.
struct load_demand {
	uint64_t input_tokens;
	uint64_t max_tokens;    // of output; 0 is no limit
	uint64_t prefix_tokens; // of the input: the beginning that it wants to be kept; 0 is none
	uint64_t prefix_key;    // stands for that beginning
	unsigned tier;          // the service tier, as a bit; 0 is the default one
};

// One request at a model, embedded in whatever its owner keeps about it. Zero-initialise.
struct visit {
	struct behaviour *behaviour; // NULL before the arrival and after the departure
	struct list link;            // among those that wait, in order of arrival
	bool waits;
	struct plan plan;
};

// What is to be different from the scenario from now on. Fields that are UNSET or negative change nothing.
struct adjustment {
	struct scenario_fault fault; // .trouble SCENARIO_NONE: no faults, the scenario's own neither
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
	struct list waiting; // visits
	uint64_t waiting_count;
};

// `rules` and `traffic` are borrowed; `id` is copied. To be released with behaviour_free when nobody visits.
void behaviour_init(struct behaviour *behaviour, const struct scenario_model *rules,
                    const struct scenario_traffic *traffic, struct slice id, uint64_t seed);
void behaviour_free(struct behaviour *behaviour);

// Nothing set.
struct adjustment adjustment_none(void);
// Takes over what is set.
void behaviour_adjust(struct behaviour *behaviour, const struct adjustment *adjustment);

// A request arrives: its plan is made. True when it is served (or turned away) from now on; false when all slots are
// taken: then it waits until a departure gives it one.
bool visit_arrive(struct visit *visit, struct behaviour *behaviour, const struct load_demand *demand, uint64_t now_ms);

// The request is over, in whatever way, at any point; its slot is free. Returns the visit that is served from now on in
// its place, or NULL. Leaving twice does nothing.
struct visit *visit_leave(struct visit *visit);

#endif

// SPDX-License-Identifier: Apache-2.0
// Plans, slots and queues of one model. Each slot taken is freed exactly once, by visit_leave, however a request ends.
#include "world/behaviour.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

// A request is turned away after a tenth of the time that a response takes to begin.
#define TURNED_AWAY_FACTOR 0.1

// FNV-1a: a model's random numbers depend on its id and the seed only, not on its place in the file.
static uint64_t behaviour_seed(struct slice id, uint64_t seed) {
	uint64_t hash = 0xcbf29ce484222325;
	for (size_t i = 0; i < id.len; i++)
		hash = (hash ^ (unsigned char)id.ptr[i]) * 0x100000001b3;
	return hash ^ seed;
}

void behaviour_init(struct behaviour *behaviour, const struct scenario_model *rules,
                    const struct scenario_traffic *traffic, struct slice id, uint64_t seed) {
	*behaviour = (struct behaviour){.rules = rules, .traffic = traffic, .adjustment = adjustment_none()};
	behaviour->id = memory_string(id);
	random_init(&behaviour->random, behaviour_seed(id, seed));
	list_init(&behaviour->waiting);
}

void behaviour_free(struct behaviour *behaviour) {
	assert(behaviour->served == 0 && list_is_empty(&behaviour->waiting));
	prompt_cache_free(&behaviour->prompt_cache);
	free(behaviour->id);
	behaviour->id = NULL;
}

struct adjustment adjustment_none(void) {
	return (struct adjustment){.latency_ms = -1, .tokens_per_second = -1, .refusal_share = -1};
}

void behaviour_adjust(struct behaviour *behaviour, const struct adjustment *adjustment) {
	struct adjustment *own = &behaviour->adjustment;
	if (adjustment->fault.trouble != SCENARIO_UNSET)
		own->fault = adjustment->fault;
	if (adjustment->latency_ms >= 0)
		own->latency_ms = adjustment->latency_ms;
	if (adjustment->tokens_per_second >= 0)
		own->tokens_per_second = adjustment->tokens_per_second;
	if (adjustment->refusal_share >= 0)
		own->refusal_share = adjustment->refusal_share;
}

static bool tier_is_among(enum service_tier tier, unsigned tiers) {
	return tiers == 0 || tiers & tier_bit(tier_in_effect(tier));
}

// The fault that this request meets, or NULL. Simultaneous faults take their shares one after the other from the same
// draw: with shares of 0.3 and 0.2, half of the requests meet none.
static const struct scenario_fault *fault_draw(const struct behaviour *behaviour, enum service_tier tier, double draw,
                                               uint64_t now_ms) {
	const struct scenario_fault *adjusted = &behaviour->adjustment.fault;
	if (adjusted->trouble != SCENARIO_UNSET)
		return adjusted->trouble != SCENARIO_NONE && tier_is_among(tier, adjusted->tiers) && draw <= adjusted->share
		           ? adjusted
		           : NULL;
	const struct scenario_faults *faults = &behaviour->rules->faults;
	double shares = 0;
	for (size_t i = 0; i < faults->count; i++) {
		const struct scenario_fault *fault = &faults->list[i];
		if (fault->trouble == SCENARIO_NONE || !tier_is_among(tier, fault->tiers) || now_ms < fault->from_ms ||
		    now_ms >= fault->to_ms)
			continue;
		shares += fault->share;
		if (draw <= shares)
			return fault;
	}
	return NULL;
}

// Every request draws the same count of random numbers, so that a fault doesn't change the latencies of later requests.
// Output lengths are the exception: span_draw may, very rarely, draw twice.
static void plan_draw(struct plan *plan, struct behaviour *behaviour, const struct load_demand *demand,
                      uint64_t now_ms) {
	struct random_source *random = &behaviour->random;
	const struct scenario_model *rules = behaviour->rules;
	const struct adjustment *adjustment = &behaviour->adjustment;
	double fault_at = random_unit(random);
	double refusal_at = random_unit(random);
	double first_ms = quantiles_draw(&rules->ttft_ms, random);
	double tokens_per_second = quantiles_draw(&rules->tokens_per_second, random);
	uint64_t length = span_draw(&behaviour->traffic->output_tokens, random);
	uint64_t seed = random_next(random);

	double refusal_share = adjustment->refusal_share >= 0 ? adjustment->refusal_share : rules->refusal_share;
	if (adjustment->tokens_per_second > 0)
		tokens_per_second = adjustment->tokens_per_second;
	bool cut_short = demand->max_tokens > 0 && demand->max_tokens < length;
	*plan = (struct plan){
	    .outcome = PLAN_RESPONSE,
	    .takes_slot = true,
	    .first_ms = adjustment->latency_ms >= 0 ? adjustment->latency_ms : first_ms,
	    .token_ms = 1000.0 / tokens_per_second,
	    .input_tokens = demand->input_tokens,
	    .output_tokens = cut_short ? demand->max_tokens : length,
	    .cut_short = cut_short,
	    .refusal = refusal_at <= refusal_share,
	    .seed = seed,
	};
	const struct scenario_fault *fault = fault_draw(behaviour, demand->tier, fault_at, now_ms);
	if (fault) {
		plan->outcome = PLAN_FAULT;
		plan->fault = *fault;
	}
	if (!tier_is_among(demand->tier, rules->tiers))
		plan->outcome = PLAN_NO_SUCH_TIER;
}

// A cached prefix shortens the time to the first token.
static void plan_recall(struct plan *plan, const struct behaviour *behaviour, const struct load_demand *demand,
                        uint64_t now_ms) {
	const struct scenario_prompt_cache *rules = &behaviour->rules->prompt_cache;
	if (rules->ttl_ms == 0 || demand->prefix_tokens == 0)
		return;
	if (!prompt_cache_has(&behaviour->prompt_cache, demand->prefix_key, now_ms)) {
		plan->cache_write_tokens = demand->prefix_tokens;
		return;
	}
	plan->cache_read_tokens = demand->prefix_tokens;
	plan->first_ms *= rules->ttft_share;
}

// Whether the fault replaces the response.
static bool fault_turns_away(const struct scenario_fault *fault) {
	switch (fault->trouble) {
	case SCENARIO_EXCEPTION:
	case SCENARIO_RESET:
		return fault->after == SCENARIO_AFTER_UNSET;
	case SCENARIO_CLOSE_EARLY:
	case SCENARIO_HANG:
	case SCENARIO_HTML:
		return true;
	default:
		return false;
	}
}

// Whether the request is refused before the model works on it.
static bool plan_is_turned_away(const struct plan *plan) {
	return plan->outcome == PLAN_FAULT ? fault_turns_away(&plan->fault) : plan->outcome != PLAN_RESPONSE;
}

// Quotas come before faults, as in the service. Requests that are turned away and cached tokens don't count as used.
static void plan_admit(struct plan *plan, struct behaviour *behaviour, uint64_t now_ms) {
	uint64_t tokens = plan->input_tokens - plan->cache_read_tokens + plan->output_tokens;
	bool is_valid = plan->outcome != PLAN_NO_SUCH_TIER;
	if (is_valid && !quota_counter_would_admit(&behaviour->requests, behaviour->rules->quota.rpm, 1, now_ms))
		plan->outcome = PLAN_TOO_MANY_REQUESTS;
	else if (is_valid && !quota_counter_would_admit(&behaviour->tokens, behaviour->rules->quota.tpm, tokens, now_ms))
		plan->outcome = PLAN_TOO_MANY_TOKENS;
	if (plan_is_turned_away(plan)) {
		plan->takes_slot = false;
		plan->first_ms *= TURNED_AWAY_FACTOR;
		return;
	}
	quota_counter_use(&behaviour->requests, 1, now_ms);
	quota_counter_use(&behaviour->tokens, tokens, now_ms);
}

static bool behaviour_has_free_slot(const struct behaviour *behaviour) {
	uint64_t concurrency = behaviour->rules->concurrency;
	return concurrency == 0 || behaviour->served < concurrency;
}

bool visit_arrive(struct visit *visit, struct behaviour *behaviour, const struct load_demand *demand, uint64_t now_ms) {
	assert(!visit->behaviour);
	visit->behaviour = behaviour;
	visit->waits = false;
	list_init(&visit->link);
	plan_draw(&visit->plan, behaviour, demand, now_ms);
	plan_recall(&visit->plan, behaviour, demand, now_ms);
	plan_admit(&visit->plan, behaviour, now_ms);
	if (!visit->plan.takes_slot)
		return true;
	if (visit->plan.cache_read_tokens + visit->plan.cache_write_tokens > 0)
		prompt_cache_keep(&behaviour->prompt_cache, demand->prefix_key, behaviour->rules->prompt_cache.ttl_ms, now_ms);
	if (behaviour_has_free_slot(behaviour)) {
		behaviour->served++;
		return true;
	}
	visit->waits = true;
	behaviour->waiting_count++;
	list_append(&behaviour->waiting, &visit->link);
	return false;
}

// The next visit of the queue, or NULL when there is none or no slot is free.
static struct visit *behaviour_serve_next(struct behaviour *behaviour) {
	if (list_is_empty(&behaviour->waiting) || !behaviour_has_free_slot(behaviour))
		return NULL;
	struct visit *next = LIST_OWNER(behaviour->waiting.next, struct visit, link);
	list_remove(&next->link);
	behaviour->waiting_count--;
	behaviour->served++;
	next->waits = false;
	return next;
}

struct visit *visit_leave(struct visit *visit) {
	struct behaviour *behaviour = visit->behaviour;
	if (!behaviour)
		return NULL;
	visit->behaviour = NULL;
	if (visit->waits) {
		visit->waits = false;
		behaviour->waiting_count--;
		list_remove(&visit->link);
		return NULL;
	}
	if (!visit->plan.takes_slot)
		return NULL;
	assert(behaviour->served > 0);
	behaviour->served--;
	return behaviour_serve_next(behaviour);
}

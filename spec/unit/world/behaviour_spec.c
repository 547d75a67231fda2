// SPDX-License-Identifier: Apache-2.0
// Plans, quotas, slots, tiers and adjustments of one model.
#include "../check.h"

#include "base/list.h"
#include "world/behaviour.h"

static const struct scenario_traffic traffic = {.output_tokens = {100, 200}};
static const struct scenario_model plain = {.ttft_ms = {300, 1200}, .tokens_per_second = {80, 30}};

static struct load_demand tokens(uint64_t input, uint64_t max) {
	return (struct load_demand){.input_tokens = input, .max_tokens = max};
}

static struct plan plan_once(struct behaviour *behaviour, struct load_demand demand, uint64_t now_ms) {
	struct visit visit = {0};
	visit_arrive(&visit, behaviour, &demand, now_ms);
	struct plan plan = visit.plan;
	visit_leave(&visit);
	return plan;
}

static bool same(const struct plan *a, const struct plan *b) {
	return a->outcome == b->outcome && a->first_ms == b->first_ms && a->token_ms == b->token_ms &&
	       a->output_tokens == b->output_tokens && a->refusal == b->refusal && a->seed == b->seed;
}

TEST(a_seed_gives_the_same_plans) {
	struct behaviour first, again, other_id, other_seed;
	behaviour_init(&first, &plain, &traffic, SLICE("m"), 1);
	behaviour_init(&again, &plain, &traffic, SLICE("m"), 1);
	behaviour_init(&other_id, &plain, &traffic, SLICE("n"), 1);
	behaviour_init(&other_seed, &plain, &traffic, SLICE("m"), 2);
	int equal_id = 0, equal_seed = 0;
	for (uint64_t i = 0; i < 100; i++) {
		struct plan plan = plan_once(&first, tokens(10, 0), i);
		struct plan repeated = plan_once(&again, tokens(10, 0), i);
		struct plan elsewhere = plan_once(&other_id, tokens(10, 0), i);
		struct plan otherwise = plan_once(&other_seed, tokens(10, 0), i);
		CHECK(same(&plan, &repeated));
		equal_id += same(&plan, &elsewhere);
		equal_seed += same(&plan, &otherwise);
	}
	CHECK_INT(equal_id, 0);
	CHECK_INT(equal_seed, 0);
	behaviour_free(&first);
	behaviour_free(&again);
	behaviour_free(&other_id);
	behaviour_free(&other_seed);
}

TEST(a_fault_leaves_later_latencies_alone) {
	struct scenario_fault fault = {.to_ms = 50, .share = 0.5, .trouble = SCENARIO_HANG, .after = SCENARIO_AFTER_UNSET};
	struct scenario_model faulty = plain;
	faulty.faults = (struct scenario_faults){.list = &fault, .count = 1};
	struct behaviour healthy, troubled;
	behaviour_init(&healthy, &plain, &traffic, SLICE("m"), 1);
	behaviour_init(&troubled, &faulty, &traffic, SLICE("m"), 1);
	int faults = 0;
	for (uint64_t i = 0; i < 100; i++) {
		struct plan a = plan_once(&healthy, tokens(10, 0), i);
		struct plan b = plan_once(&troubled, tokens(10, 0), i);
		faults += b.outcome == PLAN_FAULT;
		CHECK(i < 50 || b.outcome == PLAN_RESPONSE);
		CHECK(b.outcome == PLAN_FAULT || same(&a, &b));
	}
	CHECK(faults > 10 && faults < 40);
	behaviour_free(&healthy);
	behaviour_free(&troubled);
}

TEST(shares_hold) {
	struct scenario_fault faults[] = {
	    {.to_ms = 10, .share = 0.3, .trouble = SCENARIO_STALL, .after = SCENARIO_AFTER_UNSET},
	    {.to_ms = 10, .share = 0.2, .trouble = SCENARIO_HANG, .after = SCENARIO_AFTER_UNSET},
	};
	struct scenario_model model = plain;
	model.refusal_share = 0.1;
	model.faults = (struct scenario_faults){.list = faults, .count = 2};
	struct behaviour behaviour;
	behaviour_init(&behaviour, &model, &traffic, SLICE("m"), 1);
	int stalls = 0, hangs = 0, refusals = 0;
	for (int i = 0; i < 20000; i++) {
		struct plan plan = plan_once(&behaviour, tokens(10, 0), 5);
		stalls += plan.outcome == PLAN_FAULT && plan.fault.trouble == SCENARIO_STALL;
		hangs += plan.outcome == PLAN_FAULT && plan.fault.trouble == SCENARIO_HANG;
		refusals += plan.refusal;
	}
	CHECK_NEAR(stalls, 6000, 250);
	CHECK_NEAR(hangs, 4000, 250);
	CHECK_NEAR(refusals, 2000, 200);
	behaviour_free(&behaviour);
}

TEST(outputs_end_by_themselves_or_at_the_limit) {
	struct behaviour behaviour;
	behaviour_init(&behaviour, &plain, &traffic, SLICE("m"), 1);
	int cut = 0;
	for (int i = 0; i < 1000; i++) {
		struct plan plan = plan_once(&behaviour, tokens(10, 150), 0);
		CHECK(plan.output_tokens >= 100 && plan.output_tokens <= 150);
		CHECK(!plan.cut_short || plan.output_tokens == 150);
		cut += plan.cut_short;
		plan = plan_once(&behaviour, tokens(10, 0), 0);
		CHECK(plan.output_tokens >= 100 && plan.output_tokens <= 200 && !plan.cut_short);
	}
	CHECK_NEAR(cut, 495, 60);
	behaviour_free(&behaviour);
}

TEST(quotas_turn_away) {
	struct scenario_model model = plain;
	model.quota = (struct scenario_quota){.rpm = 3, .tpm = 1000};
	struct behaviour behaviour;
	static const struct {
		uint64_t now_ms, input_tokens, max_tokens;
		enum plan_outcome outcome;
	} steps[] = {
	    {0, 300, 100, PLAN_RESPONSE},     {1, 300, 100, PLAN_RESPONSE},      {2, 300, 100, PLAN_TOO_MANY_TOKENS},
	    {3, 50, 100, PLAN_RESPONSE},      {4, 1, 1, PLAN_TOO_MANY_REQUESTS}, {59999, 1, 1, PLAN_TOO_MANY_REQUESTS},
	    {60000, 300, 100, PLAN_RESPONSE},
	};
	behaviour_init(&behaviour, &model, &traffic, SLICE("m"), 1);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct plan plan = plan_once(&behaviour, tokens(steps[i].input_tokens, steps[i].max_tokens), steps[i].now_ms);
		CHECK_INT(plan.outcome, steps[i].outcome);
		CHECK_INT(plan.takes_slot, plan.outcome == PLAN_RESPONSE);
	}
	behaviour_free(&behaviour);
}

TEST(cached_prefixes_are_quick) {
	struct scenario_model model = plain;
	model.ttft_ms = (struct quantiles){100, 100};
	model.prompt_cache = (struct scenario_prompt_cache){.ttl_ms = 1000, .ttft_share = 0.25};
	model.quota = (struct scenario_quota){.rpm = 9, .tpm = 100000};
	static const struct {
		uint64_t now_ms, prefix_tokens, key, read, write;
	} steps[] = {
	    {0, 800, 7, 0, 800},    {1, 800, 8, 0, 800},    {2, 800, 7, 800, 0},
	    {900, 800, 7, 800, 0},  {1500, 0, 7, 0, 0}, // no cache point
	    {1899, 800, 7, 800, 0},                     // a second after its last use
	    {1900, 800, 8, 0, 800}, {2899, 800, 7, 0, 800},
	};
	struct behaviour behaviour;
	behaviour_init(&behaviour, &model, &traffic, SLICE("m"), 1);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct load_demand demand = {.input_tokens = 1000, .max_tokens = 10};
		demand.prefix_tokens = steps[i].prefix_tokens;
		demand.prefix_key = steps[i].key;
		struct plan plan = plan_once(&behaviour, demand, steps[i].now_ms);
		CHECK_INT(plan.cache_read_tokens, steps[i].read);
		CHECK_INT(plan.cache_write_tokens, steps[i].write);
		CHECK_NEAR(plan.first_ms, steps[i].read ? 25 : 100, 0.001);
	}
	CHECK_INT(behaviour.tokens.total, 8 * 1010 - 3 * 800);
	behaviour_free(&behaviour);
}

TEST(what_is_turned_away_is_not_cached) {
	struct scenario_model model = plain;
	model.prompt_cache = (struct scenario_prompt_cache){.ttl_ms = 1000, .ttft_share = 0.25};
	struct behaviour behaviour;
	struct adjustment adjustment = adjustment_none();
	struct load_demand demand = {.input_tokens = 1000, .prefix_tokens = 800, .prefix_key = 7};
	adjustment.fault = (struct scenario_fault){
	    .share = 1, .trouble = SCENARIO_EXCEPTION, .after = SCENARIO_AFTER_UNSET, .exception = "ThrottlingException"};
	behaviour_init(&behaviour, &model, &traffic, SLICE("m"), 1);
	behaviour_adjust(&behaviour, &adjustment);
	CHECK_INT(plan_once(&behaviour, demand, 0).outcome, PLAN_FAULT);
	adjustment.fault.trouble = SCENARIO_NONE;
	behaviour_adjust(&behaviour, &adjustment);
	CHECK_INT(plan_once(&behaviour, demand, 1).cache_write_tokens, 800);
	CHECK_INT(plan_once(&behaviour, demand, 2).cache_read_tokens, 800);
	behaviour_free(&behaviour);
}

TEST(slots_are_given_in_order) {
	struct scenario_model model = plain;
	model.concurrency = 2;
	struct behaviour behaviour;
	struct visit visits[6] = {0};
	struct load_demand demand = tokens(1, 1);
	behaviour_init(&behaviour, &model, &traffic, SLICE("m"), 1);
	for (int i = 0; i < 6; i++)
		CHECK_INT(visit_arrive(&visits[i], &behaviour, &demand, 0), i < 2);
	CHECK_INT(behaviour.served, 2);
	CHECK_INT(behaviour.waiting_count, 4);
	CHECK(visit_leave(&visits[3]) == NULL); // gave up waiting
	CHECK(visit_leave(&visits[1]) == &visits[2]);
	CHECK(!visits[2].waits);
	CHECK(visit_leave(&visits[1]) == NULL); // twice
	CHECK(visit_leave(&visits[2]) == &visits[4]);
	CHECK(visit_leave(&visits[0]) == &visits[5]);
	CHECK(visit_leave(&visits[4]) == NULL);
	CHECK(visit_leave(&visits[5]) == NULL);
	CHECK_INT(behaviour.served, 0);
	CHECK_INT(behaviour.waiting_count, 0);
	behaviour_free(&behaviour);
}

TEST(what_is_turned_away_takes_no_slot) {
	static const struct {
		enum scenario_trouble trouble;
		uint64_t after;
		bool takes_slot;
	} cases[] = {
	    {SCENARIO_EXCEPTION, SCENARIO_AFTER_UNSET, false},
	    {SCENARIO_EXCEPTION, 0, true},
	    {SCENARIO_RESET, SCENARIO_AFTER_UNSET, false},
	    {SCENARIO_RESET, 2, true},
	    {SCENARIO_CLOSE_EARLY, 2, false},
	    {SCENARIO_HANG, SCENARIO_AFTER_UNSET, false},
	    {SCENARIO_STALL, SCENARIO_AFTER_UNSET, true},
	    {SCENARIO_TRUNCATE, 1, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct behaviour behaviour;
		struct adjustment adjustment = adjustment_none();
		adjustment.fault = (struct scenario_fault){.share = 1, .trouble = cases[i].trouble, .after = cases[i].after};
		behaviour_init(&behaviour, &plain, &traffic, SLICE("m"), 1);
		behaviour_adjust(&behaviour, &adjustment);
		CHECK_INT(plan_once(&behaviour, tokens(1, 1), 0).takes_slot, cases[i].takes_slot);
		behaviour_free(&behaviour);
	}
}

TEST(tiers_have_their_own_faults) {
	struct scenario_fault fault = {.to_ms = 1000,
	                               .share = 1,
	                               .trouble = SCENARIO_EXCEPTION,
	                               .after = SCENARIO_AFTER_UNSET,
	                               .tiers = tier_bit(TIER_DEFAULT) | tier_bit(TIER_FLEX)};
	static const struct {
		enum service_tier tier;
		enum plan_outcome outcome;
	} rows[] = {
	    {TIER_NONE, PLAN_FAULT},        {TIER_DEFAULT, PLAN_FAULT},         {TIER_FLEX, PLAN_FAULT},
	    {TIER_PRIORITY, PLAN_RESPONSE}, {TIER_RESERVED, PLAN_NO_SUCH_TIER},
	};
	struct scenario_model model = plain;
	model.faults = (struct scenario_faults){.list = &fault, .count = 1};
	model.tiers = tier_bit(TIER_DEFAULT) | tier_bit(TIER_FLEX) | tier_bit(TIER_PRIORITY);
	model.quota.rpm = 1;
	struct behaviour behaviour;
	behaviour_init(&behaviour, &model, &traffic, SLICE("m"), 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct load_demand demand = tokens(1, 5);
		demand.tier = rows[i].tier;
		struct plan plan = plan_once(&behaviour, demand, 0);
		CHECK_INT(plan.outcome, rows[i].outcome);
		CHECK_INT(plan.takes_slot, rows[i].outcome == PLAN_RESPONSE);
	}
	struct adjustment adjustment = adjustment_none();
	adjustment.fault = fault;
	adjustment.fault.trouble = SCENARIO_HANG;
	adjustment.fault.tiers = tier_bit(TIER_PRIORITY);
	behaviour_adjust(&behaviour, &adjustment);
	behaviour.requests = (struct quota_counter){0};
	CHECK_INT(plan_once(&behaviour, tokens(1, 5), 0).outcome, PLAN_RESPONSE);
	behaviour_free(&behaviour);
}

TEST(adjustments_add_up) {
	struct scenario_fault hang = {.to_ms = 1000, .share = 1, .trouble = SCENARIO_HANG};
	struct scenario_model model = plain;
	model.faults = (struct scenario_faults){.list = &hang, .count = 1};
	struct behaviour behaviour;
	struct adjustment adjustment = adjustment_none();
	struct load_demand demand = tokens(1, 5);
	behaviour_init(&behaviour, &model, &traffic, SLICE("m"), 1);
	CHECK_INT(plan_once(&behaviour, demand, 0).fault.trouble, SCENARIO_HANG);
	adjustment.latency_ms = 42;
	behaviour_adjust(&behaviour, &adjustment);
	CHECK_INT(plan_once(&behaviour, demand, 0).outcome, PLAN_FAULT); // the scenario's own fault still applies
	adjustment = adjustment_none();
	adjustment.fault.trouble = SCENARIO_NONE;
	behaviour_adjust(&behaviour, &adjustment);
	adjustment = adjustment_none();
	adjustment.tokens_per_second = 10;
	adjustment.refusal_share = 1;
	behaviour_adjust(&behaviour, &adjustment);
	struct plan plan = plan_once(&behaviour, demand, 0);
	CHECK_INT(plan.outcome, PLAN_RESPONSE);
	CHECK_NEAR(plan.first_ms, 42, 0);
	CHECK_NEAR(plan.token_ms, 100, 0);
	CHECK(plan.refusal);
	behaviour_free(&behaviour);
}

int main(void) {
	RUN(a_seed_gives_the_same_plans);
	RUN(a_fault_leaves_later_latencies_alone);
	RUN(shares_hold);
	RUN(outputs_end_by_themselves_or_at_the_limit);
	RUN(quotas_turn_away);
	RUN(cached_prefixes_are_quick);
	RUN(what_is_turned_away_is_not_cached);
	RUN(slots_are_given_in_order);
	RUN(what_is_turned_away_takes_no_slot);
	RUN(tiers_have_their_own_faults);
	RUN(adjustments_add_up);
	return check_summary();
}

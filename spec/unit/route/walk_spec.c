// SPDX-License-Identifier: Apache-2.0
// A random walk: some thousands of interleaved requests over a few models whose ends, verdicts, tiers, quotas, hedges
// and operators are drawn at random, millions of events in virtual time. After each step the machine is compared with a
// plain account of its inputs and steps.
#include "fixture.h"
#include "route/operator.h"
#include "route/retry_budget.h"

enum { SLOTS = 48, ATTEMPTS = 40, EVENTS_PER_SEED = 600000 };

enum fate { FREE, IN_FLIGHT, STOPPED, ENDED };

// One request as the driver sees it.
struct slot {
	struct route_request *request; // NULL: none
	struct arena arena;
	struct request_attributes attributes;
	bool over, committed, waiting;
	bool was_selected; // the next attempt is a selection, not a repetition
	uint64_t wake_ms, begun_ms;
	uint32_t attempts, in_flight;
	uint32_t hedges, escalations, repeats; // attempts that don't count as retries
	enum fate fates[ATTEMPTS];
	const struct model *models[ATTEMPTS];
	enum service_tier tiers[ATTEMPTS]; // as sent
	bool may_repeat[FIXTURE_MODELS];   // the last verdict on the model was to retry
	bool has_lacked[FIXTURE_MODELS];   // the last attempt on the model lacked its tier
	bool was_escalated[FIXTURE_MODELS];
	bool was_sent[FIXTURE_MODELS];
};

struct walk {
	struct fixture f;
	struct slot slots[SLOTS];
	struct slot *running;
	uint64_t now_ms;
	uint64_t inflight[FIXTURE_MODELS];
	uint64_t ended[FIXTURE_MODELS];
	unsigned missing[FIXTURE_MODELS]; // bits of the tiers that the model has been found to lack
	unsigned served[FIXTURE_MODELS];  // bits of the tiers that the model has served
	uint64_t requests, finishes, sends, finals[2], failures[ROUTE_POLICY_FAILED + 1];
	uint64_t hedges, escalations, climbs, repeats, refusals;
	uint64_t events[EVENT_KINDS];                // by kind
	uint64_t attempt_ends[FIXTURE_MODELS];       // by model
	enum breaker_state breakers[FIXTURE_MODELS]; // by events
};

// Each change of a breaker starts from the state that the last one ended in.
static void walk_observe(void *owner, const struct event *event) {
	struct walk *walk = owner;
	walk->events[event->kind]++;
	if (event->kind == EVENT_ATTEMPT_ENDED)
		walk->attempt_ends[event->model->index]++;
	if (event->kind != EVENT_BREAKER_CHANGED)
		return;
	CHECK_INT(event->breaker.from, walk->breakers[event->model->index]);
	CHECK(event->breaker.to != event->breaker.from);
	walk->breakers[event->model->index] = event->breaker.to;
}

static bool chance(struct walk *walk, uint64_t percent) {
	return random_below(&walk->f.random, 100) < percent;
}

static void walk_select(void *self, const struct route_request *request, struct candidates candidates,
                        struct random_source *random, struct selection *out) {
	struct walk *walk = self;
	walk->running->was_selected = true;
	CHECK(candidates.count > 0);
	for (size_t i = 0; i < candidates.count; i++)
		CHECK(!route_request_has_tried(request, candidates.list[i]));
	if (chance(walk, 1)) {
		out->is_undecided = chance(walk, 50);
		return;
	}
	out->model = chance(walk, 2) ? &walk->f.pool.models[0] : candidates.list[random_below(random, candidates.count)];
	if (chance(walk, 30))
		out->options.timeout_ms = 1 + random_below(random, 300000);
	if (chance(walk, 50))
		out->options.hedge_after_ms = 1 + random_below(random, 40);
	if (chance(walk, 10))
		out->options.tier = (enum service_tier)random_below(random, 5);
	// The breaker may open between listing and sending.
	if (chance(walk, 2))
		operator_command_breaker(candidates.list[0], BREAKER_COMMAND_OPEN, walk->now_ms, &walk->f.observers);
}

static void walk_classify(void *self, const struct failure *failure, const struct route_request *request,
                          const struct model *model, struct classification *out) {
	(void)failure;
	(void)request;
	struct walk *walk = self;
	out->is_undecided = chance(walk, 2);
	if (chance(walk, 30))
		out->verdict = (enum verdict)random_below(&walk->f.random, 4);
	if (chance(walk, 10))
		out->counts = !out->counts;
	if (chance(walk, 10))
		out->cooldown_ms = random_below(&walk->f.random, 3000);
	out->after_ms = chance(walk, 50) ? 0 : random_below(&walk->f.random, 500);
	walk->running->may_repeat[model->index] = out->verdict == VERDICT_RETRY;
}

static enum acceptance walk_accept(void *self, const struct response *response, const struct route_request *request,
                                   const struct model *model, struct slice *reason) {
	(void)response;
	(void)request;
	(void)model;
	struct walk *walk = self;
	bool is_refused = chance(walk, 20);
	if (chance(walk, 2))
		return RESPONSE_UNDECIDED;
	if (is_refused)
		*reason = SLICE("drawn");
	walk->refusals += is_refused;
	return is_refused ? RESPONSE_REFUSED : RESPONSE_ACCEPTED;
}

static void walk_prepare(void *self, const struct route_request *request, const struct model *model,
                         struct edits *out) {
	(void)request;
	(void)model;
	struct walk *walk = self;
	if (chance(walk, 5))
		out->tier = (enum service_tier)random_below(&walk->f.random, 5);
}

static void walk_finish(void *self, const struct route_request *request, const struct request_result *result) {
	struct walk *walk = self;
	CHECK(request == walk->running->request);
	CHECK_INT(result->attempts, walk->running->attempts);
	walk->finishes++;
}

// Checks that the attempt is allowed: a model gets one, and more only for a reason.
static void account_for(struct walk *walk, struct slot *slot, const struct step *step) {
	size_t index = step->model->index;
	const struct route_limits *limits = &walk->f.pool.limits;
	bool is_selected = slot->was_selected, is_escalated = step->options.is_escalated;
	bool is_hedge = slot->in_flight > 0, is_retry = !is_selected && slot->may_repeat[index];
	bool is_escalation = !is_selected && is_escalated && !slot->was_escalated[index];
	bool is_repeat = !is_selected && slot->has_lacked[index] && !is_escalated;
	CHECK(!slot->was_sent[index] || is_retry || is_escalation || slot->has_lacked[index]);
	CHECK(!is_hedge || slot->in_flight == 1);
	CHECK(!is_escalated || is_escalation || is_retry || (is_selected && !slot->was_escalated[index]));
	CHECK(!is_escalated || (limits->tier_escalation.count > 0 && !slot->attributes.is_tier_fixed));
	slot->hedges += is_hedge;
	slot->escalations += is_escalation;
	slot->repeats += is_repeat;
	CHECK(slot->hedges <= limits->max_retries + 1);
	CHECK(slot->attempts + 1 - slot->hedges - slot->escalations - slot->repeats <= limits->max_retries + 1);
	walk->hedges += is_hedge;
	walk->escalations += is_escalation;
	walk->repeats += is_repeat;
	slot->may_repeat[index] = slot->has_lacked[index] = false;
	walk->climbs += is_selected && is_escalated;
	slot->was_selected = false;
	slot->was_escalated[index] |= is_escalated;
}

static void check_send(struct walk *walk, struct slot *slot, const struct step *step) {
	const struct model *model = step->model;
	uint64_t deadline_ms = walk->f.pool.limits.deadline_ms;
	CHECK_INT(step->attempt, slot->attempts);
	CHECK(step->attempt < ATTEMPTS);
	CHECK(!slot->committed);
	CHECK(!route_request_has_tried(slot->request, model));
	CHECK(!(walk->missing[model->index] & tier_bit(step->options.tier)));
	account_for(walk, slot, step);
	for (uint32_t i = 0; i < slot->attempts; i++)
		CHECK(slot->fates[i] == ENDED || slot->models[i] != model);
	CHECK(model->state->breaker.state != BREAKER_OPEN);
	CHECK(step->options.timeout_ms > 0 && step->options.ttft_ms > 0);
	if (deadline_ms)
		CHECK(walk->now_ms + step->options.timeout_ms <= slot->begun_ms + deadline_ms);
	slot->tiers[step->attempt] = step->options.tier;
	slot->fates[step->attempt] = IN_FLIGHT;
	slot->models[step->attempt] = model;
	slot->was_sent[model->index] = true;
	slot->attempts++;
	slot->in_flight++;
	walk->inflight[model->index]++;
	walk->sends++;
}

static void check_final(struct walk *walk, struct slot *slot, const struct step *step) {
	for (uint32_t i = 0; i < slot->attempts; i++)
		CHECK(slot->fates[i] != IN_FLIGHT);
	CHECK(route_request_is_over(slot->request));
	CHECK_INT(step->kind == STEP_FAIL && step->error == ROUTE_NO_MODELS_AVAILABLE,
	          step->kind == STEP_FAIL && slot->attempts == 0 && step->error != ROUTE_CANCELLED &&
	              step->error != ROUTE_DEADLINE_EXCEEDED && step->error != ROUTE_POLICY_FAILED);
	slot->over = true;
	walk->finals[step->kind == STEP_FAIL]++;
	if (step->kind == STEP_FAIL)
		walk->failures[step->error]++;
}

// Carries out the steps until there is none left.
static void carry_out_steps(struct walk *walk, struct slot *slot, struct step step) {
	slot->waiting = false;
	for (; step.kind != STEP_NONE; step = route_next(slot->request, walk->now_ms)) {
		CHECK(!slot->over);
		if (step.kind == STEP_SEND) {
			check_send(walk, slot, &step);
		} else if (step.kind == STEP_CANCEL) {
			CHECK_INT(slot->fates[step.attempt], IN_FLIGHT);
			slot->fates[step.attempt] = STOPPED;
		} else if (step.kind == STEP_WAIT) {
			CHECK(step.wait_ms > 0 && (slot->in_flight == 0 || (slot->in_flight == 1 && !slot->committed)));
			slot->waiting = true;
			slot->wake_ms = walk->now_ms + step.wait_ms;
			break;
		} else {
			check_final(walk, slot, &step);
		}
	}
	CHECK(slot->over || slot->waiting || slot->in_flight > 0);
}

static void begin_request(struct walk *walk, struct slot *slot) {
	*slot = (struct slot){.attributes = {.id = SLICE("r"), .asked = SLICE("chat")}, .begun_ms = walk->now_ms};
	slot->attributes.family_bound = chance(walk, 20);
	slot->attributes.tier = chance(walk, 10) ? (enum service_tier)random_below(&walk->f.random, 5) : TIER_NONE;
	slot->attributes.is_tier_fixed = chance(walk, 5);
	slot->attributes.input_tokens = (int64_t)random_below(&walk->f.random, 200);
	slot->attributes.max_tokens = (int64_t)random_below(&walk->f.random, 1000);
	arena_init(&slot->arena, 1 << 16);
	walk->running = slot;
	CHECK_INT(route_request_new(&walk->f.route, &slot->attributes, &slot->arena, walk->now_ms, &slot->request), 0);
	walk->requests++;
	carry_out_steps(walk, slot, route_begin(slot->request, walk->now_ms));
}

static void end_attempt(struct walk *walk, struct slot *slot, uint32_t attempt) {
	static const char *const words[] = {"ok",   "whole",  "whole",  "throttle", "starve", "break",
	                                    "deny", "reject", "refuse", "stopped",  "lack"};
	const char *word = words[random_below(&walk->f.random, sizeof words / sizeof *words)];
	bool flows = slot->committed && slot->fates[attempt] == IN_FLIGHT;
	struct attempt_result result = result_of(flows && strcmp(word, "whole") == 0 ? "ok" : word);
	const struct model *model = slot->models[attempt];
	bool lacks = strcmp(word, "lack") == 0 && slot->tiers[attempt] && slot->fates[attempt] == IN_FLIGHT && !flows;
	if (lacks && !(walk->served[model->index] & tier_bit(slot->tiers[attempt])))
		walk->missing[model->index] |= tier_bit(slot->tiers[attempt]);
	enum service_tier tier = slot->tiers[attempt] ? slot->tiers[attempt] : slot->attributes.tier;
	if (result.end == ATTEMPT_SUCCEEDED && slot->fates[attempt] == IN_FLIGHT && tier)
		walk->served[model->index] |= tier_bit(tier);
	slot->has_lacked[model->index] = lacks;
	if (chance(walk, 70))
		result.usage = (struct token_usage){(int64_t)random_below(&walk->f.random, 200),
		                                    (int64_t)random_below(&walk->f.random, 1000), -1, -1};
	result.failure.retry_after_ms = chance(walk, 20) ? (int64_t)random_below(&walk->f.random, 2000) : -1;
	slot->may_repeat[model->index] = false;
	slot->fates[attempt] = ENDED;
	slot->in_flight--;
	walk->inflight[model->index]--;
	walk->ended[model->index]++;
	carry_out_steps(walk, slot, route_attempt_ended(slot->request, attempt, &result, walk->now_ms));
}

static void report_attempt(struct walk *walk, struct slot *slot) {
	uint32_t attempt = (uint32_t)random_below(&walk->f.random, slot->attempts);
	while (slot->fates[attempt] == ENDED)
		attempt = (attempt + 1) % slot->attempts;
	bool can_commit = slot->fates[attempt] == IN_FLIGHT && !slot->committed && !slot->over;
	if (can_commit && chance(walk, 20)) {
		slot->committed = true;
		carry_out_steps(walk, slot, route_attempt_committed(slot->request, attempt, walk->now_ms));
	} else {
		end_attempt(walk, slot, attempt);
	}
}

static void advance_slot(struct walk *walk, struct slot *slot) {
	walk->running = slot;
	slot->was_selected = false;
	if (!slot->request)
		begin_request(walk, slot);
	else if (slot->over && slot->in_flight == 0) {
		arena_free(&slot->arena);
		slot->request = NULL;
	} else if (chance(walk, 2))
		carry_out_steps(walk, slot, route_cancel(slot->request, walk->now_ms));
	else if (slot->waiting && chance(walk, 50))
		carry_out_steps(walk, slot, route_next(slot->request, walk->now_ms));
	else if (slot->in_flight > 0)
		report_attempt(walk, slot);
	else if (walk->now_ms < slot->wake_ms && chance(walk, 10))
		walk->now_ms = slot->wake_ms;
	slot->was_selected = false;
	if (slot->request && slot->waiting && walk->now_ms >= slot->wake_ms)
		carry_out_steps(walk, slot, route_next(slot->request, walk->now_ms));
}

static void check_models(struct walk *walk) {
	for (size_t i = 0; i < walk->f.pool.count; i++) {
		const struct model *model = &walk->f.pool.models[i];
		CHECK_INT(model->state->inflight, walk->inflight[i]);
		CHECK(model->state->breaker.probes <= model->breaker.half_open_probes);
		CHECK(model->state->window.count <= WINDOW_ENTRIES);
		CHECK_INT(model_state_missing_tiers(model->state), walk->missing[i]);
		if (model->quota.requests_per_minute)
			CHECK(model->state->quota.requests.own.sum <= model->quota.requests_per_minute);
	}
}

static void command_breaker(struct walk *walk) {
	size_t index = random_below(&walk->f.random, walk->f.pool.count);
	uint64_t draw = random_below(&walk->f.random, 10);
	enum breaker_command command = draw == 0  ? BREAKER_COMMAND_OPEN
	                               : draw < 6 ? BREAKER_COMMAND_CLOSE
	                                          : BREAKER_COMMAND_RESET;
	if (draw < 9)
		operator_command_breaker(&walk->f.pool.models[index], command, walk->now_ms, &walk->f.observers);
	if (draw >= 6 && draw < 9)
		walk->missing[index] = walk->served[index] = 0;
}

static void finish_walk(struct walk *walk) {
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &walk->slots[i];
		walk->running = slot;
		if (!slot->request)
			continue;
		carry_out_steps(walk, slot, route_cancel(slot->request, walk->now_ms));
		while (slot->in_flight > 0)
			report_attempt(walk, slot);
		CHECK(slot->over);
		arena_free(&slot->arena);
	}
	CHECK_INT(walk->finals[0] + walk->finals[1], walk->requests);
	CHECK_INT(walk->events[EVENT_REQUEST_STARTED], walk->requests);
	CHECK_INT(walk->events[EVENT_REQUEST_ENDED], walk->requests);
	CHECK_INT(walk->events[EVENT_ATTEMPT_STARTED], walk->sends);
	CHECK_INT(walk->events[EVENT_ATTEMPT_ENDED], walk->sends);
	CHECK_INT(walk->finishes, walk->requests);
	for (size_t i = 0; i < walk->f.pool.count; i++) {
		struct model_statistics statistics;
		struct model_state *state = walk->f.pool.models[i].state;
		model_state_counts(state, &statistics);
		CHECK_INT(state->inflight, 0);
		CHECK_INT(walk->attempt_ends[i], walk->ended[i]);
		CHECK_INT(state->breaker.state, walk->breakers[i]);
		CHECK_INT(state->breaker.probes, 0);
		CHECK(!state->last_resort_taken);
		uint64_t requests, tokens;
		quota_used(&state->quota, walk->now_ms + 61000, &requests, &tokens);
		CHECK_INT(requests + tokens, 0);
		CHECK_INT(statistics.success + statistics.rate_limit + statistics.fail_fast + statistics.refusal +
		              statistics.cancelled,
		          walk->ended[i]);
	}
}

static void walk_init(struct walk *walk, uint64_t seed) {
	fixture_init(&walk->f, "a b ~c d e ~f");
	fixture_family(&walk->f, "a", "nova");
	fixture_family(&walk->f, "b", "nova");
	fixture_family(&walk->f, "c", "nova");
	random_init(&walk->f.random, seed);
	for (size_t i = 0; i < walk->f.pool.count; i++)
		walk->f.pool.models[i].breaker = (struct breaker_settings){3 + i, 2000, 1 + i % 3, 5000, 1 + i % 3};
	struct route_limits *limits = &walk->f.pool.limits;
	limits->max_retries = random_below(&walk->f.random, 5);
	limits->deadline_ms = seed % 2 ? 3000 : 0;
	limits->max_wait_ms = seed % 3 ? 700 : 0;
	limits->tier_escalation = (struct tier_ladder){{TIER_PRIORITY, TIER_RESERVED}, seed % 3};
	limits->hedge_budget = seed % 2 ? 0.5 : 0.05;
	walk->f.route.retry_budget = seed % 5 ? retry_budget_new() : NULL;
	fixture_model(&walk->f, "a")->tier = TIER_FLEX;
	fixture_quota(&walk->f, "b", 2000, 1000000);
	fixture_quota(&walk->f, "d", 0, 300000);
	walk->f.decide = (struct decide){.self = walk,
	                                 .select = walk_select,
	                                 .classify = walk_classify,
	                                 .accept = walk_accept,
	                                 .prepare = walk_prepare,
	                                 .finish = walk_finish};
	walk->f.observers = (struct observers){0};
	observers_add(&walk->f.observers, (struct observer){walk_observe, walk, UINT_MAX});
}

TEST(random_walks_agree_with_the_account) {
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct walk *walk = memory_new(1, sizeof *walk);
		walk_init(walk, seed);
		for (size_t i = 0; i < EVENTS_PER_SEED && !check_failures_in_test; i++) {
			walk->now_ms += chance(walk, 1) ? random_below(&walk->f.random, 3000) : random_below(&walk->f.random, 4);
			advance_slot(walk, &walk->slots[random_below(&walk->f.random, SLOTS)]);
			if (chance(walk, 1))
				command_breaker(walk);
			check_models(walk);
		}
		if (check_failures_in_test)
			printf("seed %" PRIu64 "\n", seed);
		finish_walk(walk);
		// The walk has reached everything.
		CHECK(walk->requests > 10000 && walk->sends > 10000 && walk->finals[0] > 1000);
		CHECK(walk->failures[ROUTE_NO_MODELS_AVAILABLE] > 100 && walk->failures[ROUTE_RETRIES_EXHAUSTED] > 100);
		CHECK(walk->failures[ROUTE_POLICY_FAILED] > 100);
		CHECK(walk->failures[ROUTE_FAILED] > 100 && walk->failures[ROUTE_CANCELLED] > 100);
		CHECK_INT(walk->failures[ROUTE_DEADLINE_EXCEEDED] > 0, walk->f.pool.limits.deadline_ms > 0);
		CHECK(walk->hedges > 100 && walk->repeats > 100 && walk->refusals > 100);
		CHECK_INT(walk->escalations > 100, walk->f.pool.limits.tier_escalation.count > 0);
		CHECK_INT(walk->climbs > 100, walk->f.pool.limits.tier_escalation.count > 0);
		retry_budget_free(walk->f.route.retry_budget);
		fixture_free(&walk->f);
		free(walk);
	}
}

int main(void) {
	RUN(random_walks_agree_with_the_account);
	return check_summary();
}

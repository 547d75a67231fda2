// SPDX-License-Identifier: Apache-2.0
// One attempt of a request: its tier, its options, its admission, and the settlement of its end. Each attempt is
// admitted once and settled once, however it ends.
#include <assert.h>

#include "route/elapsed.h"
#include "route/request_internal.h"

// As long as the longest attempt.
enum { LONGEST_HEDGE_DELAY_MS = 300000 };

const char *const attempt_cause_names[] = {
    [CAUSE_SELECTION] = "selection",
    [CAUSE_HEDGE] = "hedge",
    [CAUSE_RETRY] = "retry",
    [CAUSE_ESCALATION] = "escalation",
    [CAUSE_MISSING_TIER] = "missing_tier",
    NULL,
};

static uint64_t first_nonzero(uint64_t a, uint64_t b, uint64_t c) {
	return a ? a : b ? b : c;
}

static uint64_t at_most(uint64_t value, uint64_t limit) {
	return value < limit ? value : limit;
}

// No time exceeds what is left of the deadline, which is more than 0 when an attempt is sent.
static struct attempt_options resolve_options(const struct route_request *request,
                                              const struct route_attempt *attempt) {
	const struct route_limits *limits = &request->route->pool->limits;
	const struct model *model = attempt->model;
	const struct attempt_options *selected = &attempt->selected;
	uint64_t left_ms = elapsed_ms(request->deadline_ms, request->now_ms);
	return (struct attempt_options){
	    .timeout_ms = at_most(first_nonzero(selected->timeout_ms, model->timeout_ms, limits->timeout_ms), left_ms),
	    .ttft_ms = at_most(first_nonzero(selected->ttft_ms, model->ttft_ms, limits->ttft_ms), left_ms),
	    .tier = attempt->tier.source == TIER_FROM_CLIENT ? TIER_NONE : attempt->tier.tier,
	    .is_escalated = attempt->tier.source == TIER_FROM_LADDER,
	    .hedge_after_ms = selected->hedge_after_ms,
	    .headers = selected->headers,
	};
}

// Most requests make one attempt, so the list grows as needed; retries, escalations and hedges have their own bounds.
static bool make_attempt_room(struct route_request *request) {
	if (request->attempt_count < request->attempts_room)
		return true;
	struct route_attempt *attempts = arena_alloc(request->arena, 2 * request->attempts_room * sizeof *attempts);
	if (!attempts)
		return false;
	memcpy(attempts, request->attempts, request->attempt_count * sizeof *attempts);
	request->attempts = attempts;
	request->attempts_room *= 2;
	return true;
}

struct tier_choice attempt_start_tier(const struct route_request *request, const struct model *model,
                                      enum service_tier selected, unsigned missing, unsigned cooldown_tiers) {
	missing |= model_state_missing_tiers(model->state);
	if (request->attributes->is_tierless)
		return (struct tier_choice){TIER_NONE, TIER_FROM_NONE};
	struct tier_choice start = tier_start(selected, request->attributes->tier, model->tier, missing);
	if (request->attributes->is_tier_fixed || !(cooldown_tiers & tier_bit(tier_in_effect(start.tier))))
		return start;
	enum service_tier above =
	    tier_next(&request->route->pool->limits.tier_escalation, start.tier, missing | cooldown_tiers);
	return above == TIER_NONE ? start : (struct tier_choice){above, TIER_FROM_LADDER};
}

// Cooldowns don't matter to an attempt that is admitted in any case.
static struct tier_choice choose_tier(const struct route_request *request, const struct attempt_plan *plan,
                                      enum admission admission) {
	struct model_state *state = plan->model->state;
	struct admission_request admission_request = admission_request_of(plan->model, request->demand);
	struct availability availability = {.cooldown_tiers = 0};
	if (plan->escalated_to != TIER_NONE &&
	    !((model_state_missing_tiers(state) | plan->missing_tiers) & tier_bit(plan->escalated_to)))
		return (struct tier_choice){plan->escalated_to, TIER_FROM_LADDER};
	bool may_escalate = request->route->pool->limits.tier_escalation.count > 0 && admission != ADMIT_ANYWAY;
	if (may_escalate && !model_state_is_clear(state))
		model_state_availability(state, &admission_request, request->now_ms, &availability);
	return attempt_start_tier(request, plan->model, plan->selected.tier, plan->missing_tiers,
	                          availability.cooldown_tiers);
}

// With a ladder each tier cools down alone, so admission depends on the tier.
static struct admission_request admission_request_at(const struct route_request *request,
                                                     const struct route_attempt *attempt) {
	struct admission_request admission_request = admission_request_of(attempt->model, request->demand);
	if (request->route->pool->limits.tier_escalation.count > 0)
		admission_request.tier = tier_in_effect(attempt->tier.tier);
	return admission_request;
}

static void set_hedge_time(const struct route_request *request, struct route_attempt *attempt) {
	uint64_t *after_ms = &attempt->selected.hedge_after_ms;
	*after_ms = at_most(*after_ms, LONGEST_HEDGE_DELAY_MS);
	attempt->hedge_at_ms = *after_ms ? request->now_ms + *after_ms : 0;
}

// `prepare` can't change the tier of an escalated attempt, nor choose one that the model is known to lack.
static void prepare_edits(const struct route_request *request, struct route_attempt *attempt, struct edits *edits) {
	const struct decide *decide = request->route->decide;
	if (!decide->prepare)
		return;
	decide->prepare(decide->self, request, attempt->model, edits);
	bool is_clients = edits->tier == request->attributes->tier;
	unsigned missing = model_state_missing_tiers(attempt->model->state) | attempt->missing_tiers;
	if (request->attributes->is_tierless || attempt->tier.source == TIER_FROM_LADDER ||
	    (!is_clients && missing & tier_bit(edits->tier)))
		edits->tier = TIER_NONE;
	if (edits->tier != TIER_NONE)
		attempt->tier = (struct tier_choice){edits->tier, is_clients ? TIER_FROM_CLIENT : TIER_FROM_POLICY};
}

// `prepare` is undecided about an attempt that was admitted: it ends before it is sent.
static struct step withdraw_attempt(struct route_request *request, uint32_t index) {
	const struct attempt_result result = {.end = ATTEMPT_CANCELLED, .usage = TOKEN_USAGE_UNKNOWN, .ttft_ms = -1};
	struct attempt_outcome outcome;
	request->attempts[index].is_unsent = true;
	attempt_settle(request, index, &result, &outcome);
	return completion_undecided(request, index);
}

bool attempt_send(struct route_request *request, const struct attempt_plan *plan, enum admission admission,
                  struct step *step) {
	uint32_t index = request->attempt_count;
	const struct model *model = plan->model;
	struct state_changes changes;
	if (!make_attempt_room(request))
		return false;
	struct route_attempt *attempt = &request->attempts[index];
	*attempt = (struct route_attempt){.model = model,
	                                  .selected = plan->selected,
	                                  .tier = choose_tier(request, plan, admission),
	                                  .missing_tiers = plan->missing_tiers,
	                                  .cause = plan->cause};
	set_hedge_time(request, attempt);
	struct admission_request admission_request = admission_request_at(request, attempt);
	if (!model_state_admit(model->state, &admission_request, admission, request->now_ms, &attempt->permit, &changes))
		return false;
	request->attempt_count++;
	request->in_flight++;
	request->marks[model->index] |= MARK_IN_FLIGHT;
	if (attempt->tier.source == TIER_FROM_LADDER)
		request->marks[model->index] |= MARK_ESCALATED;
	attempt_notify_changes(request, index, &changes, NULL);
	*step = (struct step){.kind = STEP_SEND, .attempt = index, .model = model};
	prepare_edits(request, attempt, &step->edits);
	bool is_undecided = step->edits.is_undecided;
	step->options = resolve_options(request, attempt);
	attempt_notify_started(request, index);
	if (is_undecided)
		*step = withdraw_attempt(request, index);
	else
		request->phase = PHASE_WATCH;
	return true;
}

enum service_tier attempt_next_tier(const struct route_request *request, uint32_t index) {
	const struct route_attempt *attempt = &request->attempts[index];
	const struct tier_ladder *ladder = &request->route->pool->limits.tier_escalation;
	if (ladder->count == 0 || request->attributes->is_tierless || request->attributes->is_tier_fixed ||
	    request->marks[attempt->model->index] & MARK_ESCALATED)
		return TIER_NONE;
	return tier_next(ladder, attempt->tier.tier,
	                 model_state_missing_tiers(attempt->model->state) | attempt->missing_tiers);
}

static void classify_failure(const struct route_request *request, uint32_t index, const struct failure *reported,
                             struct classification *out) {
	const struct decide *decide = request->route->decide;
	struct failure failure = *reported;
	failure.tier = request->attempts[index].tier.tier;
	default_classify(&failure, out);
	// A policy judges models.
	if (failure.fault == FAULT_GATEWAY)
		return;
	if (out->throttle && attempt_next_tier(request, index) != TIER_NONE)
		out->verdict = VERDICT_ESCALATE;
	decide->classify(decide->self, &failure, request, request->attempts[index].model, out);
	if (out->outcome != OUTCOME_RATE_LIMIT)
		out->outcome = OUTCOME_FAIL_FAST;
}

static bool is_own_tier(struct tier_choice tier) {
	return tier.source != TIER_FROM_NONE && tier.source != TIER_FROM_CLIENT;
}

// A stopped attempt counts as cancelled, even if it ended by itself first, and so does one whose tier the model lacks;
// the policy may refuse a whole response. If it is undecided, the attempt has succeeded as far as its model goes.
static enum attempt_end judge_end(const struct route_request *request, struct route_attempt *attempt,
                                  const struct attempt_result *result, struct slice *reason, bool *is_undecided) {
	const struct decide *decide = request->route->decide;
	if (attempt->phase != ATTEMPT_RUNNING)
		return ATTEMPT_CANCELLED;
	attempt->lacked_tier = result->end == ATTEMPT_FAILED && !request->committed && is_own_tier(attempt->tier) &&
	                       result->failure.shortage == SHORTAGE_TIER;
	if (attempt->lacked_tier) {
		model_state_note_missing_tier(attempt->model->state, attempt->tier.tier);
		return ATTEMPT_CANCELLED;
	}
	if (result->end == ATTEMPT_SUCCEEDED && attempt->tier.tier != TIER_NONE)
		model_state_note_served_tier(attempt->model->state, attempt->tier.tier);
	if (result->end != ATTEMPT_SUCCEEDED || !result->response || !decide->accept)
		return result->end;
	enum acceptance acceptance = decide->accept(decide->self, result->response, request, attempt->model, reason);
	*is_undecided = acceptance == RESPONSE_UNDECIDED;
	return acceptance == RESPONSE_REFUSED ? ATTEMPT_REFUSED : ATTEMPT_SUCCEEDED;
}

// A stopped attempt may have used tokens.
static void settle_quota(const struct route_attempt *attempt, enum attempt_end end, const struct attempt_result *result,
                         struct settlement *out) {
	out->quota_use = QUOTA_WHOLE;
	if (end == ATTEMPT_CANCELLED)
		out->quota_use = attempt->lacked_tier || attempt->is_unsent ? QUOTA_UNTOUCHED : QUOTA_PART;
	if (end != ATTEMPT_FAILED)
		return;
	out->quota_use = quota_use_of_failure(&result->failure, result->ttft_ms >= 0);
	out->exhausted = result->failure.shortage;
}

void attempt_settle(struct route_request *request, uint32_t index, const struct attempt_result *result,
                    struct attempt_outcome *out) {
	static const enum outcome outcomes[] = {
	    [ATTEMPT_SUCCEEDED] = OUTCOME_SUCCESS,
	    [ATTEMPT_REFUSED] = OUTCOME_REFUSAL,
	    [ATTEMPT_FAILED] = OUTCOME_FAIL_FAST,
	    [ATTEMPT_CANCELLED] = OUTCOME_CANCELLED,
	};
	struct route_attempt *attempt = &request->attempts[index];
	const struct model *model = attempt->model;
	struct slice reason = {NULL, 0};
	bool is_undecided = false;
	enum attempt_end end = judge_end(request, attempt, result, &reason, &is_undecided);
	*out = (struct attempt_outcome){.end = end,
	                                .lacked_tier = attempt->lacked_tier,
	                                .is_undecided = is_undecided,
	                                .classification.verdict = VERDICT_FAILOVER};
	struct settlement settlement = {.outcome = outcomes[end],
	                                .escalated = attempt->tier.source == TIER_FROM_LADDER,
	                                .latency_ms = result->latency_ms,
	                                .ttft_ms = result->ttft_ms,
	                                .usage = result->usage};
	if (end == ATTEMPT_FAILED) {
		classify_failure(request, index, &result->failure, &settlement.classification);
		// As of a cancelled attempt, the model's state learns nothing.
		settlement.outcome =
		    result->failure.fault == FAULT_GATEWAY ? OUTCOME_CANCELLED : settlement.classification.outcome;
		out->classification = settlement.classification;
		out->is_undecided = settlement.classification.is_undecided;
	}
	settle_quota(attempt, end, result, &settlement);
	struct state_changes changes;
	struct admission_request admission_request = admission_request_at(request, attempt);
	model_state_settle(model->state, &admission_request, &attempt->permit, &settlement, request->now_ms, &changes);
	const struct failure *failure = end == ATTEMPT_FAILED ? &result->failure : NULL;
	attempt_notify_ended(request, index, result, &settlement, reason);
	attempt_notify_changes(request, index, &changes, failure);
	attempt->outcome = settlement.outcome;
	attempt->latency_ms = result->latency_ms;
	if (failure)
		attempt->error = failure->name;
	request->to_stop -= attempt->phase == ATTEMPT_TO_STOP;
	attempt->phase = ATTEMPT_OVER;
	request->in_flight--;
	request->marks[model->index] &= (uint8_t)~MARK_IN_FLIGHT;
}

void attempt_commit(struct route_request *request, uint32_t index) {
	struct route_attempt *attempt = &request->attempts[index];
	struct state_changes changes;
	model_state_commit(attempt->model->state, &attempt->model->breaker, &attempt->permit, &changes);
	attempt_notify_changes(request, index, &changes, NULL);
}

void attempt_stop_all(struct route_request *request, uint32_t keep) {
	for (uint32_t i = 0; i < request->attempt_count; i++) {
		if (i == keep || request->attempts[i].phase != ATTEMPT_RUNNING)
			continue;
		request->attempts[i].phase = ATTEMPT_TO_STOP;
		request->to_stop++;
	}
}

struct step attempt_next_stop(struct route_request *request) {
	uint32_t i = 0;
	while (request->attempts[i].phase != ATTEMPT_TO_STOP)
		i++;
	assert(i < request->attempt_count);
	request->attempts[i].phase = ATTEMPT_STOPPING;
	request->to_stop--;
	return (struct step){.kind = STEP_CANCEL, .attempt = i, .model = request->attempts[i].model};
}

// SPDX-License-Identifier: Apache-2.0
// The same model once more: after a pause since the policy says so, at the next service tier, or without a tier that
// the model lacks. A retry takes from the request's retries and from the budget for extra attempts when it is decided
// on, and gives the latter back when it is not sent.
#include "route/request_internal.h"
#include "route/retry_budget.h"

enum { LONGEST_RETRY_WAIT_MS = 600000 };

static void repeat(struct route_request *request, uint32_t attempt, enum retry_kind why, uint64_t resume_ms) {
	request->retry = attempt;
	request->retry_kind = why;
	request->resume_ms = resume_ms;
	request->phase = PHASE_RETRY;
}

// Whether the attempt is made again, or the request is at its end. Beyond the budget for extra attempts it is not.
static bool retry(struct route_request *request, uint32_t index, uint64_t after_ms) {
	uint64_t wait_ms = after_ms < LONGEST_RETRY_WAIT_MS ? after_ms : LONGEST_RETRY_WAIT_MS;
	uint64_t resume_ms = request->now_ms + wait_ms;
	if (request->retries >= request->max_retries)
		return false;
	if (resume_ms >= request->deadline_ms) {
		completion_fail_deadline(request);
		return true;
	}
	const struct route *route = request->route;
	if (!retry_budget_take(route->retry_budget, route->pool->limits.hedge_budget, request->now_ms,
	                       &request->retry_ticket))
		return false;
	request->retries++;
	repeat(request, index, RETRY_SAME_TIER, resume_ms);
	return true;
}

static bool escalate(struct route_request *request, uint32_t index) {
	enum service_tier tier = attempt_next_tier(request, index);
	if (tier == TIER_NONE)
		return false;
	request->marks[request->attempts[index].model->index] |= MARK_ESCALATED;
	request->next_tier = tier;
	repeat(request, index, RETRY_ESCALATED, request->now_ms);
	return true;
}

bool retry_decide(struct route_request *request, uint32_t index, const struct classification *classification) {
	if (classification->verdict == VERDICT_RETRY)
		return retry(request, index, classification->after_ms);
	return classification->verdict == VERDICT_ESCALATE && escalate(request, index);
}

void retry_without_tier(struct route_request *request, uint32_t index) {
	const struct route_attempt *attempt = &request->attempts[index];
	bool was_escalated = attempt->tier.source == TIER_FROM_LADDER;
	if (was_escalated)
		request->marks[attempt->model->index] |= MARK_TRIED;
	if (request->in_flight > 0)
		return;
	if (was_escalated)
		request_move_on(request);
	else
		repeat(request, index, RETRY_WITHOUT_TIER, request->now_ms);
}

// What the next attempt on the same model is like.
static struct attempt_plan plan_retry(const struct route_request *request) {
	const struct route_attempt *former = &request->attempts[request->retry];
	static const enum attempt_cause causes[] = {
	    [RETRY_SAME_TIER] = CAUSE_RETRY,
	    [RETRY_ESCALATED] = CAUSE_ESCALATION,
	    [RETRY_WITHOUT_TIER] = CAUSE_MISSING_TIER,
	};
	struct attempt_plan attempt_plan = {.model = former->model,
	                                    .wished = former->wished,
	                                    .cause = causes[request->retry_kind],
	                                    .refused_tiers = former->refused_tiers};
	if (request->retry_kind == RETRY_WITHOUT_TIER)
		attempt_plan.refused_tiers |= tier_bit(former->tier.tier);
	else if (request->retry_kind == RETRY_ESCALATED)
		attempt_plan.escalated_to = request->next_tier;
	else if (former->tier.source == TIER_FROM_LADDER)
		attempt_plan.escalated_to = former->tier.tier;
	return attempt_plan;
}

void retry_drop(struct route_request *request) {
	if (request->phase == PHASE_RETRY && request->retry_kind == RETRY_SAME_TIER)
		retry_budget_return(request->route->retry_budget, request->retry_ticket, request->now_ms);
}

// Rested or not: since the policy says so, or since its rest is that of another tier. A change of model counts, unless
// a retry has been counted already.
struct step retry_send(struct route_request *request) {
	struct attempt_plan attempt_plan = plan_retry(request);
	struct step step;
	if (request->now_ms < request->resume_ms)
		return (struct step){.kind = STEP_WAIT, .wait_ms = request->resume_ms - request->now_ms};
	if (attempt_send(request, &attempt_plan, ADMIT_ANYWAY, &step)) {
		request->phase = PHASE_WATCH;
		return step;
	}
	retry_drop(request);
	request->marks[attempt_plan.model->index] |= MARK_TRIED;
	if (request->retry_kind == RETRY_SAME_TIER)
		request->phase = PHASE_SELECT;
	else
		request_move_on(request);
	return route_next(request, request->now_ms);
}

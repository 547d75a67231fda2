// SPDX-License-Identifier: Apache-2.0
// Another attempt on the same model: after a pause if the policy says so, at the next service tier, or without a tier
// that the model lacks. Scheduling a retry takes from the request's retries and from the retry budget; a retry that is
// not sent gives the latter back.
#include "route/request_internal.h"
#include "route/retry_budget.h"

enum { LONGEST_RETRY_WAIT_MS = 600000 };

static void schedule_attempt(struct route_request *request, uint32_t attempt, enum retry_kind why, uint64_t resume_ms) {
	request->retried_attempt = attempt;
	request->retry_kind = why;
	request->resume_ms = resume_ms;
	request->phase = PHASE_RETRY;
}

// True if the attempt will be repeated, or the request has ended. False without a retry left, or beyond the budget.
static bool schedule_retry(struct route_request *request, uint32_t index, uint64_t after_ms) {
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
	schedule_attempt(request, index, RETRY_SAME_TIER, resume_ms);
	return true;
}

static bool schedule_escalation(struct route_request *request, uint32_t index) {
	enum service_tier tier = attempt_next_tier(request, index);
	if (tier == TIER_NONE)
		return false;
	request->marks[request->attempts[index].model->index] |= MARK_ESCALATED;
	request->next_tier = tier;
	schedule_attempt(request, index, RETRY_ESCALATED, request->now_ms);
	return true;
}

bool retry_decide(struct route_request *request, uint32_t index, const struct classification *classification) {
	if (classification->verdict == VERDICT_RETRY)
		return schedule_retry(request, index, classification->after_ms);
	return classification->verdict == VERDICT_ESCALATE && schedule_escalation(request, index);
}

void retry_without_tier(struct route_request *request, uint32_t index) {
	const struct route_attempt *attempt = &request->attempts[index];
	bool was_escalated = attempt->tier.source == TIER_FROM_LADDER;
	if (was_escalated)
		request->marks[attempt->model->index] |= MARK_TRIED;
	if (request->in_flight > 0)
		return;
	if (was_escalated)
		request_fail_over(request);
	else
		schedule_attempt(request, index, RETRY_WITHOUT_TIER, request->now_ms);
}

// An escalated attempt is retried at its tier.
static struct attempt_plan plan_retry(const struct route_request *request) {
	const struct route_attempt *former = &request->attempts[request->retried_attempt];
	static const enum attempt_cause causes[] = {
	    [RETRY_SAME_TIER] = CAUSE_RETRY,
	    [RETRY_ESCALATED] = CAUSE_ESCALATION,
	    [RETRY_WITHOUT_TIER] = CAUSE_MISSING_TIER,
	};
	struct attempt_plan plan = {.model = former->model,
	                            .selected = former->selected,
	                            .cause = causes[request->retry_kind],
	                            .missing_tiers = former->missing_tiers};
	if (request->retry_kind == RETRY_WITHOUT_TIER)
		plan.missing_tiers |= tier_bit(former->tier.tier);
	else if (request->retry_kind == RETRY_ESCALATED)
		plan.escalated_to = request->next_tier;
	else if (former->tier.source == TIER_FROM_LADDER)
		plan.escalated_to = former->tier.tier;
	return plan;
}

void retry_drop(struct route_request *request) {
	if (request->phase == PHASE_RETRY && request->retry_kind == RETRY_SAME_TIER)
		retry_budget_return(request->route->retry_budget, request->retry_ticket, request->now_ms);
}

// A cooldown doesn't matter: the policy wants the retry, or the cooldown is that of another tier. If the model does not
// admit the attempt, the change of model takes a retry, unless this one has taken one already.
struct step retry_send(struct route_request *request) {
	struct attempt_plan plan = plan_retry(request);
	struct step step;
	if (request->now_ms < request->resume_ms)
		return (struct step){.kind = STEP_WAIT, .wait_ms = request->resume_ms - request->now_ms};
	if (attempt_send(request, &plan, ADMIT_ANYWAY, &step))
		return step;
	retry_drop(request);
	request->marks[plan.model->index] |= MARK_TRIED;
	if (request->retry_kind == RETRY_SAME_TIER)
		request->phase = PHASE_SELECT;
	else
		request_fail_over(request);
	return route_next(request, request->now_ms);
}

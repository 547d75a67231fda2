// SPDX-License-Identifier: Apache-2.0
// The same model once more: after a pause since the policy says so, at the next service tier, or without a tier that
// the model lacks. A retry takes from the request's retries and from the budget for extra attempts when it is decided
// on, and gives the latter back when it is not sent.
#include "route/extra_budget.h"
#include "route/request_internal.h"

enum { LONGEST_RETRY_WAIT_MS = 600000 };

static void repeat(struct route_request *request, uint32_t attempt, enum again why, uint64_t resume_ms) {
	request->again = attempt;
	request->why_again = why;
	request->resume_ms = resume_ms;
	request->phase = PHASE_AGAIN;
}

// Whether the attempt is made again, or the request is at its end. Beyond the budget for extra attempts it is not.
static bool retry(struct route_request *request, uint32_t index, uint64_t after_ms) {
	uint64_t wait_ms = after_ms < LONGEST_RETRY_WAIT_MS ? after_ms : LONGEST_RETRY_WAIT_MS;
	uint64_t resume_ms = request->now_ms + wait_ms;
	if (request->retries >= request->max_retries)
		return false;
	if (resume_ms >= request->deadline_ms) {
		request_fail_late(request);
		return true;
	}
	const struct route *route = request->route;
	if (!extra_budget_take(route->extras, route->pool->limits.hedge_budget, request->now_ms, &request->retry_ticket))
		return false;
	request->retries++;
	repeat(request, index, AGAIN_RETRY, resume_ms);
	return true;
}

static bool escalate(struct route_request *request, uint32_t index) {
	enum service_tier tier = attempt_next_tier(request, index);
	if (tier == TIER_NONE)
		return false;
	request->marks[request->attempts[index].model->index] |= MARK_ESCALATED;
	request->next_tier = tier;
	repeat(request, index, AGAIN_ESCALATED, request->now_ms);
	return true;
}

bool again_decide(struct route_request *request, uint32_t index, const struct classification *classification) {
	if (classification->verdict == VERDICT_RETRY)
		return retry(request, index, classification->after_ms);
	return classification->verdict == VERDICT_ESCALATE && escalate(request, index);
}

void again_without_tier(struct route_request *request, uint32_t index) {
	const struct route_attempt *attempt = &request->attempts[index];
	bool was_escalated = attempt->tier.source == TIER_FROM_LADDER;
	if (was_escalated)
		request->marks[attempt->model->index] |= MARK_TRIED;
	if (request->in_flight > 0)
		return;
	if (was_escalated)
		request_move_on(request);
	else
		repeat(request, index, AGAIN_WITHOUT_TIER, request->now_ms);
}

// What the next attempt on the same model is like.
static struct draft draft_again(const struct route_request *request) {
	const struct route_attempt *former = &request->attempts[request->again];
	struct draft draft = {.model = former->model, .wished = former->wished, .refused_tiers = former->refused_tiers};
	if (request->why_again == AGAIN_WITHOUT_TIER)
		draft.refused_tiers |= tier_bit(former->tier.tier);
	else if (request->why_again == AGAIN_ESCALATED)
		draft.escalated_to = request->next_tier;
	else if (former->tier.source == TIER_FROM_LADDER)
		draft.escalated_to = former->tier.tier;
	return draft;
}

void again_drop(struct route_request *request) {
	if (request->phase == PHASE_AGAIN && request->why_again == AGAIN_RETRY)
		extra_budget_return(request->route->extras, request->retry_ticket, request->now_ms);
}

// Rested or not: since the policy says so, or since its rest is that of another tier. A change of model counts, unless
// a retry has been counted already.
struct step again_send(struct route_request *request) {
	struct draft draft = draft_again(request);
	struct step step;
	if (request->now_ms < request->resume_ms)
		return (struct step){.kind = STEP_WAIT, .wait_ms = request->resume_ms - request->now_ms};
	if (attempt_send(request, &draft, ADMIT_ANYWAY, &step)) {
		request->phase = PHASE_WATCH;
		return step;
	}
	again_drop(request);
	request->marks[draft.model->index] |= MARK_TRIED;
	if (request->why_again == AGAIN_RETRY)
		request->phase = PHASE_SELECT;
	else
		request_move_on(request);
	return route_next(request, request->now_ms);
}

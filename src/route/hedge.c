// SPDX-License-Identifier: Apache-2.0
// Hedges: if an attempt has no response after hedge_after_ms, a second model is tried as well, and the first of the two
// that responds wins. One hedge at a time, one for each attempt, within the retry budget, and none if the deadline
// leaves the second attempt less time than the first has had.
#include "route/elapsed.h"
#include "route/request_internal.h"
#include "route/retry_budget.h"

static const struct step NONE = {.kind = STEP_NONE};

// The only attempt in flight, if its response has not begun; else NULL.
static struct route_attempt *find_lone(struct route_request *request) {
	if (request->in_flight != 1 || request->committed)
		return NULL;
	uint32_t i = request->attempt_count - 1;
	while (request->attempts[i].phase == ATTEMPT_OVER)
		i--;
	return &request->attempts[i];
}

static bool is_worthwhile(const struct route_request *request, const struct route_attempt *attempt) {
	uint64_t sent_ms = request->now_ms > attempt->hedge_at_ms ? request->now_ms : attempt->hedge_at_ms;
	return attempt->hedge_at_ms > 0 && request->hedges <= request->max_retries &&
	       elapsed_ms(request->deadline_ms, sent_ms) >= attempt->selected.hedge_after_ms;
}

struct step hedge_watch(struct route_request *request) {
	const struct route *route = request->route;
	struct route_attempt *lone = find_lone(request);
	uint64_t ticket;
	if (!lone || !is_worthwhile(request, lone))
		return NONE;
	if (request->now_ms < lone->hedge_at_ms)
		return (struct step){.kind = STEP_WAIT, .wait_ms = lone->hedge_at_ms - request->now_ms};
	lone->hedge_at_ms = 0;
	if (!retry_budget_take(route->retry_budget, route->pool->limits.hedge_budget, request->now_ms, &ticket))
		return NONE;
	struct step step = request_select(request);
	if (step.kind == STEP_SEND)
		request->hedges++;
	else
		retry_budget_return(route->retry_budget, ticket, request->now_ms);
	return step;
}

// SPDX-License-Identifier: Apache-2.0
// The life of one request, in order: it begins, selects a model and sends to it, takes in how the attempt ended, and
// fails over or ends. An input changes the phase; route_next reads the phase and returns a step. STEP_CANCELs for
// attempts in flight come before the last step.
#include "route/request.h"

#include <assert.h>

#include "route/elapsed.h"
#include "route/request_internal.h"
#include "route/retry_budget.h"

enum { RETRIES_MAX = 10, ATTEMPTS_ROOM = 2, TOKENS_MAX = INT32_MAX };

static uint64_t clamp_tokens(int64_t count) {
	return count <= 0 ? 0 : count < TOKENS_MAX ? (uint64_t)count : TOKENS_MAX;
}

int route_request_new(const struct route *route, const struct request_attributes *attributes, struct arena *arena,
                      uint64_t now_ms, struct route_request **out) {
	const struct route_limits *limits = &route->pool->limits;
	uint64_t max_retries = limits->max_retries < RETRIES_MAX ? limits->max_retries : RETRIES_MAX;
	struct route_request *request = arena_alloc(arena, sizeof *request);
	uint8_t *marks = arena_alloc(arena, route->pool->count);
	const struct model **candidates = arena_alloc(arena, route->pool->count * sizeof *candidates);
	struct route_attempt *attempts = arena_alloc(arena, ATTEMPTS_ROOM * sizeof *attempts);
	*out = NULL;
	if (!request || !marks || !candidates || !attempts)
		return ERROR_MEMORY;
	*request = (struct route_request){
	    .route = route,
	    .attributes = attributes,
	    .arena = arena,
	    .begun_ms = now_ms,
	    .now_ms = now_ms,
	    .deadline_ms = limits->deadline_ms ? now_ms + limits->deadline_ms : UINT64_MAX,
	    .max_retries = max_retries,
	    .result = {.usage = TOKEN_USAGE_UNKNOWN, .ttft_ms = -1},
	    .marks = marks,
	    .candidates = candidates,
	    .attempts = attempts,
	    .attempts_room = ATTEMPTS_ROOM,
	};
	eligible_mark_serving(request);
	*out = request;
	return 0;
}

// Each input calls this: time never goes back.
static void advance_clock(struct route_request *request, uint64_t now_ms) {
	if (now_ms > request->now_ms)
		request->now_ms = now_ms;
}

static void start_request(struct route_request *request) {
	const struct request_attributes *attributes = request->attributes;
	request->demand =
	    (struct quota_demand){clamp_tokens(attributes->input_tokens), clamp_tokens(attributes->max_tokens)};
	request_notify_started(request);
	request->phase = PHASE_SELECT;
}

struct step route_begin(struct route_request *request, uint64_t now_ms) {
	assert(request->phase == PHASE_NEW || request->phase == PHASE_ENDING || request->phase == PHASE_OVER);
	if (request->phase == PHASE_NEW) {
		retry_budget_count(request->route->retry_budget, now_ms);
		start_request(request);
	}
	return route_next(request, now_ms);
}

static bool is_past_deadline(const struct route_request *request) {
	return request->now_ms >= request->deadline_ms;
}

// No model is eligible, or the policy selected none. Attempts in flight may still succeed.
static struct step go_on_without_model(struct route_request *request, enum no_models why, uint64_t first_return_ms) {
	if (request->in_flight > 0) {
		request->phase = PHASE_WATCH;
		return (struct step){.kind = STEP_NONE};
	}
	if (why == NO_MODELS_UNAVAILABLE)
		return completion_wait_or_fail(request, first_return_ms);
	completion_fail_without_model(request, why);
	return completion_step(request);
}

// If the policy selects a model that is no candidate, the default decides instead.
static void choose_model(struct route_request *request, struct candidates candidates, struct selection *out) {
	const struct route *route = request->route;
	*out = (struct selection){0};
	route->decide->select(route->decide->self, request, candidates, route->random, out);
	const struct model *model = out->model;
	if (!model)
		return;
	for (size_t i = 0; i < candidates.count; i++)
		if (candidates.list[i] == model)
			return;
	*out = (struct selection){.model = default_select(candidates, route->random)};
}

// The headers of a selection are borrowed until the next decision, but the attempt may be repeated later.
static bool keep_headers(struct route_request *request, struct headers *headers) {
	if (headers->count == 0)
		return true;
	struct header *kept = arena_alloc(request->arena, headers->count * sizeof *kept);
	if (!kept)
		return false;
	for (size_t i = 0; i < headers->count; i++) {
		kept[i].name = arena_copy(request->arena, headers->list[i].name);
		kept[i].value = arena_copy(request->arena, headers->list[i].value);
		if (!kept[i].name.ptr || !kept[i].value.ptr)
			return false;
	}
	headers->list = kept;
	return true;
}

void request_fail_over(struct route_request *request) {
	if (request->retries >= request->max_retries) {
		completion_fail_without_model(request, NO_MODELS_UNAVAILABLE);
		return;
	}
	request->retries++;
	request->phase = PHASE_SELECT;
}

static void clear_lost_marks(struct route_request *request) {
	for (size_t i = 0; request->has_lost && i < request->route->pool->count; i++)
		request->marks[i] &= (uint8_t)~MARK_LOST;
	request->has_lost = false;
}

// If the model does not admit the attempt after all, another one is selected, and no retry counts. Each loss removes a
// model from this selection, so the loop ends.
struct step request_select(struct route_request *request) {
	struct step step;
	struct selection selection;
	struct eligible eligible;
	clear_lost_marks(request);
	for (;;) {
		eligible_list(request, &eligible);
		if (eligible.candidates.count == 0)
			return go_on_without_model(request, request->is_served ? NO_MODELS_UNAVAILABLE : NO_MODELS_NOT_SERVED,
			                           eligible.first_return_ms);
		choose_model(request, eligible.candidates, &selection);
		if (selection.is_undecided)
			return completion_undecided(request, request->attempt_count ? request->last_failed : NO_ATTEMPT);
		request_notify_selected(request, eligible.candidates, &selection);
		if (!selection.model)
			return go_on_without_model(request, NO_MODELS_NONE_SELECTED, UINT64_MAX);
		struct attempt_plan plan = {.model = selection.model,
		                            .selected = selection.options,
		                            .cause = request->in_flight > 0 ? CAUSE_HEDGE : CAUSE_SELECTION};
		if (keep_headers(request, &plan.selected.headers) && attempt_send(request, &plan, eligible.admission, &step))
			return step;
		request->marks[selection.model->index] |= MARK_LOST;
		request->has_lost = true;
	}
}

struct step route_next(struct route_request *request, uint64_t now_ms) {
	advance_clock(request, now_ms);
	if (request->to_stop > 0)
		return attempt_next_stop(request);
	bool wants_to_send = request->phase == PHASE_SELECT || request->phase == PHASE_RETRY;
	if (wants_to_send && is_past_deadline(request)) {
		if (request->in_flight > 0)
			request->phase = PHASE_WATCH;
		else
			completion_fail_deadline(request);
	}
	switch (request->phase) {
	case PHASE_SELECT:
		return request_select(request);
	case PHASE_RETRY:
		return retry_send(request);
	case PHASE_ENDING:
		return completion_step(request);
	case PHASE_WATCH:
		return hedge_watch(request);
	case PHASE_NEW:
	case PHASE_OVER:
		break;
	}
	return (struct step){.kind = STEP_NONE};
}

// After a refusal or failure before the response began, or an attempt that the driver stopped on its own. While another
// attempt is in flight only this model is given up.
static void handle_failure(struct route_request *request, uint32_t index, const struct classification *classification) {
	request->last_failed = index;
	if (request->in_flight == 0 && retry_decide(request, index, classification))
		return;
	request->marks[request->attempts[index].model->index] |= MARK_TRIED;
	if (request->in_flight > 0)
		return;
	if (classification->verdict == VERDICT_FAIL)
		completion_fail(request, ROUTE_FAILED, index);
	else
		request_fail_over(request);
}

// The policy is undecided about a failure or a response.
static struct step handle_undecided(struct route_request *request, uint32_t index) {
	request->last_failed = index;
	request->marks[request->attempts[index].model->index] |= MARK_TRIED;
	return completion_undecided(request, index);
}

struct step route_attempt_ended(struct route_request *request, uint32_t index, const struct attempt_result *result,
                                uint64_t now_ms) {
	assert(index < request->attempt_count && request->attempts[index].phase != ATTEMPT_OVER);
	advance_clock(request, now_ms);
	bool is_stopped = request->attempts[index].phase != ATTEMPT_RUNNING;
	struct attempt_outcome outcome;
	attempt_settle(request, index, result, &outcome);
	enum attempt_end end = outcome.end;
	request->refused += end == ATTEMPT_REFUSED;
	bool is_committed = request->committed && request->committed_attempt == index;
	if (end == ATTEMPT_FAILED)
		attempt_failures_note(&request->failures, index, &result->failure);
	if (is_committed || end == ATTEMPT_SUCCEEDED)
		completion_note_response(request, result);
	if (is_stopped)
		return route_next(request, now_ms);
	if (outcome.is_undecided && !is_committed)
		return handle_undecided(request, index);
	if (end == ATTEMPT_SUCCEEDED || (end == ATTEMPT_REFUSED && is_committed))
		completion_return(request, index);
	else if (outcome.lacked_tier)
		retry_without_tier(request, index);
	else if (is_committed || (end == ATTEMPT_CANCELLED && request->in_flight == 0))
		completion_fail(request, end == ATTEMPT_CANCELLED ? ROUTE_STOPPED : ROUTE_FAILED, index);
	else
		handle_failure(request, index, &outcome.classification);
	return route_next(request, now_ms);
}

struct step route_attempt_committed(struct route_request *request, uint32_t index, uint64_t now_ms) {
	assert(index < request->attempt_count);
	advance_clock(request, now_ms);
	if (request->attempts[index].phase == ATTEMPT_RUNNING && !request->committed) {
		request->committed = true;
		request->committed_attempt = index;
		attempt_commit(request, index);
		attempt_stop_all(request, index);
	}
	return route_next(request, now_ms);
}

void route_attempt_drop_tier(struct route_request *request, uint32_t index) {
	assert(index < request->attempt_count);
	request->attempts[index].tier = tier_start(TIER_NONE, request->attributes->tier, TIER_NONE, 0);
}

static struct step end_request(struct route_request *request, enum route_error error, uint64_t now_ms) {
	advance_clock(request, now_ms);
	if (request->phase == PHASE_NEW)
		start_request(request);
	if (request->phase != PHASE_OVER) {
		attempt_stop_all(request, NO_ATTEMPT);
		completion_fail(request, error, request->attempt_count ? request->attempt_count - 1 : NO_ATTEMPT);
	}
	return route_next(request, now_ms);
}

struct step route_cancel(struct route_request *request, uint64_t now_ms) {
	return end_request(request, ROUTE_CANCELLED, now_ms);
}

struct step route_stop(struct route_request *request, uint64_t now_ms) {
	return end_request(request, ROUTE_STOPPED, now_ms);
}

struct step route_refuse(struct route_request *request, struct slice refusal, uint64_t now_ms) {
	request->refusal = refusal;
	return end_request(request, ROUTE_REFUSED, now_ms);
}

const struct request_attributes *route_request_attributes(const struct route_request *request) {
	return request->attributes;
}

uint32_t route_request_attempts(const struct route_request *request) {
	return request->attempt_count;
}

void route_request_attempt(const struct route_request *request, uint32_t index, struct attempt_summary *out) {
	assert(index < request->attempt_count);
	const struct route_attempt *attempt = &request->attempts[index];
	*out = (struct attempt_summary){
	    .model = attempt->model,
	    .cause = attempt->cause,
	    .tier = attempt->tier.tier,
	    .is_over = attempt->phase == ATTEMPT_OVER,
	    .outcome = attempt->outcome,
	    .error = attempt->error,
	    .latency_ms = attempt->latency_ms,
	};
}

const struct model *route_request_attempt_model(const struct route_request *request, uint32_t attempt) {
	assert(attempt < request->attempt_count);
	return request->attempts[attempt].model;
}

bool route_request_has_tried(const struct route_request *request, const struct model *model) {
	return request->marks[model->index] & MARK_TRIED;
}

uint64_t route_request_elapsed_ms(const struct route_request *request) {
	return elapsed_ms(request->now_ms, request->begun_ms);
}

uint64_t route_request_now_ms(const struct route_request *request) {
	return request->now_ms;
}

bool route_request_is_over(const struct route_request *request) {
	return request->phase == PHASE_OVER;
}

// SPDX-License-Identifier: Apache-2.0
// The life of one request, downwards: it begins, selects and sends, hears how attempts ended, moves on to another model
// or ends. An input changes the phase; route_next reads the phase and answers with a step. Attempts in flight are told
// to stop before the last step, and after that one there is none.
#include "route/request.h"

#include <assert.h>

#include "route/elapsed.h"
#include "route/request_internal.h"

enum { NO_ATTEMPT = UINT32_MAX, MOST_RETRIES = 10, LONGEST_RETRY_WAIT_MS = 600000 };

int route_request_new(const struct route *route, const struct request_facts *facts, struct arena *arena,
                      uint64_t now_ms, struct route_request **out) {
	const struct route_limits *limits = &route->pool->limits;
	uint64_t max_retries = limits->max_retries < MOST_RETRIES ? limits->max_retries : MOST_RETRIES;
	struct route_request *request = arena_alloc(arena, sizeof *request);
	uint8_t *marks = arena_alloc(arena, route->pool->count);
	const struct model **candidates = arena_alloc(arena, route->pool->count * sizeof *candidates);
	struct route_attempt *attempts = arena_alloc(arena, 2 * (max_retries + 1) * sizeof *attempts);
	*out = NULL;
	if (!request || !marks || !candidates || !attempts)
		return ERROR_MEMORY;
	*request = (struct route_request){
	    .route = route,
	    .facts = facts,
	    .begun_ms = now_ms,
	    .now_ms = now_ms,
	    .deadline_ms = limits->deadline_ms ? now_ms + limits->deadline_ms : UINT64_MAX,
	    .max_retries = max_retries,
	    .marks = marks,
	    .candidates = candidates,
	    .attempts = attempts,
	};
	eligible_mark_serving(request);
	*out = request;
	return 0;
}

// Every input comes in by here: time never goes back.
static void advance(struct route_request *request, uint64_t now_ms) {
	if (now_ms > request->now_ms)
		request->now_ms = now_ms;
}

void request_tell(const struct route_request *request, struct route_event event) {
	if (!request->route->on_event)
		return;
	event.request_id = request->facts->id;
	request->route->on_event(request->route->event_owner, &event);
}

struct step route_begin(struct route_request *request, uint64_t now_ms) {
	assert(request->phase == PHASE_NEW || request->phase == PHASE_ENDING || request->phase == PHASE_OVER);
	if (request->phase == PHASE_NEW) {
		request_tell(request, (struct route_event){.kind = EVENT_REQUEST, .detail = request->facts->operation});
		request->phase = PHASE_SELECT;
	}
	return route_next(request, now_ms);
}

static void end_with(struct route_request *request, struct step final) {
	request->final = final;
	request->phase = PHASE_ENDING;
}

static void fail(struct route_request *request, enum route_error error, uint32_t attempt) {
	struct step final = {.kind = STEP_FAIL, .error = error};
	if (attempt != NO_ATTEMPT) {
		final.attempt = attempt;
		final.model = request->attempts[attempt].model;
	}
	end_with(request, final);
}

// No model is left to ask, or none of those left was wanted.
static void fail_without_model(struct route_request *request, enum no_models why) {
	if (request->attempt_count == 0)
		fail(request, ROUTE_NO_MODELS_AVAILABLE, NO_ATTEMPT);
	else
		fail(request, ROUTE_RETRIES_EXHAUSTED, request->last_failed);
	request->final.why = why;
}

static void fail_late(struct route_request *request) {
	fail(request, ROUTE_DEADLINE, request->attempt_count ? request->last_failed : NO_ATTEMPT);
}

static bool is_late(const struct route_request *request) {
	return request->now_ms >= request->deadline_ms;
}

static void complete_failure(struct route_request *request) {
	struct step *final = &request->final;
	final->all_refused = request->refused > 0 && request->failed == 0;
	if (final->error == ROUTE_NO_MODELS_AVAILABLE && final->why == NO_MODELS_NOT_SERVED)
		return;
	if (final->why == NO_MODELS_NONE_SELECTED)
		final->retry_after_ms = NO_RETURN_MS;
	else
		final->retry_after_ms = eligible_retry_after_ms(request);
}

static struct step finish(struct route_request *request) {
	static const char *const errors[] = {
	    [ROUTE_NO_MODELS_AVAILABLE] = "NO_MODELS_AVAILABLE",
	    [ROUTE_RETRIES_EXHAUSTED] = "RETRIES_EXHAUSTED",
	    [ROUTE_FAILED] = "FAILED",
	    [ROUTE_CANCELLED] = "CANCELLED",
	    [ROUTE_DEADLINE] = "DEADLINE",
	};
	struct step *final = &request->final;
	bool is_answered = final->kind == STEP_RETURN;
	request->phase = PHASE_OVER;
	if (!is_answered)
		complete_failure(request);
	request_tell(request, (struct route_event){.kind = is_answered ? EVENT_SUCCESS : EVENT_ERROR,
	                                           .model = slice_from(final->model ? final->model->name : NULL),
	                                           .detail = slice_from(is_answered ? NULL : errors[final->error]),
	                                           .latency_ms = route_request_elapsed_ms(request),
	                                           .attempt = final->attempt});
	return *final;
}

// Every model that could be asked rests: the client waits if the policy lets it, and is told when it doesn't. Who asks
// first of those that wait is the driver's business.
static struct step wait_or_fail(struct route_request *request, uint64_t first_return_ms) {
	uint64_t now_ms = request->now_ms;
	if (request->wait_until_ms == 0)
		request->wait_until_ms = now_ms + request->route->pool->limits.max_wait_ms;
	uint64_t until_ms = request->wait_until_ms < request->deadline_ms ? request->wait_until_ms : request->deadline_ms;
	if (now_ms >= until_ms || first_return_ms == UINT64_MAX) {
		fail_without_model(request, NO_MODELS_RESTING);
		return finish(request);
	}
	uint64_t again_ms = first_return_ms < until_ms ? first_return_ms : until_ms;
	return (struct step){
	    .kind = STEP_WAIT, .wait_ms = again_ms > now_ms ? again_ms - now_ms : 1, .why = NO_MODELS_RESTING};
}

static struct step none_eligible(struct route_request *request, uint64_t first_return_ms) {
	if (request->in_flight > 0) {
		request->phase = PHASE_WATCH;
		return (struct step){.kind = STEP_NONE};
	}
	if (request->is_served)
		return wait_or_fail(request, first_return_ms);
	fail_without_model(request, NO_MODELS_NOT_SERVED);
	return finish(request);
}

// A selection that is no candidate is no selection: the default decides instead.
static void choose(struct route_request *request, struct candidates candidates, struct selection *out) {
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

static struct step none_selected(struct route_request *request) {
	if (request->in_flight > 0) {
		request->phase = PHASE_WATCH;
		return (struct step){.kind = STEP_NONE};
	}
	fail_without_model(request, NO_MODELS_NONE_SELECTED);
	return finish(request);
}

// A place that is lost between listing and sending means another selection, and no retry. Each loss strikes a model off
// this selection, so it ends.
static struct step select_and_send(struct route_request *request) {
	struct step step;
	struct selection selection;
	struct eligible eligible;
	for (size_t i = 0; i < request->route->pool->count; i++)
		request->marks[i] &= (uint8_t)~MARK_LOST;
	for (;;) {
		eligible_list(request, &eligible);
		if (eligible.candidates.count == 0)
			return none_eligible(request, eligible.first_return_ms);
		choose(request, eligible.candidates, &selection);
		if (!selection.model)
			return none_selected(request);
		request_tell(request, (struct route_event){.kind = EVENT_MODEL_SELECTED,
		                                           .model = slice_from(selection.model->name),
		                                           .detail = selection.reason,
		                                           .attempt = request->attempt_count});
		if (attempt_send(request, selection.model, &selection.options, eligible.admission, &step)) {
			request->phase = PHASE_WATCH;
			return step;
		}
		request->marks[selection.model->index] |= MARK_LOST;
	}
}

// The same model again, rested or not, since the policy says so. Where its breaker has opened meanwhile it is given up,
// and another one is selected without a further retry.
static struct step send_again(struct route_request *request) {
	const struct route_attempt *former = &request->attempts[request->last_failed];
	const struct model *model = former->model;
	struct step step;
	if (request->now_ms < request->resume_ms)
		return (struct step){.kind = STEP_WAIT, .wait_ms = request->resume_ms - request->now_ms};
	if (attempt_send(request, model, &former->wished, ADMIT_ANYWAY, &step)) {
		request->phase = PHASE_WATCH;
		return step;
	}
	request->marks[model->index] |= MARK_TRIED;
	request->phase = PHASE_SELECT;
	return select_and_send(request);
}

struct step route_next(struct route_request *request, uint64_t now_ms) {
	advance(request, now_ms);
	if (request->to_stop > 0)
		return attempt_next_stop(request);
	bool wants_to_send = request->phase == PHASE_SELECT || request->phase == PHASE_AGAIN;
	if (wants_to_send && is_late(request)) {
		if (request->in_flight > 0)
			request->phase = PHASE_WATCH;
		else
			fail_late(request);
	}
	switch (request->phase) {
	case PHASE_SELECT:
		return select_and_send(request);
	case PHASE_AGAIN:
		return send_again(request);
	case PHASE_ENDING:
		return finish(request);
	case PHASE_NEW:
	case PHASE_WATCH:
	case PHASE_OVER:
		break;
	}
	return (struct step){.kind = STEP_NONE};
}

struct step route_request_send_another(struct route_request *request, uint64_t now_ms) {
	if (request->phase == PHASE_WATCH && !request->committed && request->extra <= request->max_retries) {
		uint32_t before = request->attempt_count;
		request->phase = PHASE_SELECT;
		struct step step = route_next(request, now_ms);
		request->extra += request->attempt_count - before;
		return step;
	}
	return route_next(request, now_ms);
}

static void answer(struct route_request *request, uint32_t index) {
	attempt_stop_all(request, index);
	end_with(request, (struct step){.kind = STEP_RETURN, .attempt = index, .model = request->attempts[index].model});
}

static void move_on(struct route_request *request, enum request_phase phase) {
	if (request->retries >= request->max_retries) {
		fail(request, ROUTE_RETRIES_EXHAUSTED, request->last_failed);
		return;
	}
	request->retries++;
	request->phase = phase;
}

static void retry(struct route_request *request, uint64_t after_ms) {
	uint64_t wait_ms = after_ms < LONGEST_RETRY_WAIT_MS ? after_ms : LONGEST_RETRY_WAIT_MS;
	request->resume_ms = request->now_ms + wait_ms;
	if (request->retries < request->max_retries && request->resume_ms >= request->deadline_ms)
		fail_late(request);
	else
		move_on(request, PHASE_AGAIN);
}

// The last attempt in flight has failed, so its verdict decides. There are no service tiers to escalate to, so
// VERDICT_ESCALATE goes to the next model as VERDICT_FAILOVER does.
static void decide_on(struct route_request *request, const struct classification *classification) {
	switch (classification->verdict) {
	case VERDICT_FAIL:
		fail(request, ROUTE_FAILED, request->last_failed);
		break;
	case VERDICT_RETRY:
		retry(request, classification->after_ms);
		break;
	case VERDICT_FAILOVER:
	case VERDICT_ESCALATE:
		move_on(request, PHASE_SELECT);
		break;
	}
}

// A refusal or failure before the answer began, or an attempt that the driver stopped by itself. While another one is
// in flight it only gives up its own model.
static void give_up(struct route_request *request, uint32_t index, const struct classification *classification) {
	const struct model *model = request->attempts[index].model;
	bool is_repeated = request->in_flight == 0 && classification->verdict == VERDICT_RETRY;
	request->last_failed = index;
	if (!is_repeated)
		request->marks[model->index] |= MARK_TRIED;
	if (request->in_flight == 0)
		decide_on(request, classification);
}

struct step route_attempt_ended(struct route_request *request, uint32_t index, const struct attempt_result *result,
                                uint64_t now_ms) {
	assert(index < request->attempt_count && request->attempts[index].phase != ATTEMPT_OVER);
	advance(request, now_ms);
	bool is_stopped = request->attempts[index].phase != ATTEMPT_RUNNING;
	struct lesson lesson;
	attempt_settle(request, index, result, &lesson);
	enum attempt_end end = lesson.end;
	request->failed += end == ATTEMPT_FAILED;
	request->refused += end == ATTEMPT_REFUSED;
	bool is_committed = request->committed && request->committed_attempt == index;
	if (is_stopped)
		return route_next(request, now_ms);
	if (end == ATTEMPT_SUCCEEDED || (end == ATTEMPT_REFUSED && is_committed))
		answer(request, index);
	else if (is_committed || (end == ATTEMPT_CANCELLED && request->in_flight == 0))
		fail(request, end == ATTEMPT_CANCELLED ? ROUTE_CANCELLED : ROUTE_FAILED, index);
	else
		give_up(request, index, &lesson.classification);
	return route_next(request, now_ms);
}

struct step route_attempt_committed(struct route_request *request, uint32_t index, uint64_t now_ms) {
	assert(index < request->attempt_count);
	advance(request, now_ms);
	if (request->attempts[index].phase == ATTEMPT_RUNNING && !request->committed) {
		request->committed = true;
		request->committed_attempt = index;
		attempt_commit(request, index);
		attempt_stop_all(request, index);
	}
	return route_next(request, now_ms);
}

struct step route_cancel(struct route_request *request, uint64_t now_ms) {
	if (request->phase != PHASE_OVER) {
		attempt_stop_all(request, NO_ATTEMPT);
		fail(request, ROUTE_CANCELLED, request->attempt_count ? request->attempt_count - 1 : NO_ATTEMPT);
	}
	return route_next(request, now_ms);
}

const struct request_facts *route_request_facts(const struct route_request *request) {
	return request->facts;
}

uint32_t route_request_attempts(const struct route_request *request) {
	return request->attempt_count;
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

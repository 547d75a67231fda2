// SPDX-License-Identifier: Apache-2.0
// A request's way through the engine: does what routing's steps say, and tells the sink. Decides nothing.
//
// A request may be over while one of its own callbacks is still on the stack; `depth` counts those, and the memory goes
// when the outermost returns.
#include "mux/request_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "mux/request_attributes.h"
#include "mux/request_edits.h"
#include "mux/tick.h"

// Bounds what one request may allocate beside bodies: headers and error texts of at most some tens of attempts, and
// routing's arrays over the pool.
enum { ARENA_BYTES = 16 << 20 };

// A newcomer lets those ask first who wait already. That takes time where they are many, so newcomers then share a
// moment: one for each so many that ask.
enum { ASKED_A_MS = 500 };

static void follow(struct mux_request *request, struct step step);

static uint64_t now_of(const struct mux_request *request) {
	return loop_now_ms(request->worker->loop);
}

static struct attempt *attempt_at(struct list *link) {
	return LIST_OWNER(link, struct attempt, link);
}

static void release(struct mux_request *request) {
	struct mux_worker *worker = request->worker;
	for (struct list *link = request->attempts.next; link != &request->attempts; link = link->next)
		attempt_release(attempt_at(link));
	timer_stop(&request->timer);
	waiting_leave(&request->waiter);
	worker->request_count--;
	version_release(request->version);
	arena_free_secret(&request->arena); // signatures and session tokens have been in it
	free(request);
}

static void hold(void *owner) {
	struct mux_request *request = owner;
	request->depth++;
}

// The outermost callback to return lets go of a request that is over.
static void drop(void *owner) {
	struct mux_request *request = owner;
	if (--request->depth == 0 && request->over)
		release(request);
}

static struct attempt *attempt_of(struct mux_request *request, uint32_t id) {
	struct list *link = request->attempts.next;
	while (link != &request->attempts && attempt_at(link)->id != id)
		link = link->next;
	return link == &request->attempts ? NULL : attempt_at(link);
}

// Collects the failure of an attempt, for the case that no other gives an answer.
static void keep_failure(struct mux_request *request, const struct attempt *attempt) {
	const struct failure *failure = &attempt->result.failure;
	request->has_failed = true;
	request->last_failure = *failure;
	if (attempt->error.status)
		request->kept = attempt->error;
	if (failure->fault == FAULT_OPERATOR && failure->status)
		log_entry(LOG_WARN, "upstream refused", LOG_S("model", attempt_model_name(attempt)),
		          LOG_N("status", failure->status), LOG_S("error", failure->name),
		          LOG_S("request_id", request->attributes.id));
}

static void on_committed(struct attempt *attempt) {
	struct mux_request *request = attempt->owner;
	request->committed = attempt;
	follow(request, route_attempt_committed(request->routing, attempt->id, now_of(request)));
	delivery_head(request, attempt, -1);
}

static bool on_frames(struct attempt *attempt, struct slice frames) {
	struct mux_request *request = attempt->owner;
	return request->cancelled || request->sink->on_body(request->owner, frames);
}

// What comes next, now that the attempt has ended. A whole answer may still be refused, if the policy judges answers.
static struct step after(struct mux_request *request, const struct attempt *attempt) {
	struct attempt_result result = attempt->result;
	struct response response;
	if (result.end == ATTEMPT_SUCCEEDED && request->route.decide->accept && request->committed != attempt) {
		response = attempt_response(attempt);
		result.response = &response;
	}
	if (request->routing)
		return route_attempt_ended(request->routing, attempt->id, &result, now_of(request));
	bool is_answered = attempt->result.end == ATTEMPT_SUCCEEDED;
	return (struct step){
	    .kind = is_answered ? STEP_RETURN : STEP_FAIL, .error = ROUTE_FAILED, .retry_after_ms = RETRY_MS};
}

static void on_ended(struct attempt *attempt) {
	struct mux_request *request = attempt->owner;
	struct step step = after(request, attempt);
	bool lacked_tier = request->routing && route_request_lacked_tier(request->routing, attempt->id);
	if (attempt->result.end == ATTEMPT_FAILED && !lacked_tier)
		keep_failure(request, attempt);
	follow(request, step);
}

static const struct attempt_events attempt_events = {hold, drop, on_committed, on_frames, on_ended};

// What the policy and routing want changed of the call for this attempt; false when there is no room for it.
static bool amend(struct mux_request *request, const struct step *step, struct request_edits **request_edits) {
	struct request_edits_order order = {
	    .worker = request->worker,
	    .call = &request->call,
	    .decide = request->route.decide,
	    .routing = request->routing,
	    .step = step,
	    .arena = &request->arena,
	};
	*request_edits = NULL;
	return !request->routing || !request_edits_is_due(&order) || request_edits_make(&order, request_edits) == 0;
}

static struct attempt *start_attempt(struct mux_request *request, const struct step *step) {
	struct request_edits *request_edits;
	if (!amend(request, step, &request_edits))
		return NULL;
	struct attempt *attempt = attempt_start(&(struct attempt_order){
	    .events = &attempt_events,
	    .owner = request,
	    .worker = request->worker,
	    .call = &request->call,
	    .arena = &request->arena,
	    .target = step->model ? &request->version->targets[step->model->index] : &request->version->own,
	    .step = step,
	    .stream_idle_ms = request->route.pool->limits.stream_idle_ms,
	    .payload_hash = request->payload_hash,
	    .request_edits = request_edits,
	});
	if (!attempt && request_edits)
		request_edits_free(request_edits);
	return attempt;
}

// Starts what routing asked for. An attempt that can't even be set up has ended as soon as it began.
static struct step send(struct mux_request *request, const struct step *step) {
	struct attempt *attempt = start_attempt(request, step);
	if (attempt) {
		list_append(&request->attempts, &attempt->link);
		return (struct step){.kind = STEP_NONE};
	}
	struct attempt_result result = {.end = ATTEMPT_CANCELLED, .ttft_ms = -1, .usage = {-1, -1, -1, -1}};
	if (!request->routing)
		return (struct step){.kind = STEP_FAIL, .error = ROUTE_FAILED};
	return route_attempt_ended(request->routing, step->attempt, &result, now_of(request));
}

static struct step stop(struct mux_request *request, const struct step *step) {
	struct attempt *attempt = attempt_of(request, step->attempt);
	attempt_cancel(attempt);
	return after(request, attempt);
}

// Tells how routing ended; not from within mux_submit, whose caller has no request yet.
static void finish(struct mux_request *request, const struct step *step) {
	if (request->submitting) {
		request->ending = *step;
		timer_start(&request->timer, 0);
	} else if (request->committed) {
		delivery_response(request, request->committed);
	} else if (step->kind == STEP_RETURN) {
		delivery_response(request, attempt_of(request, step->attempt));
	} else {
		delivery_failure(request, step);
	}
}

// Who waits for a model asks in its turn and not before: a former attempt's patience matters no more.
static void await(struct mux_request *request, const struct step *step) {
	if (step->why == NO_MODELS_UNAVAILABLE) {
		timer_stop(&request->timer);
		mux_worker_await(request->worker, &request->waiter, now_of(request) + step->wait_ms);
	} else {
		timer_start(&request->timer, step->wait_ms);
	}
}

static void follow(struct mux_request *request, struct step step) {
	while (step.kind != STEP_NONE) {
		switch (step.kind) {
		case STEP_SEND:
			step = send(request, &step);
			break;
		case STEP_CANCEL:
			step = stop(request, &step);
			break;
		case STEP_WAIT:
			await(request, &step);
			return;
		case STEP_RETURN:
		case STEP_FAIL:
			finish(request, &step);
			return;
		case STEP_NONE:
			break;
		}
		if (step.kind == STEP_NONE && request->routing)
			step = route_next(request->routing, now_of(request));
	}
}

static void on_timer(void *owner) {
	struct mux_request *request = owner;
	hold(request);
	if (request->ending.kind != STEP_NONE)
		finish(request, &request->ending);
	else
		follow(request, route_next(request->routing, now_of(request)));
	drop(request);
}

// The first step: routing's, or for a call that is on no model its one attempt.
static struct step begin(struct mux_request *request) {
	request->begun = true;
	struct step failed = {.kind = STEP_FAIL, .error = ROUTE_NO_MODELS_AVAILABLE, .why = NO_MODELS_NONE_SELECTED};
	const struct route_limits *limits = &request->route.pool->limits;
	if (!operation_is_on_model(request->call.operation))
		return (struct step){.kind = STEP_SEND, .options = {limits->timeout_ms, limits->ttft_ms}};
	if (route_request_new(&request->route, &request->attributes, &request->arena, request->started_ms,
	                      &request->routing))
		return failed;
	return route_begin(request->routing, request->started_ms);
}

// Its turn among those that wait has come.
static void on_turn(void *owner) {
	struct mux_request *request = owner;
	hold(request);
	follow(request, request->begun ? route_next(request->routing, now_of(request)) : begin(request));
	if (request->waiter.ask_ms == UINT64_MAX)
		waiting_leave(&request->waiter);
	drop(request);
}

// Who comes while others wait asks after them.
static void start(struct mux_request *request) {
	struct mux_worker *worker = request->worker;
	uint64_t moment_ms = 1 + worker->waiting.asked / ASKED_A_MS;
	request_attributes_fill(&request->call, request->route.pool, &request->attributes);
	if (operation_is_on_model(request->call.operation) && !waiting_is_empty(&worker->waiting))
		mux_worker_await(worker, &request->waiter, (request->started_ms / moment_ms + 1) * moment_ms);
	else
		follow(request, begin(request));
}

struct mux_request *mux_submit(struct mux_worker *worker, const struct mux_call *call, const struct mux_sink *sink,
                               void *owner) {
	struct mux *mux = worker->mux;
	struct mux_request *request = memory_new(1, sizeof *request);
	request->worker = worker;
	request->version = mux_version_retain(mux);
	tick_note(worker, request->version);
	request->call = *call;
	request->sink = sink;
	request->owner = owner;
	request->started_ms = loop_now_ms(worker->loop);
	request->submitting = true;
	arena_init(&request->arena, ARENA_BYTES);
	request->arena.meter = mux->settings.memory;
	list_init(&request->attempts);
	worker->request_count++;
	timer_init(&request->timer, worker->loop, on_timer, request);
	waiter_init(&request->waiter, worker->arrivals++, on_turn, request);
	request->route = (struct route){
	    .pool = policy_pool(request->version->policy),
	    .decide = policy_decide(request->version->policy, worker->index),
	    .random = &worker->random,
	    .retry_budget = mux->retry_budget,
	    .on_event = mux->settings.on_event,
	    .event_owner = mux->settings.event_owner,
	};
	start(request);
	request->submitting = false;
	return request;
}

uint32_t mux_progress(const struct mux_request *request, struct slice *model) {
	*model = request->committed ? attempt_model_name(request->committed) : delivery_last_model(request);
	return delivery_attempts(request);
}

void mux_cancel(struct mux_request *request) {
	hold(request);
	request->cancelled = true;
	timer_stop(&request->timer);
	waiting_leave(&request->waiter);
	if (!request->over && request->ending.kind != STEP_NONE)
		finish(request, &request->ending);
	else if (!request->over && request->routing)
		follow(request, route_cancel(request->routing, now_of(request)));
	else if (!request->routing && !list_is_empty(&request->attempts))
		attempt_cancel(attempt_at(request->attempts.next));
	request->over = true;
	drop(request);
}

// A call without routing has one attempt, or none when it never began.
static void stop_unrouted(struct mux_request *request) {
	struct step stopped = {.kind = STEP_FAIL, .error = ROUTE_CANCELLED};
	if (!list_is_empty(&request->attempts))
		attempt_cancel(attempt_at(request->attempts.next));
	finish(request, &stopped);
}

void mux_stop(struct mux_request *request) {
	if (request->over || request->ending.kind != STEP_NONE)
		return;
	hold(request);
	timer_stop(&request->timer);
	waiting_leave(&request->waiter);
	if (request->committed)
		attempt_stop(request->committed);
	else if (request->routing)
		follow(request, route_cancel(request->routing, now_of(request)));
	else
		stop_unrouted(request);
	drop(request);
}

void mux_resume(struct mux_request *request) {
	if (request->committed)
		attempt_resume(request->committed);
}

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
	wait_queue_leave(&request->waiter);
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

struct attempt *request_attempt(const struct mux_request *request, uint32_t id) {
	struct list *link = request->attempts.next;
	while (link != &request->attempts && attempt_at(link)->id != id)
		link = link->next;
	return link == &request->attempts ? NULL : attempt_at(link);
}

struct attempt *request_last_attempt(const struct mux_request *request) {
	return list_is_empty(&request->attempts) ? NULL : attempt_at(request->attempts.previous);
}

// An operator has to hear of credentials that are refused, and of models that aren't there.
static void log_refusal(const struct mux_request *request, const struct attempt *attempt) {
	const struct failure *failure = &attempt->result.failure;
	if (attempt->result.end == ATTEMPT_FAILED && failure->fault == FAULT_OPERATOR && failure->status)
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
	return unrouted_end(request, ROUTE_FAILED);
}

static void on_ended(struct attempt *attempt) {
	struct mux_request *request = attempt->owner;
	struct step step = after(request, attempt);
	log_refusal(request, attempt);
	follow(request, step);
}

static const struct attempt_events attempt_events = {hold, drop, on_committed, on_frames, on_ended};

static struct attempt *start_attempt(struct mux_request *request, const struct step *step) {
	struct request_edits *edits;
	struct request_edits_order order = {
	    .worker = request->worker,
	    .call = &request->call,
	    .routing = request->routing,
	    .step = step,
	    .arena = &request->arena,
	};
	if (request_edits_make(&order, &edits))
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
	    .edits = edits,
	});
	if (!attempt && edits)
		request_edits_free(edits);
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
		return unrouted_end(request, ROUTE_FAILED);
	return route_attempt_ended(request->routing, step->attempt, &result, now_of(request));
}

static struct step stop(struct mux_request *request, const struct step *step) {
	struct attempt *attempt = request_attempt(request, step->attempt);
	attempt_cancel(attempt);
	return after(request, attempt);
}

// Tells how routing ended; not from within mux_submit, whose caller has no request yet.
static void finish(struct mux_request *request, const struct step *step) {
	if (request->submitting) {
		request->ending = *step;
		timer_start(&request->timer, 0);
	} else {
		delivery_end(request, step);
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

static struct step begin(struct mux_request *request) {
	request->begun = true;
	return route_begin(request->routing, now_of(request));
}

// The one attempt of a call that is on no model.
static struct step begin_unrouted(struct mux_request *request) {
	const struct route_limits *limits = &request->route.pool->limits;
	return (struct step){.kind = STEP_SEND, .options = {limits->timeout_ms, limits->ttft_ms}};
}

// Its turn among those that wait has come.
static void on_turn(void *owner) {
	struct mux_request *request = owner;
	hold(request);
	follow(request, request->begun ? route_next(request->routing, now_of(request)) : begin(request));
	if (request->waiter.wake_ms == UINT64_MAX)
		wait_queue_leave(&request->waiter);
	drop(request);
}

// New requests queue behind waiting ones.
static void start(struct mux_request *request) {
	struct mux_worker *worker = request->worker;
	uint64_t moment_ms = 1 + worker->wait_queue.woken / ASKED_A_MS;
	request_attributes_fill(&request->call, request->route.pool, &request->attributes);
	if (!operation_is_on_model(request->call.operation))
		follow(request, begin_unrouted(request));
	else if (route_request_new(&request->route, &request->attributes, &request->arena, request->started_ms,
	                           &request->routing))
		follow(request, unrouted_end(request, ROUTE_FAILED));
	else if (!wait_queue_is_empty(&worker->wait_queue))
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
	    .observers = mux->settings.observers,
	    .region = mux->settings.options->region,
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
	wait_queue_leave(&request->waiter);
	if (!request->over && request->ending.kind != STEP_NONE)
		finish(request, &request->ending);
	else if (!request->over && request->routing)
		follow(request, route_cancel(request->routing, now_of(request)));
	else if (!request->routing && !list_is_empty(&request->attempts))
		attempt_cancel(request_last_attempt(request));
	request->over = true;
	drop(request);
}

// A call without routing has one attempt, or none when it never began.
static struct step stop_unrouted(struct mux_request *request) {
	if (!list_is_empty(&request->attempts))
		attempt_cancel(request_last_attempt(request));
	return unrouted_end(request, ROUTE_STOPPED);
}

void mux_stop(struct mux_request *request) {
	if (request->over || request->ending.kind != STEP_NONE)
		return;
	hold(request);
	timer_stop(&request->timer);
	wait_queue_leave(&request->waiter);
	if (request->committed)
		attempt_stop(request->committed);
	else
		follow(request, request->routing ? route_stop(request->routing, now_of(request)) : stop_unrouted(request));
	drop(request);
}

void mux_resume(struct mux_request *request) {
	if (request->committed)
		attempt_resume(request->committed);
}

// SPDX-License-Identifier: Apache-2.0
// The life of a request in the engine: executes the steps that routing returns and calls the sink.
//
// A request may end while its own callbacks are still on the stack. `depth` counts them; the outermost one to return
// frees the request.
#include "mux/request_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "mux/request_attributes.h"
#include "mux/request_edits.h"

// Limit of what one request allocates apart from bodies: headers and error texts of some tens of attempts, and
// routing's arrays over the pool.
enum { ARENA_BYTES = 16 << 20 };

// A new request behind waiting ones has its turn after all of theirs. A pass over a long queue takes time, so new
// requests share passes: the interval between passes grows by 1 ms for each so many waiters in the last one.
enum { WAITERS_PER_MS = 500 };

enum { REFUSAL_LOG_INTERVAL_MS = 1000 };

static void request_follow(struct mux_request *request, struct step step);

static uint64_t request_now_ms(const struct mux_request *request) {
	return loop_now_ms(request->worker->loop);
}

static struct attempt *attempt_at(struct list *link) {
	return LIST_OWNER(link, struct attempt, link);
}

static void request_free(struct mux_request *request) {
	struct mux_worker *worker = request->worker;
	for (struct list *link = request->attempts.next; link != &request->attempts; link = link->next)
		attempt_release(attempt_at(link));
	timer_stop(&request->timer);
	wait_queue_leave(&request->waiter);
	slice_queue_remove(&request->reading);
	worker->request_count--;
	version_release(request->version);
	arena_free_secret(&request->arena); // it has held signatures and session tokens
	free(request);
}

static void request_hold(void *owner) {
	struct mux_request *request = owner;
	request->depth++;
}

// The outermost callback to return frees a request that is over.
static void request_drop(void *owner) {
	struct mux_request *request = owner;
	if (--request->depth == 0 && request->over)
		request_free(request);
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

// Refused credentials and missing models need an operator, so they are logged.
static void log_refusal(const struct mux_request *request, const struct attempt *attempt) {
	const struct failure *failure = &attempt->result.failure;
	if (attempt->result.end == ATTEMPT_FAILED && failure->fault == FAULT_OPERATOR && failure->status)
		log_entry(LOG_WARN, "upstream refused", LOG_S("model", attempt_model_name(attempt)),
		          LOG_N("status", failure->status), LOG_S("error", failure->name),
		          LOG_S("request_id", request->attributes.id));
}

static void request_on_committed(struct attempt *attempt) {
	struct mux_request *request = attempt->order.owner;
	request->committed = attempt;
	request_follow(request, route_attempt_committed(request->routing, attempt->id, request_now_ms(request)));
	delivery_send_head(request, attempt, -1);
}

static bool request_on_frames(struct attempt *attempt, struct slice frames) {
	struct mux_request *request = attempt->order.owner;
	return request->cancelled || request->sink->on_body(request->owner, frames);
}

// Reports the attempt's end; returns the next step. Routing gets a whole response to judge.
static struct step request_settle(struct mux_request *request, const struct attempt *attempt) {
	struct attempt_result result = attempt->result;
	struct response response;
	if (result.end == ATTEMPT_SUCCEEDED && request->committed != attempt) {
		response = attempt_response(attempt);
		result.response = &response;
	}
	if (request->routing)
		return route_attempt_ended(request->routing, attempt->id, &result, request_now_ms(request));
	return unrouted_end(request, ROUTE_FAILED);
}

static void request_on_attempt_ended(struct attempt *attempt) {
	struct mux_request *request = attempt->order.owner;
	struct step step = request_settle(request, attempt);
	log_refusal(request, attempt);
	request_follow(request, step);
}

static const struct attempt_events attempt_events = {request_hold, request_drop, request_on_committed,
                                                     request_on_frames, request_on_attempt_ended};

// Returns 0; ERROR_INVALID with *refusal set; or another error if memory is short.
static int request_start_attempt(struct mux_request *request, const struct step *step, struct slice *refusal) {
	struct request_edits *edits;
	struct request_edits_order order = {
	    .worker = request->worker,
	    .call = &request->call,
	    .body = &request->body,
	    .routing = request->routing,
	    .step = step,
	    .arena = &request->arena,
	    .refusal = refusal,
	};
	int status = request_edits_make(&order, &edits);
	if (status)
		return status;
	struct attempt *attempt = attempt_start(
	    &(struct attempt_order){
	        .events = &attempt_events,
	        .owner = request,
	        .worker = request->worker,
	        .call = &request->call,
	        .arena = &request->arena,
	        .target = step->model ? &request->version->targets[step->model->index] : &request->version->own,
	        .stream_idle_ms = request->route.pool->limits.stream_idle_ms,
	        .payload_hash = request->payload_hash,
	        .reads_response = request->route.decide->accept != NULL,
	        .edits = edits,
	    },
	    step);
	if (!attempt && edits)
		request_edits_free(edits);
	if (!attempt)
		return ERROR_MEMORY;
	list_append(&request->attempts, &attempt->link);
	return 0;
}

// Refuses the request, with a line in the log, at most one a second.
static struct step request_refuse(struct mux_request *request, struct slice refusal) {
	struct mux_worker *worker = request->worker;
	uint64_t now_ms = request_now_ms(request);
	if (now_ms >= worker->next_refusal_log_ms) {
		worker->next_refusal_log_ms = now_ms + REFUSAL_LOG_INTERVAL_MS;
		log_entry(LOG_WARN, "request refused", LOG_S("reason", refusal), LOG_S("request_id", request->attributes.id));
	}
	return route_refuse(request->routing, refusal, now_ms);
}

// The sentence for a body that was read although services may read it differently; empty for other bodies.
static struct slice request_flaw(struct mux_request *request) {
	char text[REQUEST_FLAW_BYTES];
	if (!request_body_is_refused(&request->body))
		return (struct slice){0};
	request_flaw_describe(&request->body.shape->flaw, text);
	return arena_copy(&request->arena, slice_from(text));
}

static const struct attempt_result not_started = {.end = ATTEMPT_CANCELLED, .ttft_ms = -1, .usage = {-1, -1, -1, -1}};

// Executes a STEP_SEND. If the attempt can't be set up, its end is reported at once.
static struct step request_send(struct mux_request *request, const struct step *step) {
	struct slice refusal = request->routing ? request_flaw(request) : (struct slice){0};
	int status = refusal.len ? ERROR_INVALID : request_start_attempt(request, step, &refusal);
	if (status == 0)
		return (struct step){.kind = STEP_NONE};
	if (!request->routing)
		return unrouted_end(request, ROUTE_FAILED);
	if (status == ERROR_INVALID)
		return request_refuse(request, refusal);
	return route_attempt_ended(request->routing, step->attempt, &not_started, request_now_ms(request));
}

// Executes a STEP_CANCEL.
static struct step request_cancel_attempt(struct mux_request *request, const struct step *step) {
	struct attempt *attempt = request_attempt(request, step->attempt);
	if (!attempt)
		return route_attempt_ended(request->routing, step->attempt, &not_started, request_now_ms(request));
	attempt_cancel(attempt);
	return request_settle(request, attempt);
}

// Executes a STEP_RETURN or STEP_FAIL; within mux_submit it is deferred, since the caller has no request yet.
static void request_end(struct mux_request *request, const struct step *step) {
	if (request->submitting) {
		request->ending = *step;
		timer_start(&request->timer, 0);
	} else {
		delivery_end(request, step);
	}
}

// Executes a STEP_WAIT. A request that waits for a model asks in its turn, not earlier, so a timer of a former step is
// stopped.
static void request_wait(struct mux_request *request, const struct step *step) {
	if (step->why == NO_MODELS_UNAVAILABLE) {
		timer_stop(&request->timer);
		mux_worker_await(request->worker, &request->waiter, request_now_ms(request) + step->wait_ms);
	} else {
		timer_start(&request->timer, step->wait_ms);
	}
}

static void request_follow(struct mux_request *request, struct step step) {
	while (step.kind != STEP_NONE) {
		switch (step.kind) {
		case STEP_SEND:
			step = request_send(request, &step);
			break;
		case STEP_CANCEL:
			step = request_cancel_attempt(request, &step);
			break;
		case STEP_WAIT:
			request_wait(request, &step);
			return;
		case STEP_RETURN:
		case STEP_FAIL:
			request_end(request, &step);
			return;
		case STEP_NONE:
			break;
		}
		if (step.kind == STEP_NONE && request->routing)
			step = route_next(request->routing, request_now_ms(request));
	}
}

static void request_on_timer(void *owner) {
	struct mux_request *request = owner;
	request_hold(request);
	if (request->ending.kind != STEP_NONE)
		request_end(request, &request->ending);
	else
		request_follow(request, route_next(request->routing, request_now_ms(request)));
	request_drop(request);
}

static struct step request_begin(struct mux_request *request) {
	struct slice refusal = request_flaw(request);
	request->begun = true;
	if (refusal.len)
		return request_refuse(request, refusal);
	return route_begin(request->routing, request_now_ms(request));
}

// The request's turn in the wait queue.
static void request_on_turn(void *owner) {
	struct mux_request *request = owner;
	request_hold(request);
	request_follow(request,
	               request->begun ? route_next(request->routing, request_now_ms(request)) : request_begin(request));
	if (request->waiter.wake_ms == UINT64_MAX)
		wait_queue_leave(&request->waiter);
	request_drop(request);
}

// New requests queue behind waiting ones.
static void request_queue(struct mux_request *request) {
	struct mux_worker *worker = request->worker;
	uint64_t interval_ms = 1 + worker->wait_queue.woken / WAITERS_PER_MS;
	request_attributes_fill(&request->call, request->route.pool, &request->body, &request->attributes);
	if (!wait_queue_is_empty(&worker->wait_queue))
		mux_worker_await(worker, &request->waiter, (request_now_ms(request) / interval_ms + 1) * interval_ms);
	else
		request_follow(request, request_begin(request));
}

// Reads a slice of the body.
static bool request_on_slice(void *owner) {
	struct mux_request *request = owner;
	if (!request_body_step(&request->body))
		return true;
	request_hold(request);
	request_queue(request);
	request_drop(request);
	return false;
}

// Whether anything may read a body so large that it is read in slices first. What a hook will read isn't known before.
static bool request_is_read_first(const struct mux_request *request) {
	return request_body_is_large(&request->body) &&
	       (request_attributes_want_body(&request->call, request->route.pool) ||
	        policy_sees_requests(request->version->policy));
}

static void request_start(struct mux_request *request) {
	struct mux_worker *worker = request->worker;
	request_body_init(&request->body, request->call.body, request->call.headers, &request->arena);
	request_attributes_init(&request->call, &request->body, &request->attributes);
	if (!operation_is_on_model(request->call.operation))
		request_follow(request, unrouted_begin(request));
	else if (route_request_new(&request->route, &request->attributes, &request->arena, request->started_ms,
	                           &request->routing))
		request_follow(request, unrouted_end(request, ROUTE_FAILED));
	else if (request_is_read_first(request))
		slice_queue_add(&worker->slices, &request->reading);
	else
		request_queue(request);
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
	timer_init(&request->timer, worker->loop, request_on_timer, request);
	waiter_init(&request->waiter, worker->arrivals++, request_on_turn, request);
	sliced_work_init(&request->reading, request_on_slice, request);
	request->route = (struct route){
	    .pool = policy_pool(request->version->policy),
	    .decide = policy_decide(request->version->policy, worker->index),
	    .random = &worker->random,
	    .retry_budget = mux->retry_budget,
	    .observers = mux->settings.observers,
	    .region = mux->settings.options->region,
	};
	request_start(request);
	request->submitting = false;
	return request;
}

void mux_cancel(struct mux_request *request) {
	request_hold(request);
	request->cancelled = true;
	timer_stop(&request->timer);
	wait_queue_leave(&request->waiter);
	slice_queue_remove(&request->reading);
	if (!request->over && request->ending.kind != STEP_NONE)
		request_end(request, &request->ending);
	else if (!request->over && request->routing)
		request_follow(request, route_cancel(request->routing, request_now_ms(request)));
	else if (!request->routing && !list_is_empty(&request->attempts))
		attempt_cancel(request_last_attempt(request));
	request->over = true;
	request_drop(request);
}

void mux_stop(struct mux_request *request) {
	if (request->over || request->ending.kind != STEP_NONE)
		return;
	request_hold(request);
	timer_stop(&request->timer);
	wait_queue_leave(&request->waiter);
	slice_queue_remove(&request->reading);
	if (request->committed)
		attempt_stop(request->committed);
	else
		request_follow(request, request->routing ? route_stop(request->routing, request_now_ms(request))
		                                         : unrouted_stop(request));
	request_drop(request);
}

void mux_resume(struct mux_request *request) {
	if (request->committed)
		attempt_resume(request->committed);
}

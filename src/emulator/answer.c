// SPDX-License-Identifier: Apache-2.0
// One request being answered: its visit at the model, its timer, its end. What is sent, and how it goes wrong, is the
// business of whole.c and stream.c. An answer lives from answer_begin until it is over or its client is gone.
#include <math.h>
#include <stdlib.h>

#include "aws/exception.h"
#include "base/memory.h"
#include "emulator/emulator_state.h"
#include "emulator/respond.h"
#include "world/tier.h"

enum { RESET_DELAY_MS = 10 };

// The loop's time is in whole milliseconds: what is due within half of one is due now.
double answer_elapsed_ms(const struct answer *answer) {
	return ((double)(loop_now_ms(answer->emulator->loop) - answer->served_ms) + 0.5) * answer->emulator->speed;
}

void answer_wake_at(struct answer *answer, double elapsed_ms) {
	double delay = (elapsed_ms - answer_elapsed_ms(answer)) / answer->emulator->speed;
	timer_start(&answer->timer, delay > 0 ? (uint64_t)ceil(delay) : 0);
}

struct counter *answer_counter(struct answer *answer) {
	return counters_at(&answer->emulator->counters, answer->visit.behaviour->index, answer->reply.operation);
}

void answer_strike(struct answer *answer) {
	if (!answer->struck)
		answer_counter(answer)->faults++;
	answer->struck = true;
}

void answer_reset_soon(struct answer *answer) {
	answer->resets = true;
	timer_start(&answer->timer, RESET_DELAY_MS);
}

// The slot goes to who waits next: its answer begins from a timer, so that a long queue is no deep recursion.
static void depart(struct answer *answer) {
	timer_stop(&answer->timer);
	struct visit *next = visit_leave(&answer->visit);
	free(answer);
	if (!next)
		return;
	struct answer *served = LIST_OWNER(next, struct answer, visit);
	served->served_ms = loop_now_ms(served->emulator->loop);
	answer_wake_at(served, next->plan.first_ms);
}

static void throw_exception(struct answer *answer, const char *name, const char *message, uint64_t retry_after_ms) {
	const struct exception *exception = exception_find(slice_from(name));
	int status = exception ? exception->status : 500;
	respond_exception(answer->emulator, answer->call, name, status, message, retry_after_ms);
	answer->over = true;
}

static void throttle(struct answer *answer) {
	bool requests = answer->visit.plan.outcome == PLAN_TOO_MANY_REQUESTS;
	answer_counter(answer)->throttled++;
	throw_exception(answer, "ThrottlingException",
	                requests ? "Too many requests, please wait before trying again."
	                         : "Too many tokens, please wait before trying again.",
	                0);
}

// In the service's words: the reserved tier is one that has been bought.
static const char *no_such_tier(const struct answer *answer) {
	bool is_reserved = answer->reply.tier && tier_bit_of(slice_from(answer->reply.tier)) == TIER_BIT_RESERVED;
	return is_reserved ? "Reservation not found." : "The model does not support the service tier provided.";
}

static void answer_html(struct answer *answer) {
	static const char page[] = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
	                           "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
	struct header type = {SLICE("content-type"), SLICE("text/html")};
	server_answer(answer->call, 502, (struct headers){&type, 1}, slice_from(page));
	answer->over = true;
}

static void abort_call(struct answer *answer, bool reset) {
	server_answer_abort(answer->call, reset);
	answer->over = true;
}

// Faults that come instead of any answer. False when this one doesn't.
static bool fail_at_once(struct answer *answer) {
	const struct scenario_fault *fault = &answer->visit.plan.fault;
	bool streaming = operation_is_streaming(answer->reply.operation);
	bool later = fault->after != SCENARIO_AFTER_UNSET;
	switch (fault->trouble) {
	case SCENARIO_EXCEPTION:
		if (!later || !streaming)
			throw_exception(answer, fault->exception, respond_message(fault->exception), fault->retry_after_ms);
		break;
	case SCENARIO_RESET:
		if (!later)
			abort_call(answer, true);
		break;
	case SCENARIO_CLOSE_EARLY:
		abort_call(answer, false);
		break;
	case SCENARIO_HTML:
		answer_html(answer);
		break;
	case SCENARIO_HANG:
		answer_strike(answer);
		return true;
	default:
		break;
	}
	if (answer->over)
		answer_strike(answer);
	return answer->over;
}

static void act(struct answer *answer) {
	const struct plan *plan = &answer->visit.plan;
	double elapsed_ms = answer_elapsed_ms(answer);
	if (answer->resets)
		abort_call(answer, true);
	else if (elapsed_ms < plan->first_ms)
		answer_wake_at(answer, plan->first_ms);
	else if (plan->outcome == PLAN_TOO_MANY_REQUESTS || plan->outcome == PLAN_TOO_MANY_TOKENS)
		throttle(answer);
	else if (plan->outcome == PLAN_NO_SUCH_TIER)
		throw_exception(answer, "ValidationException", no_such_tier(answer), 0);
	else if (!answer->started && plan->outcome == PLAN_FAULT && fail_at_once(answer))
		return;
	else if (operation_is_streaming(answer->reply.operation))
		stream_act(answer);
	else
		whole_act(answer);
}

// The only place that frees an answer that is acting: what it calls may report the client's going from within.
static void answer_act(void *owner) {
	struct answer *answer = owner;
	answer->acting = true;
	act(answer);
	answer->acting = false;
	if (answer->over || answer->gone)
		depart(answer);
}

void answer_begin(struct emulator *emulator, struct server_call *call, enum operation operation,
                  struct behaviour *behaviour, const struct prompt *prompt, void **call_owner) {
	struct answer *answer = memory_new(1, sizeof *answer);
	*call_owner = answer;
	answer->emulator = emulator;
	answer->call = call;
	answer->served_ms = loop_now_ms(emulator->loop);
	timer_init(&answer->timer, emulator->loop, answer_act, answer);
	// Counting tokens makes none and uses no quota of them.
	bool counts = operation == OPERATION_COUNT_TOKENS;
	struct demand demand = {.max_tokens = 1};
	if (!counts)
		demand = (struct demand){.input_tokens = prompt->input_tokens,
		                         .max_tokens = prompt->max_tokens,
		                         .prefix_tokens = prompt->prefix_tokens,
		                         .prefix_key = prompt->prefix_key,
		                         .tier = prompt->tier};
	bool served = visit_arrive(&answer->visit, behaviour, &demand, emulator_now_ms(emulator));
	reply_init(&answer->reply, operation, slice_from(behaviour->id), &answer->visit.plan);
	answer->reply.tier = prompt->tier ? tier_bit_name(prompt->tier) : NULL;
	if (counts)
		answer->reply.input_tokens = prompt->input_tokens;
	answer_counter(answer)->received++;
	if (served)
		answer_act(answer);
}

void answer_on_writable(struct answer *answer) {
	answer->full = false;
	if (!answer->acting && !answer->resets)
		answer_act(answer);
}

void answer_on_gone(struct answer *answer) {
	if (!answer->struck)
		answer_counter(answer)->cancelled++;
	answer->gone = true;
	if (!answer->acting)
		depart(answer);
}

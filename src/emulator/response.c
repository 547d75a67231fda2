// SPDX-License-Identifier: Apache-2.0
// The response to one request: its visit at the model, its timer, its end. whole.c and stream.c send the content and
// its faults. A response lives from response_begin until it is over or its client is gone.
#include <math.h>
#include <stdlib.h>

#include "aws/exception.h"
#include "base/memory.h"
#include "emulator/emulator_state.h"
#include "emulator/respond.h"

enum { RESET_DELAY_MS = 10 };

// The loop's time is in whole milliseconds: what is due within half a millisecond is due now.
double response_elapsed_ms(const struct emulator_response *response) {
	return ((double)(loop_now_ms(response->emulator->loop) - response->served_ms) + 0.5) * response->emulator->speed;
}

void response_wake_at(struct emulator_response *response, double elapsed_ms) {
	double delay = (elapsed_ms - response_elapsed_ms(response)) / response->emulator->speed;
	timer_start(&response->timer, delay > 0 ? (uint64_t)ceil(delay) : 0);
}

struct counter *response_counter(struct emulator_response *response) {
	return counters_at(&response->emulator->counters, response->visit.behaviour->index, response->generation.operation);
}

void response_strike(struct emulator_response *response) {
	if (!response->struck)
		response_counter(response)->faults++;
	response->struck = true;
}

void response_reset_soon(struct emulator_response *response) {
	response->resets = true;
	timer_start(&response->timer, RESET_DELAY_MS);
}

// The slot goes to the next visit that waits. Its response begins from a timer, so that a long queue doesn't recurse.
static void response_depart(struct emulator_response *response) {
	timer_stop(&response->timer);
	struct visit *next = visit_leave(&response->visit);
	free(response);
	if (!next)
		return;
	struct emulator_response *served = LIST_OWNER(next, struct emulator_response, visit);
	served->served_ms = loop_now_ms(served->emulator->loop);
	response_wake_at(served, next->plan.first_ms);
}

static void response_send_exception(struct emulator_response *response, const char *name, const char *message,
                                    uint64_t retry_after_ms) {
	const struct exception *exception = exception_find(slice_from(name));
	int status = exception ? exception->status : 500;
	respond_exception(response->emulator, response->call, name, status, message, retry_after_ms);
	response->over = true;
}

static void response_send_throttle(struct emulator_response *response) {
	bool requests = response->visit.plan.outcome == PLAN_TOO_MANY_REQUESTS;
	response_counter(response)->throttled++;
	response_send_exception(response, "ThrottlingException",
	                        requests ? EXCEPTION_TOO_MANY_REQUESTS : EXCEPTION_TOO_MANY_TOKENS, 0);
}

// In the service's words: a reserved tier must have been bought.
static const char *no_such_tier_message(const struct emulator_response *response) {
	return response->generation.tier == TIER_RESERVED ? EXCEPTION_NO_RESERVATION : EXCEPTION_NO_TIER;
}

static void response_send_html(struct emulator_response *response) {
	static const char page[] = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
	                           "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
	struct header type = {SLICE("content-type"), SLICE("text/html")};
	server_respond(response->call, 502, (struct headers){&type, 1}, slice_from(page));
	response->over = true;
}

static void response_abort(struct emulator_response *response, bool reset) {
	server_response_abort(response->call, reset);
	response->over = true;
}

// Applies a fault that replaces the response. False for other faults.
static bool response_fail_at_once(struct emulator_response *response) {
	const struct scenario_fault *fault = &response->visit.plan.fault;
	bool streaming = operation_is_streaming(response->generation.operation);
	bool later = fault->after != SCENARIO_AFTER_UNSET;
	switch (fault->trouble) {
	case SCENARIO_EXCEPTION:
		if (!later || !streaming)
			response_send_exception(response, fault->exception, respond_message(fault->exception),
			                        fault->retry_after_ms);
		break;
	case SCENARIO_RESET:
		if (!later)
			response_abort(response, true);
		break;
	case SCENARIO_CLOSE_EARLY:
		response_abort(response, false);
		break;
	case SCENARIO_HTML:
		response_send_html(response);
		break;
	case SCENARIO_HANG:
		response_strike(response);
		return true;
	default:
		break;
	}
	if (response->over)
		response_strike(response);
	return response->over;
}

static void response_do_due(struct emulator_response *response) {
	const struct plan *plan = &response->visit.plan;
	double elapsed_ms = response_elapsed_ms(response);
	if (response->resets)
		response_abort(response, true);
	else if (elapsed_ms < plan->first_ms)
		response_wake_at(response, plan->first_ms);
	else if (plan->outcome == PLAN_TOO_MANY_REQUESTS || plan->outcome == PLAN_TOO_MANY_TOKENS)
		response_send_throttle(response);
	else if (plan->outcome == PLAN_NO_SUCH_TIER)
		response_send_exception(response, "ValidationException", no_such_tier_message(response), 0);
	else if (!response->started && plan->outcome == PLAN_FAULT && response_fail_at_once(response))
		return;
	else if (operation_is_streaming(response->generation.operation))
		stream_act(response);
	else
		whole_act(response);
}

// The only function that frees a response that is acting: functions that it calls may report that the client is gone.
static void response_act(void *owner) {
	struct emulator_response *response = owner;
	response->acting = true;
	response_do_due(response);
	response->acting = false;
	if (response->over || response->gone)
		response_depart(response);
}

void response_begin(struct emulator *emulator, struct server_call *call, enum operation operation,
                    struct behaviour *behaviour, const struct prompt *prompt, void **call_owner) {
	struct emulator_response *response = memory_new(1, sizeof *response);
	*call_owner = response;
	response->emulator = emulator;
	response->call = call;
	response->served_ms = loop_now_ms(emulator->loop);
	timer_init(&response->timer, emulator->loop, response_act, response);
	// CountTokens generates no tokens and uses no quota of tokens.
	bool counts = operation == OPERATION_COUNT_TOKENS;
	struct load_demand demand = {.max_tokens = 1};
	if (!counts)
		demand = (struct load_demand){.input_tokens = prompt->input_tokens,
		                              .max_tokens = prompt->max_tokens,
		                              .prefix_tokens = prompt->prefix_tokens,
		                              .prefix_key = prompt->prefix_key,
		                              .tier = prompt->tier};
	bool served = visit_arrive(&response->visit, behaviour, &demand, emulator_now_ms(emulator));
	generation_init(&response->generation, operation, slice_from(behaviour->id), &response->visit.plan);
	response->generation.tier = prompt->tier;
	if (counts)
		response->generation.input_tokens = prompt->input_tokens;
	response_counter(response)->received++;
	if (served)
		response_act(response);
}

void response_on_writable(struct emulator_response *response) {
	response->full = false;
	if (!response->acting && !response->resets)
		response_act(response);
}

void response_on_gone(struct emulator_response *response) {
	if (!response->struck)
		response_counter(response)->cancelled++;
	response->gone = true;
	if (!response->acting)
		response_depart(response);
}

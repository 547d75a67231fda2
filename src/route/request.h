// SPDX-License-Identifier: Apache-2.0
// The life of one request, read downwards: which model is asked next, and what the end of an attempt means. A pure
// state machine: it is told what happened and when, and answers with the next step. It sends nothing, owns no timer and
// knows no Lua.
//
// The driver's loop: call one of the inputs (begin, attempt_ended, attempt_committed, cancel, woken), do what the step
// says, and call route_next until it answers STEP_NONE or STEP_WAIT. Each STEP_SEND is answered by exactly one
// route_attempt_ended, also when cancelled. STEP_RETURN and STEP_FAIL are the last; attempts still in flight then have
// been told to CANCEL before.
#ifndef ROUTE_REQUEST_H
#define ROUTE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/random.h"
#include "route/decide.h"
#include "route/event.h"
#include "route/model.h"

struct retry_budget;

enum step_kind {
	STEP_NONE,   // nothing to do until an attempt reports
	STEP_SEND,   // start attempt `attempt` on `model` with `options`
	STEP_CANCEL, // stop attempt `attempt`; its end is reported like any other
	STEP_WAIT,   // call route_next again after `wait_ms`, or when an attempt reports; earlier does no harm. `why` is
	             // NO_MODELS_UNAVAILABLE where the request waits for any model to return
	STEP_RETURN, // attempt `attempt` holds the answer
	STEP_FAIL,   // no answer, or one that broke off after its commit: see `error`
};

enum route_error {
	ROUTE_NO_MODELS_AVAILABLE, // no attempt was made; `why` says why
	ROUTE_RETRIES_EXHAUSTED,   // every attempt failed, or only lacked a tier; `attempt` is the last to fail
	ROUTE_FAILED,              // the verdict on `attempt` was to fail, or it failed after its commit
	ROUTE_CANCELLED,           // by the client, or the driver stopped the only attempt by itself
	ROUTE_DEADLINE_EXCEEDED,   // deadline_ms passed
};

// By enum route_error, as the log and clients are told of them.
extern const char *const route_error_names[];

enum no_models { NO_MODELS_NOT_SERVED, NO_MODELS_UNAVAILABLE, NO_MODELS_NONE_SELECTED };

struct step {
	enum step_kind kind;
	uint32_t attempt; // counts from 0 within the request
	const struct model *model;
	struct attempt_options options;
	uint64_t wait_ms;
	enum route_error error;
	enum no_models why;      // of ROUTE_NO_MODELS_AVAILABLE and ROUTE_RETRIES_EXHAUSTED; of STEP_WAIT, too
	bool all_refused;        // every answer was a refusal
	uint64_t retry_after_ms; // for STEP_FAIL: until the first model returns; see the design's fine print
};

// How an attempt ended.
enum attempt_end { ATTEMPT_SUCCEEDED, ATTEMPT_REFUSED, ATTEMPT_FAILED, ATTEMPT_CANCELLED };

struct attempt_result {
	enum attempt_end end;
	struct failure failure; // for ATTEMPT_FAILED
	uint64_t latency_ms;
	int64_t ttft_ms; // -1 where there was no stream content
	struct usage usage;
	const struct response *response; // of ATTEMPT_SUCCEEDED: a whole answer that may still be refused; else NULL
};

// What a worker routes with: the pool and decisions of one policy version, its random source, and who hears events.
// All borrowed; they outlive the requests begun with them.
struct route {
	const struct pool *pool;
	const struct decide *decide;
	struct random_source *random;
	struct retry_budget *retry_budget; // bounds extra attempts; shared by workers; NULL: no bound
	route_event_callback on_event;     // may be NULL
	void *event_owner;
};

// Begins a request: `facts` are borrowed, all memory comes from `arena`. *request lives in the arena. ERROR_MEMORY, and
// *request NULL, when the arena has no room.
int route_request_new(const struct route *route, const struct request_attributes *attributes, struct arena *arena,
                      uint64_t now_ms, struct route_request **request);

// The inputs. Each answers with the first step; then route_next gives the following ones.
struct step route_begin(struct route_request *request, uint64_t now_ms);
struct step route_attempt_ended(struct route_request *request, uint32_t attempt, const struct attempt_result *result,
                                uint64_t now_ms);
// The attempt's answer has begun to flow to the client: no further SEND can come, others in flight are cancelled.
struct step route_attempt_committed(struct route_request *request, uint32_t attempt, uint64_t now_ms);
// `prepare` wants the attempt at this tier. True where it goes there: failures tell of it, and escalation goes on from
// it. False where it stays at the tier of its options: it was escalated, or the model is known to lack this one.
bool route_attempt_prepared(struct route_request *request, uint32_t attempt, enum service_tier tier);
// The attempt goes without that tier, as the client made it: there was no writing it, so its end tells nothing of it.
void route_attempt_untiered(struct route_request *request, uint32_t attempt);
// The client has gone: in-flight attempts are cancelled, then STEP_FAIL with ROUTE_CANCELLED. May be called at any
// point, more than once.
struct step route_cancel(struct route_request *request, uint64_t now_ms);
struct step route_next(struct route_request *request, uint64_t now_ms);

// Facts for views and answers.
const struct request_attributes *route_request_attributes(const struct route_request *request);
// Attempts started so far.
uint32_t route_request_attempts(const struct route_request *request);
// The model of an attempt.
const struct model *route_request_attempt_model(const struct route_request *request, uint32_t attempt);
// Whether the attempt failed only because its model lacks a service tier that the client hadn't asked for: known once
// its end has been told. Nobody's failure, so no client needs to hear of it.
bool route_request_lacked_tier(const struct route_request *request, uint32_t attempt);
// Whether the model has been tried and given up in this request.
bool route_request_has_tried(const struct route_request *request, const struct model *model);
uint64_t route_request_elapsed_ms(const struct route_request *request);
// The time of the last input.
uint64_t route_request_now_ms(const struct route_request *request);
bool route_request_is_over(const struct route_request *request);

#endif

// SPDX-License-Identifier: Apache-2.0
// The life of one request, read downwards: which model is asked next, and what the end of an attempt means. A pure
// state machine: it is told what happened and when, and answers with the next step. It sends nothing, owns no timer and
// knows no Lua.
//
// The driver's loop: call one of the inputs (begin, attempt_ended, attempt_committed, cancel, stop), do what the step
// says, and call route_next until it answers STEP_NONE or STEP_WAIT. Each STEP_SEND is answered by exactly one
// route_attempt_ended, also when cancelled. STEP_RETURN and STEP_FAIL are the last; attempts still in flight then have
// been told to CANCEL before. All hooks of the policy are asked from within the inputs: for `finish` to hear what a
// cancelled attempt has passed on, its end is to be reported at once.
#ifndef ROUTE_REQUEST_H
#define ROUTE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/random.h"
#include "route/decide.h"
#include "route/model.h"

struct error_response;
struct retry_budget;
struct observers;

enum step_kind {
	STEP_NONE,   // nothing to do until an attempt reports
	STEP_SEND,   // start attempt `attempt` on `model` with `options` and `edits`
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
	ROUTE_CANCELLED,           // by the client
	ROUTE_STOPPED,             // by the driver: it ends, or stopped the only attempt by itself
	ROUTE_DEADLINE_EXCEEDED,   // deadline_ms passed
};

// By enum route_error, as doors and logs name them; ended by NULL.
extern const char *const route_error_names[];

enum no_models { NO_MODELS_NOT_SERVED, NO_MODELS_UNAVAILABLE, NO_MODELS_NONE_SELECTED };

struct step {
	enum step_kind kind;
	uint32_t attempt; // counts from 0 within the request
	const struct model *model;
	struct attempt_options options;
	struct edits edits; // of STEP_SEND; borrowed until the next input; `options` heeds its tier
	uint64_t wait_ms;
	enum route_error error;
	enum no_models why;      // of ROUTE_NO_MODELS_AVAILABLE and ROUTE_RETRIES_EXHAUSTED; of STEP_WAIT, too
	bool all_refused;        // every answer was a refusal
	uint64_t retry_after_ms; // for STEP_FAIL: until the first model returns
	// Of STEP_RETURN and STEP_FAIL; they live as long as the request.
	const struct request_result *result;
	const struct error_response *response; // what the client is told; NULL where it has left, or its answer has begun
};

// Why an attempt is made.
enum attempt_cause {
	CAUSE_SELECTION,    // its model was selected; a failover where it isn't the first attempt
	CAUSE_HEDGE,        // the same, beside an attempt in flight
	CAUSE_RETRY,        // the verdict was to try the same model again
	CAUSE_ESCALATION,   // the same model, at the next tier
	CAUSE_MISSING_TIER, // the same model, without the tier that it lacks
};

// By enum attempt_cause; ended by NULL.
extern const char *const attempt_cause_names[];

// How an attempt ended.
enum attempt_end { ATTEMPT_SUCCEEDED, ATTEMPT_REFUSED, ATTEMPT_FAILED, ATTEMPT_CANCELLED };

struct attempt_result {
	enum attempt_end end;
	struct failure failure; // for ATTEMPT_FAILED
	int status;             // of the answer's head; 0 where none came
	uint64_t latency_ms;
	int64_t ttft_ms; // -1 where there was no stream content
	struct usage usage;
	const struct response *response; // of ATTEMPT_SUCCEEDED: a whole answer that may still be refused; else NULL
};

// What a worker routes with: the pool and decisions of one policy version, its random source, and its observers.
// All borrowed; they outlive the requests begun with them.
struct route {
	const struct pool *pool;
	const struct decide *decide;
	struct random_source *random;
	struct retry_budget *retry_budget; // bounds extra attempts; shared by workers; NULL: no bound
	const struct observers *observers; // NULL: none
	const char *region;                // of the models that name none, for observers; may be NULL
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
// The tier of the attempt's options can't be written into the request: it is sent as the client made it, and its end
// tells nothing of that tier.
void route_attempt_untiered(struct route_request *request, uint32_t attempt);
// The client has gone: in-flight attempts are cancelled, then STEP_FAIL with ROUTE_CANCELLED. May be called at any
// point, before route_begin too, and more than once.
struct step route_cancel(struct route_request *request, uint64_t now_ms);
// The same where the driver is about to end and the client still waits: ROUTE_STOPPED.
struct step route_stop(struct route_request *request, uint64_t now_ms);
struct step route_next(struct route_request *request, uint64_t now_ms);

// Facts for views and answers.
const struct request_attributes *route_request_attributes(const struct route_request *request);
// Attempts started so far.
uint32_t route_request_attempts(const struct route_request *request);
// What an attempt has come to. Its slices live as long as the request.
struct attempt_summary {
	const struct model *model;
	enum attempt_cause cause;
	enum service_tier tier; // TIER_NONE: none was stated
	bool is_over;           // what follows holds then
	enum outcome outcome;
	struct slice error; // the failure's name; empty where it did not fail
	uint64_t latency_ms;
};
void route_request_attempt(const struct route_request *request, uint32_t attempt, struct attempt_summary *out);
// The model of an attempt.
const struct model *route_request_attempt_model(const struct route_request *request, uint32_t attempt);
// Whether the model has been tried and given up in this request.
bool route_request_has_tried(const struct route_request *request, const struct model *model);
uint64_t route_request_elapsed_ms(const struct route_request *request);
// The time of the last input.
uint64_t route_request_now_ms(const struct route_request *request);
bool route_request_is_over(const struct route_request *request);

#endif

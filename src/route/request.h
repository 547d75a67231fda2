// SPDX-License-Identifier: Apache-2.0
// The life of one request: which model it is sent to next, and what the end of an attempt means. A pure state machine:
// the driver reports what happened and when, and gets the next step back. It sends nothing, owns no timer and knows no
// Lua.
//
// The driver's loop: call one of the inputs (begin, attempt_ended, attempt_committed, cancel, stop), carry out the step
// that it returns, and call route_next until that returns STEP_NONE or STEP_WAIT. Report exactly one
// route_attempt_ended for each STEP_SEND, also for a cancelled attempt. STEP_RETURN and STEP_FAIL are the last steps;
// each attempt still in flight then has got its STEP_CANCEL before. All hooks of the policy are called from within the
// inputs: report the end of a cancelled attempt at once, so that `finish` gets the status and usage that it came to.
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
	STEP_NONE,   // nothing to do until an attempt commits or ends
	STEP_SEND,   // start attempt `attempt` on `model` with `options` and `edits`
	STEP_CANCEL, // stop attempt `attempt`; report its end like any other
	STEP_WAIT,   // call route_next after `wait_ms`, unless an attempt commits or ends before; earlier does no harm.
	             // `why` is NO_MODELS_UNAVAILABLE if the request waits for a model to become available
	STEP_RETURN, // attempt `attempt` holds the response
	STEP_FAIL,   // no response, or one that broke off after its commit: see `error`
};

enum route_error {
	ROUTE_NO_MODELS_AVAILABLE, // no attempt was made; `why` says why
	ROUTE_RETRIES_EXHAUSTED,   // every attempt failed, or only lacked a tier; `attempt` is the last that failed
	ROUTE_FAILED,              // the verdict on `attempt` was to fail, or it failed after its commit
	ROUTE_CANCELLED,           // by the client
	ROUTE_STOPPED,             // by the driver: it shuts down, or stopped the only attempt on its own
	ROUTE_DEADLINE_EXCEEDED,   // deadline_ms passed
	ROUTE_REFUSED,             // by the driver: the request can't be read, or be sent as the policy wants it
	ROUTE_POLICY_FAILED,       // the policy failed at a decision, and says that the request ends then
};

// By enum route_error: the names in responses and logs; ended by NULL.
extern const char *const route_error_names[];

// Why no model is left to send to.
enum no_models {
	NO_MODELS_NOT_SERVED,    // no model serves the name that the client asks for
	NO_MODELS_UNAVAILABLE,   // each model that does is unavailable, or has been tried
	NO_MODELS_NONE_SELECTED, // the policy selected none
};

struct step {
	enum step_kind kind;
	uint32_t attempt; // counts from 0 within the request
	const struct model *model;
	struct attempt_options options; // of STEP_SEND; resolved, and within the deadline
	struct edits edits;             // of STEP_SEND; borrowed until the next input; `options` takes account of its tier
	uint64_t wait_ms;
	enum route_error error;
	enum no_models why;      // of ROUTE_NO_MODELS_AVAILABLE and ROUTE_RETRIES_EXHAUSTED, and of STEP_WAIT
	bool all_refused;        // every response was a refusal
	struct slice refusal;    // of ROUTE_REFUSED: a sentence for the client that says why
	uint64_t retry_after_ms; // of STEP_FAIL: until the first model is available
	// Of STEP_RETURN and STEP_FAIL; both live as long as the request.
	const struct request_result *result;
	const struct error_response *response; // for the client; NULL if it has left, or its response has begun
};

// Why an attempt is made.
enum attempt_cause {
	CAUSE_SELECTION,    // its model was selected; a failover unless it is the first attempt
	CAUSE_HEDGE,        // its model was selected while another attempt was in flight
	CAUSE_RETRY,        // the verdict was to try the same model again
	CAUSE_ESCALATION,   // the same model, at the next tier
	CAUSE_MISSING_TIER, // the same model, without the tier that it lacks
};

// By enum attempt_cause; ended by NULL.
extern const char *const attempt_cause_names[];

// How an attempt ended. ATTEMPT_REFUSED: the policy refuses its response.
enum attempt_end { ATTEMPT_SUCCEEDED, ATTEMPT_REFUSED, ATTEMPT_FAILED, ATTEMPT_CANCELLED };

struct attempt_result {
	enum attempt_end end;
	struct failure failure; // of ATTEMPT_FAILED
	int status;             // of the response; 0 if none arrived
	uint64_t latency_ms;
	int64_t ttft_ms; // time to first token; -1 if the response had no stream content
	struct token_usage usage;
	const struct response *response; // of ATTEMPT_SUCCEEDED: a whole response that `accept` may refuse; else NULL
};

// What a worker routes with: the pool and the decisions of one policy version, a random source and the observers. All
// borrowed; they must outlive the requests that are made with them.
struct route {
	const struct pool *pool;
	const struct decide *decide;
	struct random_source *random;
	struct retry_budget *retry_budget; // bounds extra attempts; shared by workers; NULL: no bound
	const struct observers *observers; // NULL: none
	const char *region;                // of models that state none, for observers; may be NULL
};

// Makes a request. `attributes` are borrowed; what is read of the body may be filled in until it begins. *request and
// all its memory live in `arena`. ERROR_MEMORY, and *request NULL, if the arena has no room.
int route_request_new(const struct route *route, const struct request_attributes *attributes, struct arena *arena,
                      uint64_t now_ms, struct route_request **request);

// The inputs. Each returns the first step that follows from it; route_next returns the further ones.

// Begins to route, once. After route_cancel or route_stop it only continues to the last step.
struct step route_begin(struct route_request *request, uint64_t now_ms);

// The attempt has ended. `result` is borrowed for the call, but the slices of its failure for the life of the request.
struct step route_attempt_ended(struct route_request *request, uint32_t attempt, const struct attempt_result *result,
                                uint64_t now_ms);

// The attempt's response has begun to flow to the client: no further STEP_SEND follows, and the other attempts in
// flight are cancelled.
struct step route_attempt_committed(struct route_request *request, uint32_t attempt, uint64_t now_ms);

// The client has left: attempts in flight are cancelled, then STEP_FAIL with ROUTE_CANCELLED. May be called at any
// time, also before route_begin, and more than once.
struct step route_cancel(struct route_request *request, uint64_t now_ms);

// The same for a driver that shuts down while the client still waits: ROUTE_STOPPED.
struct step route_stop(struct route_request *request, uint64_t now_ms);

// The driver can't read the request, or can't send it as the policy wants it: attempts in flight are cancelled, also
// one whose STEP_SEND can't be executed, then STEP_FAIL with ROUTE_REFUSED. `refusal` is a sentence for the client that
// lives as long as the request. May be called before route_begin.
struct step route_refuse(struct route_request *request, struct slice refusal, uint64_t now_ms);

// The next step as of `now_ms`.
struct step route_next(struct route_request *request, uint64_t now_ms);

// The tier in the options of a STEP_SEND can't be written into the request: the attempt is sent with the tier that the
// client asks for, and its end counts for that one.
void route_attempt_drop_tier(struct route_request *request, uint32_t attempt);

// What a request has come to so far, for views, responses and observers.

const struct request_attributes *route_request_attributes(const struct route_request *request);

// How many attempts have started.
uint32_t route_request_attempts(const struct route_request *request);

// An attempt so far. Its slices live as long as the request.
struct attempt_summary {
	const struct model *model;
	enum attempt_cause cause;
	enum service_tier tier; // TIER_NONE: none was stated
	bool is_over;           // only then what follows is set
	enum outcome outcome;
	struct slice error; // the failure's name; empty if it did not fail
	uint64_t latency_ms;
};

// `attempt` is less than route_request_attempts, here and below.
void route_request_attempt(const struct route_request *request, uint32_t attempt, struct attempt_summary *out);

const struct model *route_request_attempt_model(const struct route_request *request, uint32_t attempt);

// Whether the request has tried the model and won't select it again.
bool route_request_has_tried(const struct route_request *request, const struct model *model);

// From route_request_new to the latest call.
uint64_t route_request_elapsed_ms(const struct route_request *request);

// The time of the latest call.
uint64_t route_request_now_ms(const struct route_request *request);

// Whether the last step was returned.
bool route_request_is_over(const struct route_request *request);

#endif

// SPDX-License-Identifier: Apache-2.0
// What happens, as typed records: each event is emitted once, when it happens, and an observer shows the fields of it
// that it needs. Times are monotonic milliseconds. Everything that a record points to is borrowed for the call.
//
// Records hold names, times, counts and outcomes. Only what `request` and `failure` point to (body, headers, message)
// holds text of clients and models: an observer must not show that.
#ifndef ROUTE_EVENT_H
#define ROUTE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/problem.h"
#include "base/slice.h"
#include "route/decide.h"
#include "route/request.h"
#include "route/state.h"

enum event_kind {
	EVENT_REQUEST_STARTED,  // routing of the request begins
	EVENT_MODEL_SELECTED,   // see struct model_selected
	EVENT_MODEL_SKIPPED,    // its breaker is open; at most once for each model and request
	EVENT_ATTEMPT_STARTED,  // see struct attempt_started
	EVENT_ATTEMPT_ENDED,    // see struct attempt_ended; exactly one for each that started
	EVENT_REQUEST_ENDED,    // see struct request_ended; exactly one for each that started
	EVENT_BREAKER_CHANGED,  // see struct breaker_changed
	EVENT_COOLDOWN_STARTED, // see struct cooldown_started
	EVENT_BREAKER_COMMAND,  // by an operator, see struct breaker_commanded; EVENT_BREAKER_CHANGED follows if it changes
	EVENT_STATISTICS_RESET, // by an operator, of all models
	EVENT_POLICY_RELOADED,  // see struct policy_reloaded
	EVENT_POLICY_REJECTED,  // see struct policy_rejected
	EVENT_POLICY_ERROR,     // see struct policy_error
	EVENT_HOOK_DISABLED,    // see struct hook_disabled
	EVENT_KINDS,
};

// The event's model is NULL if the policy selected none and gave a reason; without a reason there is no event.
struct model_selected {
	struct candidates candidates;
	struct slice reason; // of the policy; may be empty if a model was selected
};

struct attempt_started {
	enum attempt_cause cause;
	const char *region;     // of the model, else of the engine; NULL: unknown
	enum service_tier tier; // TIER_NONE: none is stated
	bool is_escalated;      // the tier is a rung of the policy's ladder
	uint64_t started_ms;
};

struct attempt_ended {
	struct attempt_started start; // as in its own event, but `tier` is the client's if another could not be written
	enum outcome outcome;
	int status;                    // of the response, or of an exception in it; 0 if none arrived
	bool is_stopped;               // routing stopped it: another attempt was faster, or the request is over
	bool is_committed;             // its response had begun to flow to the client
	bool lacked_tier;              // cancelled, since the model has no such tier
	struct slice reason;           // of a refusal
	const struct failure *failure; // NULL if it did not fail, or was stopped
	const struct classification *classification; // of that failure; NULL without one
	struct token_usage usage;
	uint64_t latency_ms;
	int64_t ttft_ms; // -1 if the response had no stream content
};

struct request_ended {
	uint64_t started_ms;
	const struct request_result *result;
	bool has_failed;                     // there was no response, or one that broke off
	enum route_error error;              // if it has failed
	enum no_models why;                  // of ROUTE_NO_MODELS_AVAILABLE and ROUTE_RETRIES_EXHAUSTED
	struct slice refusal;                // of ROUTE_REFUSED: a sentence that says why; quotes no text of the client
	const struct route_request *routing; // for route_request_attempt
};

// Why a breaker changes.
enum breaker_cause {
	BREAKER_BY_FAILURES,  // failure_threshold was reached
	BREAKER_BY_PROBE,     // a failure while half-open
	BREAKER_BY_RECOVERY,  // recovery_time_ms is over and an attempt was admitted as a probe
	BREAKER_BY_SUCCESSES, // success_threshold was reached
	BREAKER_BY_OPERATOR,
};

// By enum breaker_cause; ended by NULL.
extern const char *const breaker_cause_names[];

struct breaker_changed {
	enum breaker_state from, to;
	enum breaker_cause cause;
	const struct failure *failure; // that opened it; else NULL
};

struct cooldown_started {
	uint64_t length_ms;
	bool is_deprioritized;         // the model stays usable, after the others
	enum service_tier tier;        // that cools down; TIER_NONE is the whole model
	const struct failure *failure; // that caused it
};

// What an operator may command of a breaker: see route/operator.h.
enum breaker_command { BREAKER_COMMAND_OPEN, BREAKER_COMMAND_CLOSE, BREAKER_COMMAND_RESET };

// By enum breaker_command; ended by NULL.
extern const char *const breaker_command_names[];

struct breaker_commanded {
	enum breaker_command command;
};

struct policy_reloaded {
	uint64_t version;
	const char *hash; // SHA-256 in hex; empty if unknown
	size_t models;
};

struct policy_rejected {
	const struct problems *problems;
};

// A hook has failed, and the default decided; or an edit of the request can't be made: it was left out, or the request
// is refused (request_ended says so). The hook's own error message is not part of it: that may quote a prompt.
struct policy_error {
	const char *hook;   // "select"; "tier" for a tier that comes from no hook
	const char *ending; // how the hook ended: "over budget"; NULL for an edit
	const char *file;   // where the hook failed; NULL for an edit
	int line;
	const char *edit;   // that can't be made: "service_tier"; NULL for a hook
	const char *reason; // why; NULL for a hook
};

struct hook_disabled {
	const char *hook;
	unsigned overruns; // in a row
};

struct event {
	enum event_kind kind;
	uint32_t attempt; // counted from 0 within the request; of a selection: the next one
	uint64_t at_ms;
	const struct request_attributes *request; // NULL if the event concerns none
	const struct model *model;                // NULL if the event concerns none, and if none was selected
	union {
		struct model_selected selected;
		struct attempt_started attempt_started;
		struct attempt_ended attempt_ended;
		struct request_ended request_ended;
		struct breaker_changed breaker;
		struct cooldown_started cooldown;
		struct breaker_commanded commanded;
		struct policy_reloaded reloaded;
		struct policy_rejected rejected;
		struct policy_error error;
		struct hook_disabled disabled;
	};
};

// The names of an event in logs, such as "model-invocation-complete" and "refusal-detected" for a refused attempt.
// Writes them to `names` and returns how many there are, at least one.
enum { EVENT_NAMES_MAX = 3 };
size_t event_names(const struct event *event, const char *names[EVENT_NAMES_MAX]);

#endif

// SPDX-License-Identifier: Apache-2.0
// What happens, as typed records: each thing is told once, when it happens, and an observer takes from the record what
// it shows. Times are monotonic milliseconds. Everything that a record points to is borrowed for the call.
//
// Records have names, times, counts and outcomes. What clients and models say stands only in what `request` and
// `failure` point to (body, headers, message): no observer may show that.
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
	EVENT_REQUEST_STARTED,  // routing has taken the request on
	EVENT_MODEL_SELECTED,   // see struct model_selected; or none, for a reason
	EVENT_MODEL_SKIPPED,    // its breaker is open; once for each model and request
	EVENT_ATTEMPT_STARTED,  // see struct attempt_started
	EVENT_ATTEMPT_ENDED,    // see struct attempt_ended; exactly one for each that started
	EVENT_REQUEST_ENDED,    // see struct request_ended; exactly one for each that started
	EVENT_BREAKER_CHANGED,  // see struct breaker_changed
	EVENT_COOLDOWN_STARTED, // see struct cooldown_started
	EVENT_BREAKER_COMMAND,  // an operator's, see struct breaker_commanded; what it changes follows as its own event
	EVENT_STATISTICS_RESET, // an operator's, of all models
	EVENT_POLICY_RELOADED,  // see struct policy_reloaded
	EVENT_POLICY_REJECTED,  // see struct policy_rejected
	EVENT_POLICY_ERROR,     // see struct policy_error
	EVENT_HOOK_DISABLED,    // see struct hook_disabled
	EVENT_KINDS,
};

struct model_selected {
	struct candidates candidates; // that were eligible
	struct slice reason;          // of the policy; may be empty where a model was selected
};

struct attempt_started {
	enum attempt_cause cause;
	const char *region;     // of the model, or that of the engine where the model names none; NULL where unknown
	enum service_tier tier; // TIER_NONE: none is stated
	bool is_escalated;      // the tier is a rung of the policy's ladder
	uint64_t started_ms;
};

struct attempt_ended {
	struct attempt_started start; // its tier is the one that the attempt was made at in the end
	enum outcome outcome;
	int status;                    // of the response, or of an exception in it; 0 where none came
	bool is_stopped;               // routing has told it to stop: its hedge was faster, or the request is over
	bool is_committed;             // its response had begun to flow to the client
	bool lacked_tier;              // cancelled, since the model has no such tier
	struct slice reason;           // of a refusal
	const struct failure *failure; // NULL where it did not fail, or was stopped
	const struct classification *classification; // what that failure means; NULL as `failure`
	struct usage usage;
	uint64_t latency_ms;
	int64_t ttft_ms; // -1 where there was no stream content
};

struct request_ended {
	uint64_t started_ms;
	const struct request_result *result;
	bool has_failed;                     // there was no response, or one that broke off
	enum route_error error;              // where it has failed
	enum no_models why;                  // of ROUTE_NO_MODELS_AVAILABLE and ROUTE_RETRIES_EXHAUSTED
	const struct route_request *routing; // for route_request_attempt: what its attempts came to
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
	const struct failure *failure; // that opened it; NULL where none did
};

struct cooldown_started {
	uint64_t length_ms;
	bool is_deprioritized;         // the model stays usable, after the others
	enum service_tier tier;        // that cools down; TIER_NONE is the whole model
	const struct failure *failure; // that it follows
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
	const char *hash; // SHA-256 in hex; empty where unknown
	size_t models;
};

struct policy_rejected {
	const struct problems *problems;
};

// A hook has failed, so that the default decided; or an edit of the request can't be made, and was left out. What the
// hook's own message says stays out of it: that may quote a prompt.
struct policy_error {
	const char *hook;   // "select"; "tier" for a tier that no hook has written
	const char *ending; // of a hook: "over budget"; NULL for an edit
	const char *file;   // where the hook failed; NULL for an edit
	int line;
	const char *edit;   // that was left out: "service_tier"; NULL for a hook
	const char *reason; // why it was left out; NULL for a hook
};

struct hook_disabled {
	const char *hook;
	unsigned overruns; // in a row
};

struct event {
	enum event_kind kind;
	uint32_t attempt; // that it is about, counted from 0; of a selection: the one to come
	uint64_t at_ms;
	const struct request_attributes *request; // NULL where it is of none
	const struct model *model;                // NULL where it is of none, and where a selection chose none
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

// The names that doors show an event under, such as "model-invocation-complete" and "refusal-detected" for an attempt
// that was refused. Puts them into `names` and returns how many, at least one.
enum { EVENT_NAMES_MAX = 3 };
size_t event_names(const struct event *event, const char *names[EVENT_NAMES_MAX]);

#endif

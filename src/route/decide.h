// SPDX-License-Identifier: Apache-2.0
// The decisions that routing asks for, as a structure of functions, and the plain data that they are made from, which
// is borrowed for the call. route/defaults.c implements them in C, policy/hooks.c in Lua with the defaults as its
// fallback.
#ifndef ROUTE_DECIDE_H
#define ROUTE_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/header.h"
#include "base/random.h"
#include "base/service.h"
#include "base/slice.h"
#include "route/model.h"

struct route_request;

// What is known of a request before it is routed. The driver fills it in; each slice lives as long as the request.
struct request_attributes {
	struct slice id;        // the request's id
	struct slice operation; // "Converse", ...
	bool streaming;
	bool family_bound;   // the body fits one model family only (InvokeModel, CountTokens)
	struct slice asked;  // the model that the client asks for, decoded
	struct slice caller; // the authenticated caller; empty without authentication
	struct slice body;
	void *content;          // what the driver knows of the body, for those that it lets read it; NULL: nothing
	struct headers headers; // without credentials
	enum service_tier tier; // that the client asks for
	bool is_tierless;       // the operation has no field for a tier
	bool is_tier_fixed;     // it has one, but no other tier can be written there: no attempt is escalated
	int64_t input_tokens;   // an estimate, for quotas; 0 if no model has a quota
	int64_t max_tokens;     // the client's limit for the response; 0 if it states none, or no model has a quota
};

enum failure_kind { FAILURE_HTTP, FAILURE_NETWORK, FAILURE_TIMEOUT, FAILURE_STREAM };

// How an attempt failed. Its slices live as long as the request.
struct failure {
	enum failure_kind kind;
	int status;        // of HTTP, or of the exception in the stream; 0 without a response
	struct slice name; // the exception, as "ThrottlingException"; of a network failure or timeout, as "ConnectionReset"
	struct slice exception; // by its status; for the client's response if the upstream named none
	struct slice message;
	enum error_type type;
	enum fault fault;
	int64_t retry_after_ms; // -1 if the upstream stated none
	enum shortage shortage; // which limit is used up, or that the model lacks the tier
	uint64_t latency_ms;
	enum service_tier tier; // of the attempt; routing fills it in
};

// A whole response, before it is sent to the client.
struct response {
	int status;
	struct headers headers;
	struct slice body;
	const void *content; // what the driver knows of the body, for those that it lets read it; NULL: nothing
	struct token_usage usage;
	uint64_t latency_ms;
};

// The eligible models in pool order; at least one when `select` is called.
struct candidates {
	const struct model *const *list;
	size_t count;
	const double *weights; // by index in the pool; NULL: those of the models
};

struct attempt_options {
	uint64_t timeout_ms;
	uint64_t ttft_ms;
	uint64_t hedge_after_ms; // when a second model is tried as well; 0 is never
	enum service_tier tier;  // TIER_NONE leaves the request as the client made it
	bool is_escalated;       // the tier comes from the ladder: `prepare` can't change it
	struct headers headers;  // sent in addition to the client's
};

// Decisions can be undecided: the policy failed, and says that the request ends then (`on_error`).

struct selection {
	const struct model *model;      // one of the candidates, or NULL for none
	struct attempt_options options; // 0 leaves a time to the model, then to the policy's limits
	struct slice reason;            // for logs; borrowed until the next decision
	bool is_undecided;
};

enum verdict { VERDICT_FAILOVER, VERDICT_ESCALATE, VERDICT_RETRY, VERDICT_FAIL };

enum outcome { OUTCOME_SUCCESS, OUTCOME_RATE_LIMIT, OUTCOME_FAIL_FAST, OUTCOME_REFUSAL, OUTCOME_CANCELLED };

// By enum verdict and enum outcome, as logs, policies and views name them; ended by NULL.
extern const char *const verdict_names[];
extern const char *const outcome_names[];

struct classification {
	enum verdict verdict;
	enum outcome outcome; // OUTCOME_RATE_LIMIT or OUTCOME_FAIL_FAST
	bool counts;          // as a failure, in the breaker and in the health window
	bool deprioritizes;   // for the operator's errors: for cooldown_ms the model stays usable, after the others
	bool throttle;        // the cooldown doubles while throttling goes on, unless cooldown_ms states how long it is
	uint64_t cooldown_ms; // 0 is none, unless `throttle` is set
	uint64_t after_ms;    // before a VERDICT_RETRY
	bool is_undecided;    // the rest is the default then, for the model's state
};

// What `prepare` changes of a request. A zero field stays as the client made it.
struct edits {
	enum service_tier tier;
	struct slice guardrail_identifier, guardrail_version, guardrail_trace; // the first is empty without a guardrail
	int64_t max_tokens;
	bool is_partial;        // the client may have the guardrail evaluate parts of its prompt only
	bool is_required;       // the tier, too: the request is refused if it can't be written
	struct headers headers; // sent in addition to the client's, or in place of those of the same name
	bool is_undecided;
};

// What the policy says of a whole response.
enum acceptance { RESPONSE_REFUSED, RESPONSE_ACCEPTED, RESPONSE_UNDECIDED };

// How a request ended, as its client sees it: a client that has left gets no error, and has a status only if its
// response had begun.
struct request_result {
	enum outcome outcome;
	const struct model *model; // of the response, else of the last attempt; NULL without an attempt
	uint32_t attempts;
	int status;         // that the client got; 0 if it got none
	struct slice error; // the exception's name; empty for a whole response, and for a client that has left
	struct token_usage usage;
	uint64_t latency_ms;
	int64_t ttft_ms; // -1 if the response had no stream content
};

struct decide {
	void *self;
	// Selects the model of the next attempt. `out` is zeroed before.
	void (*select)(void *self, const struct route_request *request, struct candidates candidates,
	               struct random_source *random, struct selection *out);
	// Decides what a failed attempt means. `out` holds the default classification, to be kept or changed.
	void (*classify)(void *self, const struct failure *failure, const struct route_request *request,
	                 const struct model *model, struct classification *out);

	// Each of those that follow is NULL if the policy has no such hook. What they return is borrowed until the next
	// decision.

	// Judges a whole response. One that is refused is dropped, and *reason says why.
	enum acceptance (*accept)(void *self, const struct response *response, const struct route_request *request,
	                          const struct model *model, struct slice *reason);
	// Changes a request before it is sent to `model`. `out` is zeroed before.
	void (*prepare)(void *self, const struct route_request *request, const struct model *model, struct edits *out);
	// Is called once for each request, when it has ended.
	void (*finish)(void *self, const struct route_request *request, const struct request_result *result);
};

// Weighted random selection among the primaries, else among the fallbacks: draws r in (0, W], W being the sum of the
// weights, and takes the first model whose running sum reaches r. NULL if all weights are zero.
const struct model *default_select(struct candidates candidates, struct random_source *random);

// The default classification, by the failure's fault. If a throttled attempt can be escalated, routing sets its verdict
// to VERDICT_ESCALATE before it calls the hook.
void default_classify(const struct failure *failure, struct classification *out);

// default_select and default_classify as a struct decide; `self` is NULL.
extern const struct decide default_decide;

#endif

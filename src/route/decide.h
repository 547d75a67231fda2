// SPDX-License-Identifier: Apache-2.0
// The decisions that routing asks for, as a structure of functions: route/defaults.c answers in C, policy/hooks.c in
// Lua, falling back to the defaults call by call. And the plain facts that a decision may look at; they are borrowed
// for the call.
#ifndef ROUTE_DECIDE_H
#define ROUTE_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/header.h"
#include "base/random.h"
#include "base/slice.h"
#include "route/model.h"

struct route_request;

// What a call is. Filled by whoever submits it; every slice lives as long as the request.
struct request_attributes {
	struct slice id;        // the request's id
	struct slice operation; // "Converse", ...
	bool streaming;
	bool family_bound;   // the body fits one model family only (InvokeModel, CountTokens)
	struct slice asked;  // the model the client asked for, decoded
	struct slice caller; // who asks; empty where nobody authenticated
	struct slice body;
	struct headers headers; // without credentials
	enum service_tier tier; // that the client itself asked for
	bool is_tierless;       // the call has no place for one
	bool is_tier_fixed;     // it has, but another can't be written there: no attempt is escalated
	int64_t input_tokens;   // an estimate; what a quota reserves. 0 where nobody has a quota
	int64_t max_tokens;     // that the client allows the answer; 0 where it doesn't say, or nobody has a quota
};

enum failure_kind { FAILURE_HTTP, FAILURE_NETWORK, FAILURE_TIMEOUT, FAILURE_STREAM };

// How an attempt failed, as plain data; mux fills it with the help of aws/exception. Its texts live as long as the
// request.
struct failure {
	enum failure_kind kind;
	int status;        // HTTP status, or that of the in-stream exception's shape; 0 without an answer
	struct slice name; // exception name such as "ThrottlingException"; for the network kinds "ConnectionReset" and such
	struct slice exception; // the one of its status, which a client is told where an upstream gave no name
	struct slice message;
	enum error_type type;
	enum fault fault;
	int64_t retry_after_ms; // -1 where the upstream said nothing
	enum shortage shortage; // which limit is used up, or that the model has no such tier
	uint64_t latency_ms;
	enum service_tier tier; // of the attempt; filled by routing
};

// Tokens as the model counted them; -1 where unknown.
struct usage {
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cache_read_tokens;
	int64_t cache_write_tokens;
};

// A whole answer, before it is passed on.
struct response {
	int status;
	struct headers headers;
	struct slice body;
	struct usage usage;
	uint64_t latency_ms;
};

// The eligible models in pool order. Never empty when a decision is asked for.
struct candidates {
	const struct model *const *list;
	size_t count;
	const double *weights; // by index in the pool; NULL: the models' own
};

struct attempt_options {
	uint64_t timeout_ms; // resolved: the hook's, else the model's
	uint64_t ttft_ms;
	uint64_t hedge_after_ms; // when a second model is asked too; 0 is never
	enum service_tier tier;  // TIER_NONE leaves the request as the client made it
	bool is_escalated;       // the tier is routing's: `prepare` has no say in it
	struct headers headers;  // that go up beside the client's
};

struct selection {
	const struct model *model;      // one of the candidates, or NULL for none
	struct attempt_options options; // 0 where the decision leaves it to the model
	struct slice reason;            // why, for logs; borrowed until the next decision
};

enum verdict { VERDICT_FAILOVER, VERDICT_ESCALATE, VERDICT_RETRY, VERDICT_FAIL };

enum outcome { OUTCOME_SUCCESS, OUTCOME_RATE_LIMIT, OUTCOME_FAIL_FAST, OUTCOME_REFUSAL, OUTCOME_CANCELLED };

// By enum verdict and enum outcome, as logs, policies and views name them; ended by NULL.
extern const char *const verdict_names[];
extern const char *const outcome_names[];

struct classification {
	enum verdict verdict;
	enum outcome outcome; // OUTCOME_RATE_LIMIT or OUTCOME_FAIL_FAST
	bool counts;          // against the breaker
	bool orders_only;     // a cooldown for the operator's errors: it orders models, never ends a request in 429
	bool throttle;        // the cooldown doubles while throttling goes on; cooldown_ms is then the upstream's wish or 0
	uint64_t cooldown_ms; // 0 with `throttle` unset is none
	uint64_t after_ms;    // before a VERDICT_RETRY
};

// What `prepare` changes of a request; what is zero stays as the client made it.
struct edits {
	enum service_tier tier;
	struct slice guardrail_identifier, guardrail_version, guardrail_trace; // the first is empty where there is none
	int64_t max_tokens;
	struct headers headers; // that go up beside the client's, or in their place
};

// How a request ended, as its client sees it: one that has left was told no error, and got a status only if its answer
// had begun.
struct request_result {
	enum outcome outcome;
	const struct model *model; // of the answer or of the last attempt; NULL where there was none
	uint32_t attempts;
	int status;         // that the client got; 0 where it got none
	struct slice error; // the exception's name; empty where there is a whole answer
	struct usage usage;
	uint64_t latency_ms;
	int64_t ttft_ms; // -1 where there was no stream content
};

struct decide {
	void *self;
	// Picks the model of the next attempt. `out` is zeroed before.
	void (*select)(void *self, const struct route_request *request, struct candidates candidates,
	               struct random_source *random, struct selection *out);
	// Says what a failed attempt means. `out` holds the default answer, to be changed or kept.
	void (*classify)(void *self, const struct failure *failure, const struct route_request *request,
	                 const struct model *model, struct classification *out);

	// The rest are NULL where a policy has no such hook. What they point to is borrowed until the next decision.

	// Judges a whole answer. False is a refusal: the answer is dropped, *reason says why.
	bool (*accept)(void *self, const struct response *response, const struct route_request *request,
	               const struct model *model, struct slice *reason);
	// Changes a request before it is sent to `model`. `out` is zeroed before.
	void (*prepare)(void *self, const struct route_request *request, const struct model *model, struct edits *out);
	// Hears how a request ended.
	void (*finish)(void *self, const struct route_request *request, const struct request_result *result);
};

// Weighted random over the primaries, else over the fallbacks: draws r in (0, W] and takes the first model whose
// running sum reaches r. NULL where the weights sum to nothing.
const struct model *default_select(struct candidates candidates, struct random_source *random);

// The default classification, by the failure's fault and type. Where a throttled attempt can be escalated, routing
// makes its verdict VERDICT_ESCALATE before the hook is asked.
void default_classify(const struct failure *failure, struct classification *out);

// The two above as a struct decide; self is NULL.
extern const struct decide default_decide;

#endif

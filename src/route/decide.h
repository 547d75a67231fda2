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
struct request_facts {
	struct slice id;        // the request's id
	struct slice operation; // "Converse", ...
	bool streaming;
	bool family_bound;   // the body fits one model family only (InvokeModel, CountTokens)
	struct slice asked;  // the model the client asked for, decoded
	struct slice caller; // who asks; empty where nobody authenticated
	struct slice body;
	struct headers headers; // without credentials
};

enum failure_kind { FAILURE_HTTP, FAILURE_NETWORK, FAILURE_TIMEOUT, FAILURE_STREAM };

// How an attempt failed, as plain data; mux fills it with the help of aws/exception.
struct failure {
	enum failure_kind kind;
	int status;        // HTTP status, or that of the in-stream exception's shape; 0 without an answer
	struct slice name; // exception name such as "ThrottlingException"; for the network kinds "ConnectionReset" and such
	struct slice message;
	enum error_type type;
	enum fault fault;
	int64_t retry_after_ms; // -1 where the upstream said nothing
	uint64_t latency_ms;
};

// Tokens as the model counted them; -1 where unknown.
struct usage {
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cache_read_tokens;
	int64_t cache_write_tokens;
};

// The eligible models in pool order. Never empty when a decision is asked for.
struct candidates {
	const struct model *const *list;
	size_t count;
};

struct attempt_options {
	uint64_t timeout_ms; // resolved: the hook's, else the model's
	uint64_t ttft_ms;
};

struct selection {
	const struct model *model;      // one of the candidates, or NULL for none
	struct attempt_options options; // 0 where the decision leaves it to the model
	struct slice reason;            // why, for logs; borrowed until the next decision
};

enum verdict { VERDICT_FAILOVER, VERDICT_ESCALATE, VERDICT_RETRY, VERDICT_FAIL };

enum outcome { OUTCOME_SUCCESS, OUTCOME_RATE_LIMIT, OUTCOME_FAIL_FAST, OUTCOME_REFUSAL, OUTCOME_CANCELLED };

struct classification {
	enum verdict verdict;
	enum outcome outcome; // OUTCOME_RATE_LIMIT or OUTCOME_FAIL_FAST
	bool counts;          // against the breaker
	bool orders_only;     // a cooldown for the operator's errors: it orders models, never ends a request in 429
	bool throttle;        // the cooldown doubles while throttling goes on; cooldown_ms is then the upstream's wish or 0
	uint64_t cooldown_ms; // 0 with `throttle` unset is none
	uint64_t after_ms;    // before a VERDICT_RETRY
};

struct decide {
	void *self;
	// Picks the model of the next attempt. `out` is zeroed before.
	void (*select)(void *self, const struct route_request *request, struct candidates candidates,
	               struct random_source *random, struct selection *out);
	// Says what a failed attempt means. `out` holds the default answer, to be changed or kept.
	void (*classify)(void *self, const struct failure *failure, const struct route_request *request,
	                 const struct model *model, struct classification *out);
};

// Weighted random over the primaries, else over the fallbacks: draws r in (0, W] and takes the first model whose
// running sum reaches r. NULL where the weights sum to nothing.
const struct model *default_select(struct candidates candidates, struct random_source *random);

// The default classification, by the failure's fault and type.
void default_classify(const struct failure *failure, struct classification *out);

// The two above as a struct decide; self is NULL.
extern const struct decide default_decide;

#endif

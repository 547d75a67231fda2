// SPDX-License-Identifier: Apache-2.0
// What is left of a model's quota in the present minute. Admission of an attempt reserves what the service will
// reserve: one request, its input tokens and the most output tokens; its end replaces the reservation by what was used.
// A plain structure without a lock (that of model_state guards it); zeroed is unused. Limits come with each call, since
// policy versions may differ.
//
// A throttle in spite of room here shows that others use the account too. What was left of the limit then counts as
// their use, spread evenly over the minute before, so it declines evenly over the next one.
#ifndef ROUTE_QUOTA_H
#define ROUTE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/minute_window.h"
#include "route/decide.h"
#include "route/model.h"

// What a request needs of a quota.
struct quota_demand {
	uint64_t input_tokens;
	uint64_t output_tokens; // at most
};

// The use of one limit.
struct quota_share {
	struct minute_window own;
	uint64_t others; // at others_ms
	uint64_t others_ms;
};

struct quota_account {
	struct quota_share requests;
	struct quota_share tokens;
	struct quota limits; // as last admitted under, for headroom
};

// An attempt's reservation, from quota_reserve to quota_settle.
struct quota_reservation {
	bool is_held;
	uint64_t second;
	struct quota_demand demand;
};

// How much an attempt used of its quota.
enum quota_use {
	QUOTA_WHOLE,    // it got a response: a count that its usage lacks stays as reserved
	QUOTA_PART,     // it broke off: its input is used, and what is known of its output
	QUOTA_UNTOUCHED // it was refused before any work: its tokens are given back, but it counts as a request
};

static inline bool quota_is_limited(const struct quota *quota) {
	return quota->requests_per_minute > 0 || quota->tokens_per_minute > 0;
}

// Whether there is room for one more request. One that is larger than the whole quota has room if nothing else is used:
// it could never run otherwise. With `alone`, the use of others doesn't count.
bool quota_admits(struct quota_account *account, const struct quota *quota, struct quota_demand demand, bool alone,
                  uint64_t now_ms);

// Whether there is room for one more request, tokens aside.
bool quota_admits_requests(struct quota_account *account, const struct quota *quota, uint64_t now_ms);

// Reserves, whether there is room or not.
void quota_reserve(struct quota_account *account, const struct quota *quota, struct quota_demand demand,
                   uint64_t now_ms, struct quota_reservation *hold);

// Replaces the reservation by what was used: cache reads are free, cache writes count as input, output is weighted.
// What exceeds the reservation counts as used at now_ms.
void quota_settle(struct quota_account *account, const struct quota *quota, struct quota_reservation *hold,
                  enum quota_use use, const struct token_usage *usage, uint64_t now_ms);

// The upstream has reported that the limit of tokens, or of requests, is used up. Other shortages change nothing.
void quota_exhaust(struct quota_account *account, const struct quota *quota, enum shortage shortage, uint64_t now_ms);

// Forgets the use of others.
void quota_forget_others(struct quota_account *account);

// When quota_admits will be true, if nothing else is used until then; `now_ms` if it is true now.
uint64_t quota_returns_ms(struct quota_account *account, const struct quota *quota, struct quota_demand demand,
                          uint64_t now_ms);

// An upper bound of what is used of each limit from `now_ms` on, until something is taken.
void quota_used(struct quota_account *account, uint64_t now_ms, uint64_t *requests, uint64_t *tokens);

// The free share, 0 to 1, of the limit that has less left; 1 without limits.
double quota_headroom(struct quota_account *account, uint64_t now_ms);

// How much an attempt with that failure used; `has_begun`: its response had.
enum quota_use quota_use_of_failure(const struct failure *failure, bool has_begun);

#endif

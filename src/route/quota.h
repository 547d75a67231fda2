// SPDX-License-Identifier: Apache-2.0
// What is left of a model's quota in the present minute. An attempt reserves, when it is admitted, what the service
// will reserve: one request, its input and the most that it may answer; its end replaces the reservation by what was
// used. A plain structure without a lock (model_state holds it): zeroed is unused. Limits come with each call, since
// policy versions may differ.
//
// A throttle although there is room here means that others use the account too. What was left of the limit is then
// taken for theirs, spread evenly over the minute before: it falls away evenly within the next one.
#ifndef ROUTE_QUOTA_H
#define ROUTE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/minute_window.h"
#include "route/decide.h"
#include "route/model.h"

// What a request asks of a quota.
struct quota_demand {
	uint64_t input_tokens;
	uint64_t output_tokens; // at most
};

// What is used of one limit.
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

// What an attempt holds, from quota_take to quota_settle.
struct quota_hold {
	bool is_held;
	uint64_t second;
	struct quota_demand demand;
};

// What an attempt came to, as far as its quota is concerned.
enum quota_use {
	QUOTA_WHOLE,    // it was answered: what its usage doesn't tell stands as reserved
	QUOTA_PART,     // it broke off: its input is used, and what is known of its output
	QUOTA_UNTOUCHED // it was refused before any work: its tokens come back, though it remains a request
};

static inline bool quota_is_limited(const struct quota *quota) {
	return quota->requests_per_minute > 0 || quota->tokens_per_minute > 0;
}

// Whether there is room for one more. A request that is larger than the whole quota has room where nothing else is
// used: it could never run otherwise. What is taken for the use of others doesn't matter where `alone`.
bool quota_admits(struct quota_account *account, const struct quota *quota, struct quota_demand demand, bool alone,
                  uint64_t now_ms);

// Whether there is room for one more request, whatever it asks of tokens.
bool quota_admits_requests(struct quota_account *account, const struct quota *quota, uint64_t now_ms);

// Reserves, whether there is room or not.
void quota_take(struct quota_account *account, const struct quota *quota, struct quota_demand demand, uint64_t now_ms,
                struct quota_hold *hold);

// Replaces the reservation by what was used: cache reads are free, cache writes are input, output has its weight. What
// goes beyond the reservation counts as used now.
void quota_settle(struct quota_account *account, const struct quota *quota, struct quota_hold *hold, enum quota_use use,
                  const struct usage *usage, uint64_t now_ms);

// The upstream says that the limit of tokens, or that of requests, is used up.
void quota_exhaust(struct quota_account *account, const struct quota *quota, enum shortage shortage, uint64_t now_ms);

// Forgets what was taken for the use of others.
void quota_forget_others(struct quota_account *account);

// The first time at which quota_admits would say yes, were nothing else used until then; `now_ms` where it does.
uint64_t quota_returns_ms(struct quota_account *account, const struct quota *quota, struct quota_demand demand,
                          uint64_t now_ms);

// An upper bound of what is used of each limit from `now_ms` on, until something is taken.
void quota_used(struct quota_account *account, uint64_t now_ms, uint64_t *requests, uint64_t *tokens);

// The free share of the limit that has less of it, 0 to 1; 1 without limits.
double quota_headroom(struct quota_account *account, uint64_t now_ms);

// What a failure says of the work that was done; `has_begun` where the answer had.
enum quota_use quota_use_of_failure(const struct failure *failure, bool has_begun);

#endif

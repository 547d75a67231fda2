// SPDX-License-Identifier: Apache-2.0
// The arithmetic of quotas: two limits, each with our own use and what others seem to use.
#include "route/quota.h"

#include "route/elapsed.h"

// Larger amounts count as this one, so that sums and products can't overflow.
static const uint64_t AMOUNT_MAX = UINT64_C(1) << 40;
enum { OTHERS_MS = 60000 };

static uint64_t at_most(uint64_t value, uint64_t limit) {
	return value < limit ? value : limit;
}

static uint64_t others_use(const struct quota_share *share, uint64_t now_ms) {
	uint64_t passed_ms = elapsed_ms(now_ms, share->others_ms);
	return passed_ms < OTHERS_MS ? (share->others * (OTHERS_MS - passed_ms) + OTHERS_MS - 1) / OTHERS_MS : 0;
}

static uint64_t share_use(struct quota_share *share, uint64_t now_ms) {
	return minute_window_sum(&share->own, now_ms) + others_use(share, now_ms);
}

static bool share_fits(struct quota_share *share, uint64_t limit, uint64_t amount, bool alone, uint64_t now_ms) {
	if (limit == 0)
		return true;
	uint64_t used = alone ? minute_window_sum(&share->own, now_ms) : share_use(share, now_ms);
	return used + at_most(amount, limit) <= limit;
}

static uint64_t tokens_of(struct quota_demand demand) {
	return at_most(demand.input_tokens, AMOUNT_MAX) + at_most(demand.output_tokens, AMOUNT_MAX);
}

bool quota_admits(struct quota_account *account, const struct quota *quota, struct quota_demand demand, bool alone,
                  uint64_t now_ms) {
	return share_fits(&account->requests, quota->requests_per_minute, 1, alone, now_ms) &&
	       share_fits(&account->tokens, quota->tokens_per_minute, tokens_of(demand), alone, now_ms);
}

bool quota_admits_requests(struct quota_account *account, const struct quota *quota, uint64_t now_ms) {
	return share_fits(&account->requests, quota->requests_per_minute, 1, false, now_ms);
}

void quota_reserve(struct quota_account *account, const struct quota *quota, struct quota_demand demand,
                   uint64_t now_ms, struct quota_reservation *hold) {
	account->limits = *quota;
	minute_window_use(&account->requests.own, 1, now_ms);
	*hold = (struct quota_reservation){.is_held = true,
	                                   .second = minute_window_use(&account->tokens.own, tokens_of(demand), now_ms),
	                                   .demand = demand};
}

static uint64_t known_tokens(int64_t tokens, uint64_t otherwise) {
	return at_most(tokens >= 0 ? (uint64_t)tokens : otherwise, AMOUNT_MAX);
}

static uint64_t weigh_tokens(uint64_t tokens, double weight) {
	double weighed = (double)tokens * (weight > 0 ? weight : 0);
	return weighed < (double)AMOUNT_MAX ? (uint64_t)(weighed + 0.5) : AMOUNT_MAX;
}

static uint64_t tokens_used(const struct quota *quota, struct quota_demand reserved, enum quota_use use,
                            const struct token_usage *usage) {
	if (use == QUOTA_UNTOUCHED)
		return 0;
	uint64_t input =
	    known_tokens(usage->input_tokens, reserved.input_tokens) + known_tokens(usage->cache_write_tokens, 0);
	if (usage->output_tokens >= 0)
		return input + weigh_tokens(known_tokens(usage->output_tokens, 0), quota->output_token_weight);
	return input + (use == QUOTA_WHOLE ? at_most(reserved.output_tokens, AMOUNT_MAX) : 0);
}

void quota_settle(struct quota_account *account, const struct quota *quota, struct quota_reservation *hold,
                  enum quota_use use, const struct token_usage *usage, uint64_t now_ms) {
	if (!hold->is_held)
		return;
	hold->is_held = false;
	uint64_t reserved = tokens_of(hold->demand);
	uint64_t used = tokens_used(quota, hold->demand, use, usage);
	if (used < reserved)
		minute_window_return(&account->tokens.own, reserved - used, hold->second, now_ms);
	else
		minute_window_use(&account->tokens.own, used - reserved, now_ms);
}

void quota_exhaust(struct quota_account *account, const struct quota *quota, enum shortage shortage, uint64_t now_ms) {
	bool is_of_tokens = shortage == SHORTAGE_TOKENS;
	struct quota_share *share = is_of_tokens ? &account->tokens : &account->requests;
	uint64_t limit = is_of_tokens ? quota->tokens_per_minute : quota->requests_per_minute;
	uint64_t own = minute_window_sum(&share->own, now_ms);
	if ((!is_of_tokens && shortage != SHORTAGE_REQUESTS) || limit == 0)
		return;
	share->others = at_most(limit > own ? limit - own : 0, AMOUNT_MAX);
	share->others_ms = now_ms;
}

void quota_forget_others(struct quota_account *account) {
	account->requests.others = account->tokens.others = 0;
}

// When others use no more than `room`: their use declines linearly.
static uint64_t others_leave_ms(const struct quota_share *share, uint64_t room) {
	if (share->others <= room)
		return 0;
	uint64_t over = share->others - room;
	return share->others_ms + (over * OTHERS_MS + share->others - 1) / share->others;
}

// Our own use falls in steps of a second: between two steps only the use of others declines.
static uint64_t share_fits_ms(struct quota_share *share, uint64_t limit, uint64_t amount, uint64_t now_ms) {
	uint64_t from_ms = now_ms, own = minute_window_sum(&share->own, now_ms);
	if (share_fits(share, limit, amount, false, now_ms))
		return now_ms;
	for (uint64_t steps = 1;; steps++) {
		uint64_t until_ms = UINT64_MAX, leaving = 0, free = limit - at_most(amount, limit);
		if (steps <= MINUTE_BUCKETS)
			leaving = minute_window_leaving(&share->own, steps, &until_ms);
		if (own <= free) {
			uint64_t others_ms = others_leave_ms(share, free - own);
			uint64_t fits_ms = others_ms > from_ms ? others_ms : from_ms;
			if (fits_ms < until_ms)
				return fits_ms;
		}
		own -= leaving;
		from_ms = until_ms > from_ms ? until_ms : from_ms;
	}
}

uint64_t quota_returns_ms(struct quota_account *account, const struct quota *quota, struct quota_demand demand,
                          uint64_t now_ms) {
	uint64_t requests_ms = share_fits_ms(&account->requests, quota->requests_per_minute, 1, now_ms);
	uint64_t tokens_ms = share_fits_ms(&account->tokens, quota->tokens_per_minute, tokens_of(demand), now_ms);
	return requests_ms > tokens_ms ? requests_ms : tokens_ms;
}

void quota_used(struct quota_account *account, uint64_t now_ms, uint64_t *requests, uint64_t *tokens) {
	*requests = share_use(&account->requests, now_ms);
	*tokens = share_use(&account->tokens, now_ms);
}

static double free_share(struct quota_share *share, uint64_t limit, uint64_t now_ms) {
	uint64_t used = limit ? share_use(share, now_ms) : 0;
	return used < limit ? 1 - (double)used / (double)limit : limit ? 0 : 1;
}

double quota_headroom(struct quota_account *account, uint64_t now_ms) {
	double requests = free_share(&account->requests, account->limits.requests_per_minute, now_ms);
	double tokens = free_share(&account->tokens, account->limits.tokens_per_minute, now_ms);
	return requests < tokens ? requests : tokens;
}

enum quota_use quota_use_of_failure(const struct failure *failure, bool has_begun) {
	enum { MODEL_TIMEOUT = 408, MODEL_ERROR = 424 };
	if (has_begun || failure->kind == FAILURE_TIMEOUT)
		return QUOTA_PART;
	if (failure->kind == FAILURE_NETWORK)
		return failure->status == 0 ? QUOTA_UNTOUCHED : QUOTA_PART;
	if (failure->fault == FAULT_THROTTLE)
		return QUOTA_UNTOUCHED;
	bool is_refused = failure->status >= 400 && failure->status < 500;
	bool has_worked = failure->status == MODEL_TIMEOUT || failure->status == MODEL_ERROR;
	return failure->kind == FAILURE_HTTP && is_refused && !has_worked ? QUOTA_UNTOUCHED : QUOTA_PART;
}

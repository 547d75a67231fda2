// SPDX-License-Identifier: Apache-2.0
// Quotas alone: reservation, settlement, when there is room again, and others on the account.
#include "route/quota.h"

#include <math.h>

#include "../check.h"
#include "base/random.h"

static const struct token_usage UNKNOWN = {-1, -1, -1, -1};

static struct quota_reservation take(struct quota_account *account, const struct quota *quota, uint64_t input,
                                     uint64_t output, uint64_t now_ms) {
	struct quota_reservation hold;
	quota_reserve(account, quota, (struct quota_demand){input, output}, now_ms, &hold);
	return hold;
}

static uint64_t tokens_used(struct quota_account *account, uint64_t now_ms) {
	uint64_t requests, tokens;
	quota_used(account, now_ms, &requests, &tokens);
	return tokens;
}

static uint64_t requests_used(struct quota_account *account, uint64_t now_ms) {
	uint64_t requests, tokens;
	quota_used(account, now_ms, &requests, &tokens);
	return requests;
}

TEST(there_is_room_up_to_the_limit) {
	static const struct {
		struct quota quota;
		uint64_t used, input, output;
		bool admits;
	} rows[] = {
	    {{0, 0, 1}, 1000000, 5, 5, true}, {{0, 100, 1}, 90, 5, 5, true},
	    {{0, 100, 1}, 90, 5, 6, false},   {{0, 100, 1}, 0, 100, 0, true},
	    {{0, 100, 1}, 0, 500, 70, true},  {{0, 100, 1}, 1, 500, 70, false},
	    {{0, 100, 1}, 100, 0, 0, true},   {{0, 100, 1}, 101, 0, 0, false},
	    {{1, 0, 1}, 5, 5, 5, false},      {{2, 0, 1}, 5, 5, 5, true},
	    {{1, 100, 1}, 10, 10, 10, false}, {{2, 100, 1}, 90, 10, 10, false},
	    {{2, 100, 1}, 80, 10, 10, true},  {{0, 100, 1}, 0, UINT64_MAX, UINT64_MAX, true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct quota_account account = {0};
		char what[32];
		snprintf(what, sizeof what, "row %zu", i);
		if (rows[i].used)
			take(&account, &rows[i].quota, rows[i].used, 0, 1000);
		struct quota_demand demand = {rows[i].input, rows[i].output};
		bool admits = quota_admits(&account, &rows[i].quota, demand, false, 1000);
		check_int(__FILE__, __LINE__, what, admits, rows[i].admits);
		// A use leaves the minute 60 s later.
		CHECK(quota_admits(&account, &rows[i].quota, demand, false, 62000));
	}
}

TEST(a_reservation_is_replaced_by_the_use) {
	static const struct {
		enum quota_use use;
		struct token_usage usage; // input, output, cache read, cache write
		double weight;
		uint64_t tokens;
	} rows[] = {
	    {QUOTA_WHOLE, {90, 30, -1, -1}, 1, 120},   {QUOTA_WHOLE, {90, 30, 5000, 7}, 1, 127},
	    {QUOTA_WHOLE, {90, 30, 0, 0}, 5, 240},     {QUOTA_WHOLE, {90, 3, -1, -1}, 0.5, 92},
	    {QUOTA_WHOLE, {-1, -1, -1, -1}, 1, 300},   {QUOTA_WHOLE, {90, -1, -1, -1}, 5, 290},
	    {QUOTA_WHOLE, {-1, 30, -1, -1}, 1, 130},   {QUOTA_WHOLE, {90, 700, -1, -1}, 1, 790},
	    {QUOTA_PART, {-1, -1, -1, -1}, 1, 100},    {QUOTA_PART, {90, 20, -1, -1}, 1, 110},
	    {QUOTA_UNTOUCHED, {-1, -1, -1, -1}, 1, 0}, {QUOTA_UNTOUCHED, {90, 20, 1, 1}, 1, 0},
	    {QUOTA_WHOLE, {90, 30, -1, -1}, -2, 90},   {QUOTA_WHOLE, {0, 0, 0, 0}, 1, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct quota_account account = {0};
		struct quota quota = {10, 1000, rows[i].weight};
		char what[32];
		snprintf(what, sizeof what, "row %zu", i);
		struct quota_reservation hold = take(&account, &quota, 100, 200, 1000);
		CHECK_INT(tokens_used(&account, 1000), 300);
		quota_settle(&account, &quota, &hold, rows[i].use, &rows[i].usage, 3000);
		check_int(__FILE__, __LINE__, what, (int64_t)tokens_used(&account, 3000), (int64_t)rows[i].tokens);
		CHECK_INT(requests_used(&account, 3000), 1);
		// A second settlement changes nothing.
		quota_settle(&account, &quota, &hold, QUOTA_UNTOUCHED, &rows[i].usage, 3000);
		check_int(__FILE__, __LINE__, what, (int64_t)tokens_used(&account, 3000), (int64_t)rows[i].tokens);
		// What exceeded the reservation was used two seconds later.
		CHECK_INT(tokens_used(&account, 62000), rows[i].tokens > 300 ? rows[i].tokens - 300 : 0);
		CHECK_INT(tokens_used(&account, 64000), 0);
	}
}

TEST(an_attempt_longer_than_a_minute_gives_nothing_back) {
	struct quota_account account = {0};
	const struct quota quota = {10, 1000, 1};
	struct quota_reservation hold = take(&account, &quota, 100, 500, 1000);
	take(&account, &quota, 50, 0, 70000);
	quota_settle(&account, &quota, &hold, QUOTA_UNTOUCHED, &UNKNOWN, 70000);
	CHECK_INT(tokens_used(&account, 70000), 50);
}

TEST(absurd_amounts_do_not_overflow) {
	struct quota_account account = {0};
	const struct quota quota = {10, UINT64_MAX, INFINITY};
	struct quota_reservation hold = take(&account, &quota, UINT64_MAX, UINT64_MAX, 1000);
	struct token_usage usage = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
	quota_settle(&account, &quota, &hold, QUOTA_WHOLE, &usage, 1000);
	CHECK_INT(tokens_used(&account, 1000), (int64_t)3 << 40);
	quota_exhaust(&account, &quota, SHORTAGE_TOKENS, 1000);
	CHECK(quota_headroom(&account, 1000) >= 0 && quota_headroom(&account, 1000) <= 1);
	CHECK_INT(tokens_used(&account, 62000), 0);
}

// Exactly when it fits: not a millisecond before.
static void check_returns(int line, struct quota_account *account, const struct quota *quota,
                          struct quota_demand demand, uint64_t now_ms) {
	struct quota_account then = *account;
	uint64_t at_ms = quota_returns_ms(account, quota, demand, now_ms);
	check_int(__FILE__, line, "fits when it returns", quota_admits(&then, quota, demand, false, at_ms), true);
	then = *account;
	if (at_ms > now_ms)
		check_int(__FILE__, line, "fits before", quota_admits(&then, quota, demand, false, at_ms - 1), false);
	check_int(__FILE__, line, "within two minutes", at_ms <= now_ms + 122000, true);
}

TEST(it_knows_when_there_will_be_room) {
	struct quota_account account = {0};
	const struct quota quota = {3, 1000, 1};
	take(&account, &quota, 600, 0, 10000);
	take(&account, &quota, 300, 0, 20500);
	CHECK_INT(quota_returns_ms(&account, &quota, (struct quota_demand){100, 0}, 30000), 30000);
	CHECK_INT(quota_returns_ms(&account, &quota, (struct quota_demand){101, 0}, 30000), 71000);
	CHECK_INT(quota_returns_ms(&account, &quota, (struct quota_demand){701, 0}, 30000), 81000);
	CHECK_INT(quota_returns_ms(&account, &quota, (struct quota_demand){5000, 0}, 30000), 81000);
	take(&account, &quota, 1, 0, 25000);
	CHECK_INT(quota_returns_ms(&account, &quota, (struct quota_demand){1, 0}, 30000), 71000);
	quota_exhaust(&account, &quota, SHORTAGE_TOKENS, 30000); // others use 99
	CHECK_INT(tokens_used(&account, 30000), 1000);
	CHECK_INT(quota_returns_ms(&account, &(struct quota){0, 1000, 1}, (struct quota_demand){33, 0}, 30000), 50000);
	CHECK_INT(quota_returns_ms(&account, &(struct quota){0, 1000, 1}, (struct quota_demand){1000, 0}, 30000), 91000);
}

TEST(the_time_of_return_is_exact) {
	struct random_source random;
	random_init(&random, 3);
	for (int i = 0; i < 3000 && !check_failures_in_test; i++) {
		struct quota_account account = {0};
		struct quota quota = {1 + random_below(&random, 10), 1 + random_below(&random, 1000), 1};
		uint64_t now_ms = 100000;
		for (uint64_t j = random_below(&random, 12); j > 0; j--) {
			now_ms += random_below(&random, 9000);
			take(&account, &quota, random_below(&random, 400), 0, now_ms);
			if (random_below(&random, 4) == 0)
				quota_exhaust(&account, &quota, (enum shortage)(1 + random_below(&random, 2)), now_ms);
		}
		now_ms += random_below(&random, 30000);
		check_returns(__LINE__, &account, &quota, (struct quota_demand){random_below(&random, 1200), 0}, now_ms);
	}
}

TEST(others_on_the_account_fade_within_a_minute) {
	struct quota_account account = {0};
	const struct quota quota = {100, 1000, 1};
	const struct quota_demand demand = {100, 0};
	take(&account, &quota, 400, 0, 1000);
	CHECK_NEAR(quota_headroom(&account, 1000), 0.6, 1e-9);
	quota_exhaust(&account, &quota, SHORTAGE_TOKENS, 1000);
	CHECK_NEAR(quota_headroom(&account, 1000), 0, 1e-9);
	CHECK(!quota_admits(&account, &quota, demand, false, 1000));
	// For an attempt in spite of the throttle only our own use counts.
	CHECK(quota_admits(&account, &quota, demand, true, 1000));
	CHECK(!quota_admits(&account, &quota, demand, false, 10999));
	CHECK(quota_admits(&account, &quota, demand, false, 11000));
	CHECK_NEAR(quota_headroom(&account, 31000), 0.3, 1e-9);
	CHECK_NEAR(quota_headroom(&account, 61999), 0.6, 1e-9);
	CHECK_NEAR(quota_headroom(&account, 62000), 1, 1e-9);
	quota_exhaust(&account, &quota, SHORTAGE_REQUESTS, 70000);
	CHECK_NEAR(quota_headroom(&account, 70000), 0, 1e-9);
	CHECK_INT(requests_used(&account, 70000), 100);
	quota_forget_others(&account);
	CHECK_NEAR(quota_headroom(&account, 70000), 1, 1e-9);
	quota_exhaust(&account, &quota, SHORTAGE_NONE, 70000);
	quota_exhaust(&account, &quota, SHORTAGE_TIER, 70000);
	CHECK_NEAR(quota_headroom(&account, 70000), 1, 1e-9);
}

TEST(headroom_is_the_lesser_share) {
	struct quota_account account = {0};
	CHECK_NEAR(quota_headroom(&account, 0), 1, 0);
	take(&account, &(struct quota){4, 1000, 1}, 100, 0, 1000);
	CHECK_NEAR(quota_headroom(&account, 1000), 0.75, 1e-9);
	take(&account, &(struct quota){4, 1000, 1}, 500, 0, 1000);
	CHECK_NEAR(quota_headroom(&account, 1000), 0.4, 1e-9);
	take(&account, &(struct quota){0, 1000, 1}, 900, 0, 1000);
	CHECK_NEAR(quota_headroom(&account, 1000), 0, 1e-9);
	take(&account, &(struct quota){4, 0, 1}, 0, 0, 1000);
	CHECK_NEAR(quota_headroom(&account, 1000), 0, 1e-9);
}

TEST(the_use_of_a_failed_attempt) {
	static const struct {
		struct failure failure;
		bool has_begun;
		enum quota_use use;
	} rows[] = {
	    {{.kind = FAILURE_HTTP, .status = 429, .fault = FAULT_THROTTLE}, false, QUOTA_UNTOUCHED},
	    {{.kind = FAILURE_HTTP, .status = 400, .fault = FAULT_CALLER}, false, QUOTA_UNTOUCHED},
	    {{.kind = FAILURE_HTTP, .status = 403, .fault = FAULT_OPERATOR}, false, QUOTA_UNTOUCHED},
	    {{.kind = FAILURE_HTTP, .status = 503, .fault = FAULT_THROTTLE}, false, QUOTA_UNTOUCHED},
	    {{.kind = FAILURE_HTTP, .status = 503, .fault = FAULT_MODEL}, false, QUOTA_PART},
	    {{.kind = FAILURE_HTTP, .status = 408, .fault = FAULT_MODEL}, false, QUOTA_PART},
	    {{.kind = FAILURE_HTTP, .status = 424, .fault = FAULT_MODEL}, false, QUOTA_PART},
	    {{.kind = FAILURE_STREAM, .status = 429, .fault = FAULT_THROTTLE}, false, QUOTA_UNTOUCHED},
	    {{.kind = FAILURE_STREAM, .status = 429, .fault = FAULT_THROTTLE}, true, QUOTA_PART},
	    {{.kind = FAILURE_STREAM, .status = 424, .fault = FAULT_MODEL}, false, QUOTA_PART},
	    {{.kind = FAILURE_NETWORK, .fault = FAULT_MODEL}, false, QUOTA_UNTOUCHED},
	    {{.kind = FAILURE_NETWORK, .status = 200, .fault = FAULT_MODEL}, false, QUOTA_PART},
	    {{.kind = FAILURE_NETWORK, .fault = FAULT_MODEL}, true, QUOTA_PART},
	    {{.kind = FAILURE_TIMEOUT, .fault = FAULT_MODEL}, false, QUOTA_PART},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char what[32];
		snprintf(what, sizeof what, "row %zu", i);
		check_int(__FILE__, __LINE__, what, quota_use_of_failure(&rows[i].failure, rows[i].has_begun), rows[i].use);
	}
}

int main(void) {
	RUN(there_is_room_up_to_the_limit);
	RUN(a_reservation_is_replaced_by_the_use);
	RUN(an_attempt_longer_than_a_minute_gives_nothing_back);
	RUN(absurd_amounts_do_not_overflow);
	RUN(it_knows_when_there_will_be_room);
	RUN(the_time_of_return_is_exact);
	RUN(others_on_the_account_fade_within_a_minute);
	RUN(headroom_is_the_lesser_share);
	RUN(the_use_of_a_failed_attempt);
	return check_summary();
}

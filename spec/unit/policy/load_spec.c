// SPDX-License-Identifier: Apache-2.0
// Every mistake in what a policy file returns, row by row: file, line or field, expected, found.
#include "fixture.h"

#define MODEL(keys) "return { models = { { id = 'm'" keys " } } }"
#define POLICY(keys) "return { models = { { id = 'm' } }" keys " }"

TEST(each_key_is_checked) {
	static const struct refused_policy rows[] = {
	    {"return {}", ": models: expected a list of at least one model, found nothing"},
	    {"return { models = {} }", ":1: models: expected a list of at least one model, found a table"},
	    {"return { models = 'm' }", ":1: models: expected a list of at least one model, found string \"m\""},
	    {"return { models = { {} } }",
	     ":1: models[1].id: expected a string of 1 to 2048 printable ASCII characters, found nothing"},
	    {"return { models = { { id = '' } } }",
	     ":1: models[1].id: expected a string of 1 to 2048 printable ASCII characters, found string \"\""},
	    {"return { models = { { id = 7 } } }",
	     ":1: models[1].id: expected a string of 1 to 2048 printable ASCII characters, found number 7"},
	    {"return { models = { 'm' } }", ":1: models[1]: expected a table, found string \"m\""},
	    {"return { models = { { id = 'm', fallback = true } } }",
	     ":1: models: expected at least one model without fallback = true, found none"},
	    {"return { models = { { id = 'm' }, { id = 'm' } } }",
	     ":1: models[2].name: expected a name of its own (its id is its name where it has none), found that of "
	     "models[1]"},
	    {"return { models = { { id = 'm' }, { id = 'n', name = 'm' } } }",
	     ":1: models[2].name: expected a name of its own (its id is its name where it has none), found that of "
	     "models[1]"},
	    {MODEL(", wieght = 1"),
	     ":1: models[1].wieght: expected a known key (did you mean weight?), found an unknown one"},
	    {MODEL(", weight = -1"), ":1: models[1].weight: expected a number from 0 to 10000, found number -1"},
	    {MODEL(", weight = 10001"), ":1: models[1].weight: expected a number from 0 to 10000, found number 10001"},
	    {MODEL(", weight = 0 / 0"), ": models[1].weight: expected a finite number, found not a number"},
	    {MODEL(", weight = 1 / 0"), ": models[1].weight: expected a finite number, found infinity"},
	    {MODEL(", fallback = 1"), ":1: models[1].fallback: expected true or false, found number 1"},
	    {MODEL(", serves = 'chat'"), ":1: models[1].serves: expected a list of names or globs, found string \"chat\""},
	    {MODEL(", serves = { chat = true }"), ":1: models[1].serves: expected a list of names or globs, found a table"},
	    {MODEL(", serves = { 'chat', 3 }"),
	     ":1: models[1].serves[2]: expected a string of 1 to 2048 printable ASCII characters, found number 3"},
	    {MODEL(", region = 'US East'"),
	     ":1: models[1].region: expected a region such as \"us-east-1\", found string \"US East\""},
	    {MODEL(", endpoint = 'localhost'"),
	     ":1: models[1].endpoint: expected an address such as \"https://HOST\", found string \"localhost\""},
	    {MODEL(", breaker = { failure_threshold = 0 }"),
	     ":1: models[1].breaker.failure_threshold: expected a whole number from 1 to 100, found number 0"},
	    {MODEL(", breaker = { treshold = 1 }"),
	     ":1: models[1].breaker.treshold: expected a known key, found an unknown one"},
	    {MODEL(", timeout_ms = 999"), ":1: models[1].timeout_ms: expected a whole number from 1000 to 300000, found "
	                                  "number 999"},
	    {MODEL(", ttft_ms = 99"), ":1: models[1].ttft_ms: expected a whole number from 100 to 300000, found number 99"},
	    {MODEL(", credentials = 12345"),
	     ":1: models[1].credentials: expected a string of 1 to 2048 printable ASCII characters, found a number"},
	    {MODEL(", tier = 'fast'"), ":1: models[1].tier: expected \"default\", \"flex\", \"priority\" or \"reserved\", "
	                               "found string \"fast\""},
	    {MODEL(", quota = 60"), ":1: models[1].quota: expected a table, found number 60"},
	    {MODEL(", quota = { rpm = 0 }"),
	     ":1: models[1].quota.rpm: expected a whole number from 1 to 1000000000, found number 0"},
	    {MODEL(", quota = { tmp = 1 }"),
	     ":1: models[1].quota.tmp: expected a known key (did you mean tpm?), found an unknown one"},
	    {MODEL(", output_token_weight = -1"),
	     ":1: models[1].output_token_weight: expected a number from 0 to 100, found number -1"},
	    {MODEL(", price = 3"), ":1: models[1].price: expected a table, found number 3"},
	    {MODEL(", price = { output = -1 }"),
	     ":1: models[1].price.output: expected a number from 0 to 1000000, found number -1"},
	    {POLICY(", tier_escalation = 'flex'"), ":1: tier_escalation: expected \"priority\", \"reserved\" or a list of "
	                                           "different tiers, found string \"flex\""},
	    {POLICY(", tier_escalation = {}"),
	     ":1: tier_escalation: expected \"priority\", \"reserved\" or a list of different tiers, found a table"},
	    {POLICY(", tier_escalation = { 'flex', 'flex' }"),
	     ":1: tier_escalation: expected \"priority\", \"reserved\" or a list of different tiers, found a table"},
	    {POLICY(", tier_escalation = { 'default', 'flex', 'priority', 'reserved', 'default' }"),
	     ":1: tier_escalation: expected \"priority\", \"reserved\" or a list of different tiers, found a table"},
	    {POLICY(", tier_escalation = { 'default', 5 }"),
	     ":1: tier_escalation: expected \"priority\", \"reserved\" or a list of different tiers, found a table"},
	    {POLICY(", hedge_budget = 1.5"), ":1: hedge_budget: expected a number from 0 to 1, found number 1.5"},
	    {POLICY(", tick = 1"), ":1: tick: expected a function, found number 1"},
	    {MODEL(", tags = 'x'"), ":1: models[1].tags: expected a table, found string \"x\""},
	    {POLICY(", max_retries = 11"), ":1: max_retries: expected a whole number from 0 to 10, found number 11"},
	    {POLICY(", max_retries = 1.5"), ":1: max_retries: expected a whole number from 0 to 10, found number 1.5"},
	    {POLICY(", timeout_ms = 300001"), ":1: timeout_ms: expected a whole number from 1000 to 300000, found number "
	                                      "300001"},
	    {POLICY(", ttft_ms = '5'"), ":1: ttft_ms: expected a whole number from 100 to 300000, found string \"5\""},
	    {POLICY(", stream_idle_ms = 999"),
	     ":1: stream_idle_ms: expected a whole number from 1000 to 600000, found number 999"},
	    {POLICY(", deadline_ms = 999"),
	     ":1: deadline_ms: expected a whole number from 1000 to 600000, found number 999"},
	    {POLICY(", max_wait_ms = 60001"),
	     ":1: max_wait_ms: expected a whole number from 0 to 60000, found number 60001"},
	    {POLICY(", breaker = 5"), ":1: breaker: expected a table, found number 5"},
	    {POLICY(", select = 'weighted'"), ":1: select: expected a function, found string \"weighted\""},
	    {POLICY(", on_error = 'refuse'"), ":1: on_error: expected a table, found string \"refuse\""},
	    {POLICY(", accept = error, on_error = { acept = 'refuse' }"),
	     ":1: on_error.acept: expected a known key (did you mean accept?), found an unknown one"},
	    {POLICY(", finish = error, on_error = { finish = 'refuse' }"),
	     ":1: on_error.finish: expected a known key, found an unknown one"},
	    {POLICY(", accept = error, on_error = { accept = 'reject' }"),
	     ":1: on_error.accept: expected \"default\" or \"refuse\", found string \"reject\""},
	    {POLICY(", accept = error, on_error = { accept = true }"),
	     ":1: on_error.accept: expected \"default\" or \"refuse\", found true"},
	    {POLICY(", on_error = { prepare = 'refuse' }"),
	     ":1: on_error.prepare: expected a hook that the policy defines, found no such hook"},
	    {POLICY(", sellect = 1"), ":1: sellect: expected a known key (did you mean select?), found an unknown one"},
	    {POLICY(", 'stray'"), ": expected either names or positions, found a table with both"},
	    {POLICY(", [true] = 1"), ": expected names, or positions from 1 without gaps, found another kind of key"},
	    {POLICY(", [3] = 1"), ": expected names, or positions from 1 without gaps, found another kind of key"},
	};
	CHECK_REFUSED(rows);
}

TEST(keys_of_later_versions_are_refused_by_name) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture, POLICY(", refusal = {}"));
	CHECK(fixture.rc != 0);
	CHECK_MENTIONS(fixture_problems(&fixture), "refusal: expected nothing: not available in this version");
	fixture_free(&fixture);
}

TEST(tiers_and_quotas_reach_the_pool) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture,
	             "return { tier_escalation = { 'flex', 'default', 'reserved' }, hedge_budget = 0.5, models = {\n"
	             "{ id = 'a', tier = 'flex', quota = { rpm = 60, tpm = 5000 }, output_token_weight = 5,\n"
	             "price = { input = 0.25, output = 1.5 } }, { id = 'b' } } }");
	CHECK_STRING(fixture_problems(&fixture), "");
	const struct pool *pool = policy_pool(fixture.policy);
	const struct model *a = &pool->models[0], *b = &pool->models[1];
	CHECK_INT(pool->limits.tier_escalation.count, 3);
	CHECK_INT(pool->limits.tier_escalation.rungs[0], TIER_FLEX);
	CHECK_INT(pool->limits.tier_escalation.rungs[2], TIER_RESERVED);
	CHECK_INT(pool->limits.hedge_budget * 100, 50);
	CHECK(pool->has_quota);
	CHECK_INT(a->tier, TIER_FLEX);
	CHECK_INT(a->quota.requests_per_minute, 60);
	CHECK_INT(a->quota.tokens_per_minute, 5000);
	CHECK_INT(a->quota.output_token_weight, 5);
	CHECK(a->is_priced);
	CHECK_INT(a->price.input * 100, 25);
	CHECK_INT(a->price.output * 100, 150);
	CHECK_INT(a->price.cache_read, 0);
	CHECK_INT(b->tier, TIER_NONE);
	CHECK_INT(b->quota.requests_per_minute, 0);
	CHECK_INT(b->quota.output_token_weight, 1);
	CHECK(!b->is_priced);
	fixture_free(&fixture);
}

TEST(absent_keys_are_off) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture, POLICY(""));
	const struct pool *pool = policy_pool(fixture.policy);
	CHECK_INT(pool->limits.tier_escalation.count, 0);
	CHECK_INT(pool->limits.hedge_budget * 100, 20);
	CHECK(!pool->has_quota);
	fixture_free(&fixture);
	fixture_init(&fixture);
	fixture_load(&fixture, POLICY(", tier_escalation = 'priority'"));
	pool = policy_pool(fixture.policy);
	CHECK_INT(pool->limits.tier_escalation.count, 1);
	CHECK_INT(pool->limits.tier_escalation.rungs[0], TIER_PRIORITY);
	fixture_free(&fixture);
}

TEST(all_mistakes_are_reported_at_once) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture,
	             "return { max_retries = 99, models = { { id = 1 }, { id = 'b', wait = 1, weight = 'x' } } }");
	CHECK_INT(fixture.problems.count, 4);
	CHECK_MENTIONS(fixture_problems(&fixture), "max_retries");
	CHECK_MENTIONS(fixture_problems(&fixture), "models[1].id");
	CHECK_MENTIONS(fixture_problems(&fixture), "models[2].wait");
	CHECK_MENTIONS(fixture_problems(&fixture), "models[2].weight");
	fixture_free(&fixture);
}

TEST(a_model_inherits_the_policy_s_limits) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture,
	             "return { timeout_ms = 5000, breaker = { failure_threshold = 7, success_threshold = 3 },\n"
	             "models = { { id = 'a' }, { id = 'b', name = 'n', weight = 0.5, fallback = true,\n"
	             "timeout_ms = 9000, ttft_ms = 200, breaker = { failure_threshold = 9 }, region = 'eu-west-1',\n"
	             "endpoint = 'http://127.0.0.1:1', credentials = 'other', family = 'nova',\n"
	             "serves = { 'chat', 'nova-*' } } } }");
	CHECK_STRING(fixture_problems(&fixture), "");
	const struct pool *pool = policy_pool(fixture.policy);
	CHECK_INT(pool->count, 2);
	const struct model *a = &pool->models[0], *b = &pool->models[1];
	CHECK_STRING(a->name, "a");
	CHECK_NEAR(a->weight, 1, 0);
	CHECK(!a->fallback && !a->region && !a->endpoint && !a->credentials && !a->family && a->serves_count == 0);
	CHECK_INT(a->timeout_ms, 5000);
	CHECK_INT(a->ttft_ms, 30000);
	CHECK_INT(a->breaker.failure_threshold, 7);
	CHECK_INT(a->breaker.recovery_time_ms, 30000);
	CHECK_INT(b->index, 1);
	CHECK_STRING(b->name, "n");
	CHECK_INT(b->timeout_ms, 9000);
	CHECK_INT(b->ttft_ms, 200);
	CHECK_INT(b->breaker.failure_threshold, 9);
	CHECK_INT(b->breaker.success_threshold, 3);
	CHECK_STRING(b->region, "eu-west-1");
	CHECK_STRING(b->endpoint, "http://127.0.0.1:1");
	CHECK_STRING(b->credentials, "other");
	CHECK_STRING(b->family, "nova");
	CHECK_INT(b->serves_count, 2);
	CHECK(a->state && b->state && a->state != b->state);
	CHECK_INT(pool->limits.max_retries, 3);
	CHECK_INT(pool->limits.stream_idle_ms, 120000);
	CHECK_INT(pool->limits.deadline_ms, 0);
	CHECK_INT(pool->limits.max_wait_ms, 0);
	fixture_free(&fixture);
}

TEST(every_worker_s_table_must_be_the_same) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load_limited(&fixture, "return { models = { { id = 'm' .. math.random(1000000000) } } }", 2, 100000,
	                     16 << 20);
	CHECK(fixture.rc != 0);
	CHECK_MENTIONS(fixture_problems(&fixture), "expected a table that is the same each time the file is run");
	fixture_free(&fixture);
}

// From a limit that is too small even for an empty state upwards: a load gives one problem, or works.
TEST(any_memory_limit_ends_in_a_problem_or_a_policy) {
	bool loaded = false, decided = false;
	for (size_t limit = 1000; limit < 400000 && !decided; limit += limit / 50) {
		struct fixture fixture;
		fixture_init(&fixture);
		fixture_load_limited(&fixture,
		                     "local select, classify = require 'signalbox.select', require 'signalbox.classify'\n"
		                     "return { models = { { id = 'a', tags = { x = { 1 } } }, { id = 'b' } },\n"
		                     "select = function(request, models)\n"
		                     "local t = {} for k, v in pairs(request.headers) do t[k] = v end\n"
		                     "local s = request:text() .. json.encode(json.decode('{\"a\":[1,2,{}]}'))\n"
		                     "t.s = s:rep(50) t.t = table.concat(request.tried) .. tostring(request:body())\n"
		                     "return select.named(models, 'b'), { timeout_ms = 2000 }, 'because' end,\n"
		                     "classify = function(failure) return classify.default(failure) end }",
		                     1, 100000, limit);
		if (fixture.rc) {
			CHECK_INT(fixture.rc, ERROR_MEMORY);
			CHECK_INT(fixture.problems.count, 1);
			CHECK(!loaded);
		} else {
			loaded = true;
			decided = strcmp(fixture_select(&fixture, NULL), "b") == 0 && fixture.errors == 0;
			if (fixture.errors)
				CHECK_MENTIONS(fixture.detail, "over memory");
			fixture_classify(&fixture, &(struct failure){.fault = FAULT_MODEL});
		}
		fixture_free(&fixture);
	}
	CHECK(decided);
}

int main(void) {
	RUN(each_key_is_checked);
	RUN(keys_of_later_versions_are_refused_by_name);
	RUN(tiers_and_quotas_reach_the_pool);
	RUN(absent_keys_are_off);
	RUN(all_mistakes_are_reported_at_once);
	RUN(a_model_inherits_the_policy_s_limits);
	RUN(every_worker_s_table_must_be_the_same);
	RUN(any_memory_limit_ends_in_a_problem_or_a_policy);
	return check_summary();
}

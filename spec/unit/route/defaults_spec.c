// SPDX-License-Identifier: Apache-2.0
// The built-in decisions: the classification's table row by row, and the distribution of weighted selection.
#include "fixture.h"

TEST(classification_follows_the_fault) {
	static const struct {
		const char *what;
		struct failure failure;
		struct classification expected;
	} rows[] = {
	    {"throttled",
	     {.kind = FAILURE_HTTP, .status = 429, .fault = FAULT_THROTTLE, .retry_after_ms = -1},
	     {.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_RATE_LIMIT, .throttle = true}},
	    {"throttled, with a retry-after",
	     {.kind = FAILURE_HTTP, .status = 429, .fault = FAULT_THROTTLE, .retry_after_ms = 2500},
	     {.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_RATE_LIMIT, .throttle = true, .cooldown_ms = 2500}},
	    {"throttled, with a retry-after of 0",
	     {.kind = FAILURE_HTTP, .status = 429, .fault = FAULT_THROTTLE, .retry_after_ms = 0},
	     {.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_RATE_LIMIT, .throttle = true}},
	    {"throttled, with a retry-after over five minutes",
	     {.kind = FAILURE_STREAM, .status = 429, .fault = FAULT_THROTTLE, .retry_after_ms = INT64_MAX},
	     {.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_RATE_LIMIT, .throttle = true, .cooldown_ms = 300000}},
	    {"model trouble",
	     {.kind = FAILURE_HTTP, .status = 503, .fault = FAULT_MODEL, .retry_after_ms = 9000},
	     {.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_FAIL_FAST, .counts = true}},
	    {"network",
	     {.kind = FAILURE_NETWORK, .fault = FAULT_MODEL, .retry_after_ms = -1},
	     {.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_FAIL_FAST, .counts = true}},
	    {"timeout",
	     {.kind = FAILURE_TIMEOUT, .fault = FAULT_MODEL, .retry_after_ms = -1},
	     {.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_FAIL_FAST, .counts = true}},
	    {"stream error",
	     {.kind = FAILURE_STREAM, .status = 424, .fault = FAULT_MODEL, .retry_after_ms = -1},
	     {.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_FAIL_FAST, .counts = true}},
	    {"the operator's",
	     {.kind = FAILURE_HTTP, .status = 403, .fault = FAULT_OPERATOR, .retry_after_ms = -1},
	     {.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_FAIL_FAST, .deprioritizes = true, .cooldown_ms = 30000}},
	    {"the gateway's",
	     {.kind = FAILURE_NETWORK, .fault = FAULT_GATEWAY, .retry_after_ms = -1},
	     {.verdict = VERDICT_FAIL, .outcome = OUTCOME_FAIL_FAST}},
	    {"the caller's",
	     {.kind = FAILURE_HTTP, .status = 400, .fault = FAULT_CALLER, .retry_after_ms = -1},
	     {.verdict = VERDICT_FAIL, .outcome = OUTCOME_FAIL_FAST}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct classification found = {.after_ms = 77};
		default_classify(&rows[i].failure, &found);
		const struct classification *expected = &rows[i].expected;
		check_int(__FILE__, __LINE__, rows[i].what, found.verdict, expected->verdict);
		check_int(__FILE__, __LINE__, rows[i].what, found.outcome, expected->outcome);
		check_int(__FILE__, __LINE__, rows[i].what, found.counts, expected->counts);
		check_int(__FILE__, __LINE__, rows[i].what, found.deprioritizes, expected->deprioritizes);
		check_int(__FILE__, __LINE__, rows[i].what, found.throttle, expected->throttle);
		check_int(__FILE__, __LINE__, rows[i].what, (int64_t)found.cooldown_ms, (int64_t)expected->cooldown_ms);
		check_int(__FILE__, __LINE__, rows[i].what, (int64_t)found.after_ms, 0);
	}
}

// Selects `draws` times from the whole pool; `counts` is by index. Returns how often no model was selected.
static size_t draw(struct fixture *f, size_t draws, size_t *counts) {
	const struct model *list[FIXTURE_MODELS];
	size_t none = 0;
	for (size_t i = 0; i < f->pool.count; i++) {
		list[i] = &f->pool.models[i];
		counts[i] = 0;
	}
	for (size_t i = 0; i < draws; i++) {
		const struct model *model =
		    default_select((struct candidates){.list = list, .count = f->pool.count}, &f->random);
		if (model)
			counts[model->index]++;
		else
			none++;
	}
	return none;
}

TEST(selection_follows_the_weights) {
	// The 0.999 quantile of chi-squared with 4 degrees of freedom is 18.47.
	enum { DRAWS = 100000 };
	static const double weights[] = {100, 30, 0.5, 7, 0, 262.5};
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct fixture f;
		fixture_init(&f, "a b c d e f");
		random_init(&f.random, seed);
		for (size_t i = 0; i < 6; i++)
			f.pool.models[i].weight = weights[i];
		size_t counts[6];
		CHECK_INT(draw(&f, DRAWS, counts), 0);
		double chi_squared = 0;
		for (size_t i = 0; i < 6; i++) {
			double expected = DRAWS * weights[i] / 400, off = (double)counts[i] - expected;
			if (expected > 0)
				chi_squared += off * off / expected;
		}
		CHECK(chi_squared < 18.47);
		CHECK_INT(counts[4], 0);
		fixture_free(&f);
	}
}

TEST(fallbacks_are_selected_without_primaries) {
	struct fixture f;
	size_t counts[4];
	fixture_init(&f, "~x a ~y b");
	CHECK_INT(draw(&f, 1000, counts), 0);
	CHECK_INT(counts[0] + counts[2], 0);
	CHECK(counts[1] > 400 && counts[3] > 400);
	f.pool.models[1].weight = f.pool.models[3].weight = 0;
	CHECK_INT(draw(&f, 1000, counts), 0);
	CHECK_INT(counts[0] + counts[2], 1000);
	f.pool.models[0].weight = f.pool.models[2].weight = 0;
	CHECK_INT(draw(&f, 10, counts), 10);
	CHECK(default_select((struct candidates){0}, &f.random) == NULL);
	fixture_free(&f);
}

TEST(assigned_weights_override_those_of_the_models) {
	struct fixture f;
	fixture_init(&f, "a b ~c");
	const struct model *const list[] = {&f.pool.models[1], &f.pool.models[2]};
	double weights[] = {5, 0, 1};
	const struct candidates candidates = {list, 2, weights};
	for (int i = 0; i < 10; i++)
		CHECK(default_select(candidates, &f.random) == list[1]);
	weights[1] = 1;
	weights[2] = 1000;
	for (int i = 0; i < 10; i++)
		CHECK(default_select(candidates, &f.random) == list[0]);
	weights[1] = -1;
	weights[2] = -2;
	CHECK(default_select(candidates, &f.random) == NULL);
	fixture_free(&f);
}

TEST(the_defaults_are_a_struct_decide) {
	struct fixture f;
	fixture_init(&f, "a ~b");
	f.route.decide = &default_decide;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "throttle 0", "send 1 b"}, {2, "deny 1", "fail exhausted 1 after 1000"});
	PLAY(&f, {3000, "begin", "send 0 a"}, {3001, "reject 0", "fail failed 0 after 1000"});
	fixture_free(&f);
}

int main(void) {
	RUN(classification_follows_the_fault);
	RUN(selection_follows_the_weights);
	RUN(fallbacks_are_selected_without_primaries);
	RUN(assigned_weights_override_those_of_the_models);
	RUN(the_defaults_are_a_struct_decide);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// The valid results of hooks and their effects; the handling of hooks that fail or overrun.
#include "fixture.h"

#define MODELS "models = { { id = 'a' }, { id = 'b', fallback = true }, { id = 'c', weight = 0 } }"

static void load_select(struct fixture *fixture, const char *body) {
	char text[4096];
	fixture_init(fixture);
	snprintf(text, sizeof text,
	         "local select = require 'signalbox.select'\n"
	         "return { " MODELS ", select = function(request, models) %s end }",
	         body);
	fixture_load(fixture, text);
	CHECK_STRING(fixture_problems(fixture), "");
}

TEST(select_s_results) {
	static const struct {
		const char *body, *model, *detail;
		uint64_t timeout_ms, ttft_ms;
		const char *reason;
	} rows[] = {
	    {"return models[2]", "b", "", 0, 0, ""},
	    {"return models.fallback[1], nil, 'why not'", "b", "", 0, 0, "why not"},
	    {"return models[2], { timeout_ms = 2000, ttft_ms = 300.7 }", "b", "", 2000, 300, ""},
	    {"return nil", "none", "", 0, 0, ""},
	    {"return", "none", "", 0, 0, ""},
	    {"return select.weighted(models.primary)", "a", "", 0, 0, ""},
	    {"return select.weighted(select.where(models, function(m) return m.fallback end))", "b", "", 0, 0, ""},
	    {"return select.weighted({})", "none", "", 0, 0, ""},
	    {"return select.weighted({ models[3] })", "none", "", 0, 0, ""},
	    {"return select.least(models, function(m) return m.weight end)", "c", "", 0, 0, ""},
	    {"return select.least(models, 'weight')", "c", "", 0, 0, ""},
	    {"return select.least({ models[2], models[1] }, 'inflight')", "b", "", 0, 0, ""},
	    {"return select.least({ models[2], models[3] }, 'weight')", "c", "", 0, 0, ""},
	    {"return select.least({}, 'weight')", "none", "", 0, 0, ""},
	    {"return select.least(models, 'wieght')", "a", "select: error at", 0, 0, ""},
	    {"return select.least(models, 'name')", "a", "select: error at", 0, 0, ""},
	    {"return select.least({ 'a' }, 'weight')", "a", "select: error at", 0, 0, ""},
	    {"return select.named(models, 'c')", "c", "", 0, 0, ""},
	    {"return 'b'", "a", "select: bad result at", 0, 0, ""},
	    {"return true", "a", "bad result", 0, 0, ""},
	    {"return {}", "a", "bad result", 0, 0, ""},
	    {"return models", "a", "bad result", 0, 0, ""},
	    {"return request", "a", "bad result", 0, 0, ""},
	    {"return models[2], 5", "a", "bad result", 0, 0, ""},
	    {"return models[2], { timeout_ms = 999 }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { timeout_ms = 300001 }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { timeout_ms = 0 / 0 }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { timeout_ms = '2000' }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { ttft_ms = 99 }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { timeout = 2000 }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { 2000 }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { tier = 'fast' }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { tier = '' }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { tier = 5 }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { headers = 5 }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { hedge_after_ms = -1 }", "a", "bad result", 0, 0, ""},
	    {"return models[2], { hedge_after_ms = 300001 }", "a", "bad result", 0, 0, ""},
	    {"return models[2], nil, 5", "a", "bad result", 0, 0, ""},
	    {"return models[2], { timeout_ms = 2000 }, 5", "a", "bad result", 0, 0, ""},
	    {"return select.weighted('a')", "a", "select: error at", 0, 0, ""},
	    {"return select.weighted({ 'a' })", "a", "select: error at", 0, 0, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct selection selection;
		load_select(&fixture, rows[i].body);
		CHECK_STRING(fixture_select(&fixture, &selection), rows[i].model);
		CHECK_INT(fixture.errors, *rows[i].detail ? 1 : 0);
		CHECK_MENTIONS(fixture.detail, rows[i].detail);
		CHECK_INT(selection.options.timeout_ms, rows[i].timeout_ms);
		CHECK_INT(selection.options.ttft_ms, rows[i].ttft_ms);
		CHECK_SLICE(selection.reason, slice_from(rows[i].reason));
		if (check_failures_in_test)
			printf("  in: %s\n", rows[i].body);
		fixture_free(&fixture);
	}
}

TEST(a_long_reason_is_cut) {
	struct fixture fixture;
	struct selection selection;
	load_select(&fixture, "return models[2], nil, ('r'):rep(10000)");
	CHECK_STRING(fixture_select(&fixture, &selection), "b");
	CHECK_INT(selection.reason.len, 256);
	fixture_free(&fixture);
}

TEST(a_model_that_is_not_eligible_is_a_bad_result) {
	struct fixture fixture;
	struct selection selection = {0};
	fixture_init(&fixture);
	fixture_load(&fixture, "local kept return { " MODELS ", select = function(_, models)\n"
	                       "kept = kept or models[2] return kept end }");
	CHECK_STRING(fixture_select(&fixture, NULL), "b");
	const struct pool *pool = policy_pool(fixture.policy);
	const struct model *others[] = {&pool->models[0], &pool->models[2]};
	const struct decide *decide = policy_decide(fixture.policy, 0);
	decide->select(decide->self, fixture.request, (struct candidates){.list = others, .count = 2}, &fixture.random,
	               &selection);
	CHECK(selection.model == &pool->models[0]);
	CHECK_INT(fixture.errors, 1);
	CHECK_MENTIONS(fixture.detail, "select: bad result at ");
	fixture_free(&fixture);
}

static const struct failure throttled = {.kind = FAILURE_HTTP,
                                         .status = 429,
                                         .name = {"ThrottlingException", 19},
                                         .type = TYPE_THROTTLING,
                                         .fault = FAULT_THROTTLE,
                                         .retry_after_ms = 1500};
static const struct failure refused = {.kind = FAILURE_HTTP,
                                       .status = 403,
                                       .name = {"AccessDeniedException", 21},
                                       .type = TYPE_AUTHENTICATION,
                                       .fault = FAULT_OPERATOR,
                                       .retry_after_ms = -1};
static const struct failure invalid = {.kind = FAILURE_HTTP,
                                       .status = 400,
                                       .name = {"ValidationException", 19},
                                       .type = TYPE_VALIDATION,
                                       .fault = FAULT_CALLER,
                                       .retry_after_ms = -1};

static bool same_classification(const struct classification *a, const struct classification *b) {
	return a->verdict == b->verdict && a->outcome == b->outcome && a->counts == b->counts &&
	       a->deprioritizes == b->deprioritizes && a->throttle == b->throttle && a->cooldown_ms == b->cooldown_ms &&
	       a->after_ms == b->after_ms;
}

TEST(classify_s_results) {
	static const struct {
		const char *body;
		const struct failure *failure;
		bool error;
		struct classification expected;
	} rows[] = {
	    {"return classify.default(failure)",
	     &throttled,
	     false,
	     {VERDICT_FAILOVER, OUTCOME_RATE_LIMIT, false, false, true, 1500, 0, false}},
	    {"return classify.default(failure)",
	     &refused,
	     false,
	     {VERDICT_FAILOVER, OUTCOME_FAIL_FAST, false, true, false, 30000, 0, false}},
	    {"return classify.default(failure)",
	     &invalid,
	     false,
	     {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"", &throttled, false, {VERDICT_FAILOVER, OUTCOME_RATE_LIMIT, false, false, true, 1500, 0, false}},
	    {"return false", &invalid, false, {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 'failover'", &invalid, false, {VERDICT_FAILOVER, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 'fail', { outcome = 'fail_fast', counts = true, cooldown_ms = 0 }",
	     &throttled,
	     false,
	     {VERDICT_FAIL, OUTCOME_FAIL_FAST, true, false, false, 0, 0, false}},
	    {"return 'retry', { after_ms = 250 }",
	     &invalid,
	     false,
	     {VERDICT_RETRY, OUTCOME_FAIL_FAST, false, false, false, 0, 250, false}},
	    {"return 'failover', { cooldown_ms = 5000 }",
	     &throttled,
	     false,
	     {VERDICT_FAILOVER, OUTCOME_RATE_LIMIT, false, false, false, 5000, 0, false}},
	    {"return 'failover', { cooldown_ms = 5000 }",
	     &refused,
	     false,
	     {VERDICT_FAILOVER, OUTCOME_FAIL_FAST, false, false, false, 5000, 0, false}},
	    {"return 'failover', { counts = true }",
	     &refused,
	     false,
	     {VERDICT_FAILOVER, OUTCOME_FAIL_FAST, true, true, false, 30000, 0, false}},
	    {"return 'escalate'",
	     &throttled,
	     false,
	     {VERDICT_ESCALATE, OUTCOME_RATE_LIMIT, false, false, true, 1500, 0, false}},
	    {"return 'failove'", &invalid, true, {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 5", &invalid, true, {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 'retry', { after_ms = 60001 }",
	     &invalid,
	     true,
	     {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 'retry', { after_ms = -1 }",
	     &invalid,
	     true,
	     {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 'failover', { cooldown_ms = 300001 }",
	     &invalid,
	     true,
	     {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 'failover', { outcome = 'success' }",
	     &invalid,
	     true,
	     {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 'failover', { counts = 1 }",
	     &invalid,
	     true,
	     {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 'failover', { after = 1 }",
	     &invalid,
	     true,
	     {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 'failover', 'now'",
	     &invalid,
	     true,
	     {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	    {"return 'failover', { counts = true, [1] = 2 }",
	     &invalid,
	     true,
	     {VERDICT_FAIL, OUTCOME_FAIL_FAST, false, false, false, 0, 0, false}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		char text[1024];
		fixture_init(&fixture);
		snprintf(text, sizeof text,
		         "local classify = require 'signalbox.classify'\n"
		         "return { " MODELS ", classify = function(failure, request, model) %s end }",
		         rows[i].body);
		fixture_load(&fixture, text);
		CHECK_STRING(fixture_problems(&fixture), "");
		struct classification found = fixture_classify(&fixture, rows[i].failure);
		CHECK(same_classification(&found, &rows[i].expected));
		CHECK_INT(fixture.errors, rows[i].error);
		CHECK_MENTIONS(fixture.detail, rows[i].error ? "classify: bad result at " : "");
		if (check_failures_in_test)
			printf("  in: %s\n", rows[i].body);
		fixture_free(&fixture);
	}
}

TEST(five_overruns_in_a_row_disable_a_hook) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture, "local calls = 0 return { " MODELS ", select = function(_, models)\n"
	                       "calls = calls + 1 if calls == 10 then return models[2] end\n"
	                       "if calls == 5 then error('x') end\n"
	                       "while true do end end, classify = function() return 'retry' end }");
	// Four overruns, an error, four overruns, a good call, four overruns: no five in a row.
	for (int call = 1; call <= 14; call++)
		CHECK_STRING(fixture_select(&fixture, NULL), call == 10 ? "b" : "a");
	CHECK_INT(fixture.errors, 13);
	CHECK_INT(fixture.disabled, 0);
	CHECK_STRING(fixture_select(&fixture, NULL), "a");
	CHECK_INT(fixture.disabled, 1);
	CHECK_INT(fixture.errors, 14);
	CHECK_STRING(fixture.detail, "select");
	// Disabled: the default decides, without further events.
	CHECK_STRING(fixture_select(&fixture, NULL), "a");
	CHECK_INT(fixture.errors, 14);
	CHECK_INT(fixture.disabled, 1);
	// The other hook stays enabled.
	CHECK_INT(fixture_classify(&fixture, &invalid).verdict, VERDICT_RETRY);
	fixture_free(&fixture);
}

// One client must not have a hook disabled for all, neither by a large text nor by a small one or a number.
TEST(an_overrun_after_reading_what_a_client_chose_does_not_count) {
	static const struct {
		const char *reads;
		bool counts;
	} rows[] = {
	    {"nil", true},
	    {"request.operation", true},
	    {"request.attempt", true},
	    {"request.streaming", true},
	    {"models[1].error_rate", true},
	    {"request.tried", true},
	    {"request.elapsed_ms", true},
	    {"request.model", false},
	    {"request.id", false},
	    {"request:text()", false},
	    {"request:body()", false},
	    {"request.headers", false},
	    {"request.metadata", false},
	    {"request.bytes", false},
	    {"request.max_tokens", false},
	    {"request.input_tokens", false},
	    {"pcall(request.body, request)", false},
	    {"shared.get('text')", false},
	    {"shared.incr('count')", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		char policy[512];
		fixture_init(&fixture);
		snprintf(policy, sizeof policy,
		         "local shared = require 'signalbox.shared' shared.set('text', 'a prompt') return { " MODELS
		         ", select = function(request, models)\n"
		         "local read = %s while true do end end }",
		         rows[i].reads);
		fixture_load(&fixture, policy);
		for (int call = 0; call < 8; call++)
			CHECK_STRING(fixture_select(&fixture, NULL), "a");
		CHECK_INT(fixture.errors, rows[i].counts ? 5 : 8);
		CHECK_INT(fixture.disabled, rows[i].counts);
		if (check_failures_in_test)
			printf("  in: %s\n", rows[i].reads);
		fixture_free(&fixture);
	}
}

// By errors, overruns and invalid results, and when it is disabled: without on_error the default decides instead.
TEST(a_hook_that_fails_leaves_the_decision_open_if_the_policy_says_so) {
	static const char *const bodies[] = {"error('x')", "while true do end", "return 5", "do return 1, 2, 3 end"};
	static const char *const modes[] = {"default", "refuse"};
	for (size_t i = 0; i < 2 * sizeof bodies / sizeof *bodies; i++) {
		struct fixture fixture;
		char policy[1024];
		const char *body = bodies[i / 2], *mode = modes[i % 2];
		bool refuses = i % 2;
		fixture_init(&fixture);
		snprintf(policy, sizeof policy,
		         "local function hook() %s end\n"
		         "return { " MODELS ", select = hook, classify = hook, accept = hook, prepare = hook,\n"
		         "on_error = { select = '%s', classify = '%s', accept = '%s', prepare = '%s' } }",
		         body, mode, mode, mode, mode);
		fixture_load(&fixture, policy);
		CHECK_STRING(fixture_problems(&fixture), "");
		const struct decide *decide = policy_decide(fixture.policy, 0);
		const struct model *model = &policy_pool(fixture.policy)->models[0];
		for (int call = 0; call < 7; call++) {
			struct selection selection;
			struct edits edits = {0};
			struct slice reason = {0};
			CHECK_STRING(fixture_select(&fixture, &selection), refuses ? "none" : "a");
			CHECK_INT(selection.is_undecided, refuses);
			CHECK_INT(fixture_classify(&fixture, &invalid).is_undecided, refuses);
			CHECK_INT(fixture_classify(&fixture, &invalid).verdict, VERDICT_FAIL);
			decide->prepare(decide->self, fixture.request, model, &edits);
			CHECK_INT(edits.is_undecided, refuses);
			CHECK_INT(decide->accept(decide->self, &(struct response){.status = 200}, fixture.request, model, &reason),
			          refuses ? RESPONSE_UNDECIDED : RESPONSE_ACCEPTED);
		}
		// Four hooks are disabled by overruns.
		CHECK_INT(fixture.disabled, strcmp(body, bodies[1]) == 0 ? 4 : 0);
		// A retired version has no hooks left to decide.
		policy_retire(fixture.policy);
		struct edits edits = {0};
		decide->prepare(decide->self, fixture.request, model, &edits);
		CHECK_INT(edits.is_undecided, refuses);
		if (check_failures_in_test)
			printf("  in: %s, %s\n", body, mode);
		fixture_free(&fixture);
	}
}

TEST(on_error_changes_nothing_while_the_hooks_work) {
	struct fixture fixture;
	struct edits edits = {0};
	fixture_init(&fixture);
	fixture_load(&fixture,
	             "return { " MODELS ", prepare = function() end, select = function(_, models) return models[2] end,"
	             " on_error = { prepare = 'refuse' } }");
	const struct decide *decide = policy_decide(fixture.policy, 0);
	struct selection selection;
	CHECK_STRING(fixture_select(&fixture, &selection), "b");
	decide->prepare(decide->self, fixture.request, &policy_pool(fixture.policy)->models[0], &edits);
	CHECK(!selection.is_undecided && !edits.is_undecided);
	const char *names[POLICY_HOOKS_MAX];
	CHECK_INT(policy_refusing(fixture.policy, names), 1);
	CHECK_STRING(names[0], "prepare");
	fixture_free(&fixture);
}

TEST(errors_do_not_disable_a_hook) {
	struct fixture fixture;
	load_select(&fixture, "error('always')");
	for (int call = 0; call < 20; call++)
		CHECK_STRING(fixture_select(&fixture, NULL), "a");
	CHECK_INT(fixture.errors, 20);
	CHECK_INT(fixture.disabled, 0);
	fixture_free(&fixture);
}

TEST(an_event_has_hook_ending_and_place_but_no_message) {
	struct fixture fixture;
	char expected[512];
	fixture_init(&fixture);
	fixture_load(&fixture, "return { " MODELS ",\nselect = function()\nerror('the prompt was: secret')\nend }");
	fixture_select(&fixture, NULL);
	snprintf(expected, sizeof expected, "select: error at %s:3", fixture.path);
	CHECK_STRING(fixture.detail, expected);
	fixture_free(&fixture);
	fixture_init(&fixture);
	fixture_load(&fixture, "return { " MODELS ",\nselect = function()\nreturn 5\nend }");
	fixture_select(&fixture, NULL);
	snprintf(expected, sizeof expected, "select: bad result at %s:2", fixture.path);
	CHECK_STRING(fixture.detail, expected);
	fixture_free(&fixture);
}

TEST(the_same_seed_gives_the_same_choices) {
	static const char policy[] = "local select = require 'signalbox.select'\n"
	                             "return { models = { { id = 'a' }, { id = 'b' }, { id = 'c' } },\n"
	                             "select = function(_, models) if math.random() < 0.5 then return models[1] end\n"
	                             "return select.weighted(models) end }";
	char first[65] = "", second[65] = "";
	for (int run = 0; run < 2; run++) {
		struct fixture fixture;
		fixture_init(&fixture);
		fixture_load(&fixture, policy);
		for (int i = 0; i < 64; i++)
			(run ? second : first)[i] = *fixture_select(&fixture, NULL);
		CHECK_INT(fixture.errors, 0);
		fixture_free(&fixture);
	}
	CHECK_STRING(first, second);
	CHECK(strchr(first, 'a') && strchr(first, 'b') && strchr(first, 'c'));
}

// Chi-squared with two degrees of freedom exceeds 13.8 with a probability of 1 in 1000; the seed is fixed.
TEST(weighted_choice_follows_the_weights) {
	static const char *const bodies[] = {"return select.weighted(models)",
	                                     "return select.weighted({ models[1], models[2], models[3] })"};
	for (size_t body = 0; body < 2; body++) {
		struct fixture fixture;
		char text[512];
		double counts[3] = {0}, chi = 0;
		static const double shares[] = {0.1, 0.3, 0.6};
		enum { DRAWS = 20000 };
		fixture_init(&fixture);
		snprintf(text, sizeof text,
		         "local select = require 'signalbox.select' return { models = { { id = 'a', weight = 10 },\n"
		         "{ id = 'b', weight = 30 }, { id = 'c', weight = 60 } }, select = function(_, models) %s end }",
		         bodies[body]);
		fixture_load(&fixture, text);
		for (int i = 0; i < DRAWS; i++)
			counts[*fixture_select(&fixture, NULL) - 'a']++;
		for (size_t i = 0; i < 3; i++)
			chi += (counts[i] - DRAWS * shares[i]) * (counts[i] - DRAWS * shares[i]) / (DRAWS * shares[i]);
		CHECK(chi < 13.8);
		fixture_free(&fixture);
	}
}

TEST(the_strict_policy_fails_over_for_throttling_only) {
	struct fixture fixture;
	struct policy_limits limits = {100000, 16 << 20};
	fixture_init(&fixture);
	CHECK_INT(policy_load("policies/strict.lua", &limits, 1, &fixture.host, &fixture.problems, &fixture.policy), 0);
	CHECK_STRING(fixture_problems(&fixture), "");
	fixture.route = (struct route){.pool = policy_pool(fixture.policy), .decide = policy_decide(fixture.policy, 0)};
	route_request_new(&fixture.route, &fixture.attributes, &fixture.arena, 0, &fixture.request);
	CHECK_INT(policy_pool(fixture.policy)->models[0].timeout_ms, 30000);
	struct classification found = fixture_classify(&fixture, &throttled);
	CHECK(same_classification(
	    &found, &(struct classification){VERDICT_FAILOVER, OUTCOME_RATE_LIMIT, true, false, false, 0, 0, false}));
	found = fixture_classify(&fixture,
	                         &(struct failure){.status = 503, .fault = FAULT_MODEL, .type = TYPE_MODEL_UNAVAILABLE});
	CHECK(same_classification(
	    &found, &(struct classification){VERDICT_FAIL, OUTCOME_FAIL_FAST, true, false, false, 0, 0, false}));
	fixture_free(&fixture);
}

int main(void) {
	RUN(select_s_results);
	RUN(a_long_reason_is_cut);
	RUN(a_model_that_is_not_eligible_is_a_bad_result);
	RUN(classify_s_results);
	RUN(five_overruns_in_a_row_disable_a_hook);
	RUN(an_overrun_after_reading_what_a_client_chose_does_not_count);
	RUN(a_hook_that_fails_leaves_the_decision_open_if_the_policy_says_so);
	RUN(on_error_changes_nothing_while_the_hooks_work);
	RUN(errors_do_not_disable_a_hook);
	RUN(an_event_has_hook_ending_and_place_but_no_message);
	RUN(the_same_seed_gives_the_same_choices);
	RUN(weighted_choice_follows_the_weights);
	RUN(the_strict_policy_fails_over_for_throttling_only);
	return check_summary();
}

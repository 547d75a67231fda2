// SPDX-License-Identifier: Apache-2.0
// Dry runs: each case is what its name says, decisions are those of traffic, and mistakes are reported with their
// place.
#include "../policy/fixture.h"
#include "lab/dry_run.h"
#include "lab/lint.h"
#include "sandbox/sources.h"

#define TWO "models = { { id = 'a' }, { id = 'b', fallback = true } }"

enum { BODY_BYTES = 2 << 20 };

static const struct dry_run_failure failures[] = {
    {"throttle",
     {.kind = FAILURE_HTTP,
      .status = 429,
      .name = {"ThrottlingException", 19},
      .type = TYPE_THROTTLING,
      .fault = FAULT_THROTTLE,
      .retry_after_ms = 1500}},
    {"outage",
     {.kind = FAILURE_HTTP,
      .status = 503,
      .name = {"ServiceUnavailableException", 27},
      .type = TYPE_MODEL_UNAVAILABLE,
      .fault = FAULT_MODEL,
      .retry_after_ms = -1}},
    {"silence", {.kind = FAILURE_TIMEOUT, .type = TYPE_TIMEOUT, .fault = FAULT_MODEL, .retry_after_ms = -1}},
};

// Loads the policy and does a dry run.
static void dry_run_text(struct fixture *fixture, const char *text, struct dry_run *dry_run) {
	fixture_init(fixture);
	fixture_load(fixture, text);
	*dry_run = (struct dry_run){0};
	CHECK_STRING(fixture_problems(fixture), "");
	if (fixture->rc)
		return;
	struct dry_run_plan plan = {.sources = policy_sources(fixture->policy),
	                            .limits = {100000, 16 << 20},
	                            .failures = failures,
	                            .failure_count = sizeof failures / sizeof *failures,
	                            .body_bytes = BODY_BYTES,
	                            .bodies = &mux_body_reader};
	CHECK_INT(dry_run_perform(&plan, &fixture->problems, dry_run), 0);
}

static void close_dry_run(struct fixture *fixture, struct dry_run *dry_run) {
	dry_run_free(dry_run);
	fixture_free(fixture);
}

static const struct observation *find_observation(const struct dry_run *dry_run, const char *hook,
                                                  const char *case_name) {
	for (size_t i = 0; i < dry_run->count; i++)
		if (strcmp(dry_run->observations[i].hook, hook) == 0 &&
		    strcmp(dry_run->observations[i].case_name, case_name) == 0)
			return &dry_run->observations[i];
	return NULL;
}

// The text of an observation; "no observation" if there is none.
static const char *words(const struct dry_run *dry_run, const char *hook, const char *case_name) {
	static char text[4096];
	const struct observation *observation = find_observation(dry_run, hook, case_name);
	struct slice found = observation ? buffer_slice(&observation->words) : SLICE("no observation");
	snprintf(text, sizeof text, "%.*s", SLICE_ARGS(found));
	return text;
}

// A policy that returns what it sees as the reason of its selection.
#define REASON(expression)                                                                                             \
	"return { models = { { id = 'a' }, { id = 'b', weight = 3 }, { id = 'c', fallback = true } },"                     \
	"select = function(request, models) return models[1], nil, " expression " end }"

TEST(cases_are_what_their_names_say) {
	static const struct {
		const char *name, *policy, *words;
	} rows[] = {
	    {"all models healthy", REASON("#models .. models[1].breaker .. request.attempt"), "a (3closed1)"},
	    {"after some traffic", REASON("models[2].inflight .. ' ' .. math.floor(models[2].p50_ms)"), "a (1 361)"},
	    {"the first primary's breaker open", REASON("models[1].name .. #models .. #models.primary"), "b (b21)"},
	    {"the first primary's breaker half-open", REASON("models[1].breaker .. #models"), "a (half_open3)"},
	    {"the first primary in cooldown", REASON("#models .. models[1].breaker"), "b (2closed)"},
	    {"only fallbacks left", REASON("#models .. ' ' .. #models.primary"), "c (1 0)"},
	    {"a single model left", REASON("'' .. #models"), "c (1)"},
	    {"all models in cooldown", REASON("'' .. #models"), "a (1)"},
	    {"another model after a failure", REASON("request.attempt .. #models .. tostring(request.tried[1])"),
	     "b (22a)"},
	    {"a third model after two failures", REASON("request.attempt .. table.concat(request.tried)"), "c (3ab)"},
	    {"a stream", REASON("request.operation .. tostring(request.streaming)"), "a (ConverseStreamtrue)"},
	    {"an InvokeModel", REASON("request.operation .. #models"), "a (InvokeModel1)"},
	    {"a CountTokens", REASON("request.operation"), "a (CountTokens)"},
	    {"the largest body", REASON("'' .. request.bytes"), "a (2097152)"},
	    {"an empty body", REASON("request.bytes .. tostring(request:body())"), "a (0nil)"},
	    {"a body that is no JSON", REASON("tostring((pcall(request.body, request)))"), "a (false)"},
	    {"a body nested too deep", REASON("tostring((pcall(request.body, request)))"), "a (false)"},
	    {"a body of wrong types", REASON("type(request:body().messages) .. type(request.metadata.team)"),
	     "a (stringnil)"},
	    {"hostile headers", REASON("request.headers['__index']"), "a (%s%n)"},
	    {"hostile metadata", REASON("request.metadata.__index .. type(request.metadata.team)"), "a (__gcuserdata)"},
	    {"broken metadata", REASON("type(request.metadata) .. type(request.metadata.team)"), "a (userdatanil)"},
	    {"an unknown model asked for", REASON("request.model"), "a (no.such-model-v1:0)"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct dry_run dry_run;
		dry_run_text(&fixture, rows[i].policy, &dry_run);
		CHECK_STRING(words(&dry_run, "select", rows[i].name), rows[i].words);
		if (check_failures_in_test) {
			const struct observation *observation = find_observation(&dry_run, "select", rows[i].name);
			printf("  in: %s %s\n", rows[i].name, observation ? observation->mistake.message : "");
			close_dry_run(&fixture, &dry_run);
			return;
		}
		close_dry_run(&fixture, &dry_run);
	}
}

TEST(a_used_up_quota_leaves_the_model_out) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "return { models = { { id = 'a', quota = { rpm = 100, tpm = 1000000 } }, { id = 'b' } },"
	             "select = function(_, models) return models[1], nil, #models .. ' ' .. models[1].headroom end }",
	             &dry_run);
	CHECK_STRING(words(&dry_run, "select", "the first primary's quota used up"), "b (1 1.0)");
	CHECK_STRING(words(&dry_run, "select", "the first primary's breaker open"), "b (1 1.0)");
	CHECK_STRING(words(&dry_run, "select", "all models healthy"), "a (2 1.0)");
	CHECK_INT(dry_run.mistakes, 0);
	close_dry_run(&fixture, &dry_run);
}

TEST(tiers_and_hedges) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "return { " TWO ", tier_escalation = 'priority',"
	             "select = function(request, models) return models[1],"
	             "{ tier = 'flex', hedge_after_ms = 100 }, 'attempt ' .. request.attempt end }",
	             &dry_run);
	CHECK_STRING(words(&dry_run, "select", "all models healthy"), "a, hedge_after_ms 100, tier flex (attempt 1)");
	CHECK_STRING(words(&dry_run, "classify", "throttle"), "escalate, rate_limit, cooldown 1500 ms as asked");
	// Attempt 2 is the hedge.
	CHECK_STRING(words(&dry_run, "select", "another model after a failure"),
	             "b, hedge_after_ms 100, tier flex (attempt 3)");
	CHECK_INT(find_observation(&dry_run, "select", "all models healthy")->calls, 200);
	close_dry_run(&fixture, &dry_run);
}

TEST(the_built_in_selection_goes_by_weight) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "return { models = { { id = 'a' }, { id = 'b', weight = 3 }, { id = 'c', fallback = true } } }",
	             &dry_run);
	const struct observation *observation = find_observation(&dry_run, "select", "all models healthy");
	CHECK(observation && observation->decided_by == DECIDED_BY_DEFAULT);
	CHECK_INT(observation->decisions, 100);
	CHECK_INT(observation->calls, 0);
	CHECK_INT(observation->chosen[0] + observation->chosen[1], 100);
	CHECK_NEAR((double)observation->chosen[1], 75, 12);
	CHECK_INT(observation->chosen[2], 0);
	// The same numbers are drawn in each case.
	CHECK_STRING(words(&dry_run, "select", "a stream"), words(&dry_run, "select", "all models healthy"));
	CHECK_STRING(words(&dry_run, "select", "only fallbacks left"), "c");
	CHECK_INT(dry_run.mistakes, 0);
	close_dry_run(&fixture, &dry_run);
}

TEST(a_hook_that_is_not_asked_has_the_reason) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "return { models = { { id = 'a', serves = { 'chat' } } }, select = function(_, m) return m[1] end }",
	             &dry_run);
	CHECK_STRING(words(&dry_run, "select", "all models healthy"), "a");
	CHECK_STRING(words(&dry_run, "select", "an unknown model asked for"), "not asked: no model serves it");
	CHECK_STRING(words(&dry_run, "select", "a hostile model name"), "not asked: no model serves it");
	CHECK_STRING(words(&dry_run, "select", "all breakers open"),
	             "not asked: no model is eligible, the first returns in 30000 ms");
	CHECK_STRING(words(&dry_run, "select", "another model after a failure"),
	             "not asked: models or retries were used up before");
	CHECK(find_observation(&dry_run, "select", "only fallbacks left") == NULL);
	CHECK(find_observation(&dry_run, "select", "a single model left") == NULL);
	CHECK_INT(find_observation(&dry_run, "select", "all breakers open")->decided_by, DECIDED_BY_NOBODY);
	close_dry_run(&fixture, &dry_run);
}

TEST(each_served_name_has_a_case) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "return { models = { { id = 'a', serves = { 'fast', 'quick' } }, { id = 'b', serves = { 'deep-*' } },"
	             "{ id = 'c', serves = { 'deep-*', 'odd' } } },"
	             "select = function(request, models) return models[1], nil, request.model end }",
	             &dry_run);
	CHECK_STRING(words(&dry_run, "select", "all models healthy"), "b (deep-x)");
	CHECK_STRING(words(&dry_run, "select", "\"fast\" asked for"), "a (fast)");
	CHECK_STRING(words(&dry_run, "select", "\"odd\" asked for"), "c (odd)");
	CHECK(find_observation(&dry_run, "select", "\"quick\" asked for") == NULL);
	CHECK_MENTIONS(words(&dry_run, "select", "a hostile model name"), "b (deep-no-such/[%a-z*]+.%s%n");
	close_dry_run(&fixture, &dry_run);
}

TEST(a_model_that_serves_no_other_name_is_requested_by_its_own) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "return { models = { { id = 'a', name = 'own', serves = {} } },"
	             "select = function(request, models) return models[1], nil, request.model .. #models[1].serves end }",
	             &dry_run);
	CHECK_STRING(words(&dry_run, "select", "all models healthy"), "own (own0)");
	CHECK_STRING(words(&dry_run, "select", "an unknown model asked for"), "not asked: no model serves it");
	close_dry_run(&fixture, &dry_run);
}

TEST(classifications_as_text) {
	static const struct {
		const char *classify, *failure, *words;
	} rows[] = {
	    {"", "throttle", "failover, rate_limit, cooldown 1500 ms as asked"},
	    {"", "outage", "failover, fail_fast, counts against the breaker"},
	    {"return 'fail', { counts = false }", "outage", "fail, fail_fast"},
	    {"return 'retry', { after_ms = 250, cooldown_ms = 9000 }", "silence",
	     "retry, fail_fast, after 250 ms, counts against the breaker, cooldown 9000 ms"},
	    {"return 'failover', { outcome = 'rate_limit' }", "silence",
	     "failover, rate_limit, counts against the breaker"},
	    {"return nil, { outcome = 'rate_limit', counts = false }", "silence", "failover, rate_limit"},
	    {"return nil, { cooldown_ms = 0 }", "throttle", "failover, rate_limit"},
	    {"return nil, nil", "throttle", "failover, rate_limit, cooldown 1500 ms as asked"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct dry_run dry_run;
		char text[512];
		snprintf(text, sizeof text, "return { " TWO ", classify = function(failure) %s end }", rows[i].classify);
		dry_run_text(&fixture, text, &dry_run);
		CHECK_STRING(words(&dry_run, "classify", rows[i].failure), rows[i].words);
		CHECK_INT(find_observation(&dry_run, "classify", rows[i].failure)->decided_by, DECIDED_BY_POLICY);
		close_dry_run(&fixture, &dry_run);
	}
}

TEST(accept_sees_each_sample_response) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "return { " TWO ", accept = function(response)\n"
	             "if response.stop_reason == 'refusal' then return false, 'declined' end\n"
	             "if response:text():find(\"can't help\", 1, true) then return false, 'sorry' end\n"
	             "return true end }",
	             &dry_run);
	CHECK_STRING(words(&dry_run, "accept", "an answer"), "accepted");
	CHECK_STRING(words(&dry_run, "accept", "a refusal by the model"), "refused: declined");
	CHECK_STRING(words(&dry_run, "accept", "an apology"), "refused: sorry");
	CHECK_STRING(words(&dry_run, "accept", "an answer of an InvokeModel"), "accepted");
	CHECK_STRING(words(&dry_run, "accept", "an empty answer"), "accepted");
	CHECK_INT(dry_run.mistakes, 0);
	close_dry_run(&fixture, &dry_run);
}

TEST(edits_of_prepare_and_results_of_finish) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "return { " TWO ",\n"
	             "prepare = function(request, model)\n"
	             "if request.streaming then return end\n"
	             "return { service_tier = 'flex', max_tokens = 99, headers = { ['x-team'] = 'search' } } end,\n"
	             "finish = function(request, result)\n"
	             "if result.outcome ~= 'success' then error(('%s %d %s %s'):format(result.outcome, result.attempts,\n"
	             "tostring(result.status), tostring(result.error))) end end }",
	             &dry_run);
	CHECK_STRING(words(&dry_run, "prepare", "all models healthy"), "service_tier flex, max_tokens 99, headers x-team");
	CHECK_STRING(words(&dry_run, "prepare", "a stream"), "nothing");
	CHECK_STRING(words(&dry_run, "finish", "an answer"), "ran");
	static const struct {
		const char *name, *message;
	} ends[] = {
	    {"every attempt failed", "rate_limit 2 429 ThrottlingException"},
	    {"no model could be reached", "fail_fast 2 503 ServiceUnavailableException"},
	    {"no model answered in time", "fail_fast 2 408 ModelTimeoutException"},
	    {"a stream broke off", "fail_fast 1 200 ConnectionReset"},
	    {"no model was eligible", "fail_fast 0 429 ThrottlingException"},
	    {"the client left", "cancelled 1 nil nil"},
	    {"the client left within a stream", "cancelled 1 200 nil"},
	    {"the gateway stopped", "cancelled 1 429 ThrottlingException"},
	};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		const struct observation *observation = find_observation(&dry_run, "finish", ends[i].name);
		CHECK(observation && observation->mistakes > 0);
		CHECK_STRING(observation ? observation->mistake.message : "", ends[i].message);
	}
	close_dry_run(&fixture, &dry_run);
}

TEST(scripts_read_the_clock_of_the_dry_run) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "local began_ms local wall_s, cpu_s = os.time(), os.clock()\n"
	             "return { " TWO ", tick = function(now_ms)\n"
	             "  began_ms = began_ms or now_ms - (os.clock() - cpu_s) * 1000\n"
	             "  local passed_s = (now_ms - began_ms) / 1000\n"
	             "  assert(passed_s >= 1 and math.abs(os.clock() - cpu_s - passed_s) < 0.001)\n"
	             "  assert(math.abs(os.time() - wall_s - passed_s) <= 1)\n"
	             "end,\n"
	             "select = function(_, models) return models[1], nil, tostring(os.clock() - cpu_s >= 3600) end }",
	             &dry_run);
	CHECK_STRING(words(&dry_run, "tick", "ten ticks after some traffic"), "ran");
	CHECK_STRING(words(&dry_run, "tick", "a tick while all breakers are open"), "ran");
	CHECK_STRING(words(&dry_run, "select", "all models healthy"), "a (true)");
	close_dry_run(&fixture, &dry_run);
}

TEST(ticks_run_before_the_request) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "local count = 0\n"
	             "return { " TWO ", tick = function(now_ms, models) count = count + 1 models[1].weight = count end,\n"
	             "select = function(request, models) return models[1], nil, tostring(count) end }",
	             &dry_run);
	CHECK_STRING(words(&dry_run, "select", "ten ticks after some traffic"), "a (10)");
	CHECK_STRING(words(&dry_run, "tick", "ten ticks after some traffic"), "ran");
	CHECK_STRING(words(&dry_run, "tick", "a tick while all breakers are open"), "ran");
	CHECK(find_observation(&dry_run, "select", "a tick while all breakers are open") == NULL);
	CHECK_STRING(words(&dry_run, "select", "all models healthy"), "a (0)");
	close_dry_run(&fixture, &dry_run);
}

TEST(mistakes_are_reported_with_their_place) {
	static const struct {
		const char *body, *name;
		enum call_ending ending;
		int line;
		const char *message;
	} rows[] = {
	    {"if request.streaming then\nerror('no streams') end", "a stream", ENDING_ERROR, 3, "no streams"},
	    {"if request.bytes > 1e6 then\nwhile true do end end", "the largest body", ENDING_OVER_BUDGET, 3,
	     "the instruction budget is used up"},
	    {"if #models == 1 then\nreturn 'b' end", "only fallbacks left", ENDING_BAD_RESULT, 1,
	     "select has to return a model or nil, not a string"},
	    {"do return models end", "all models healthy", ENDING_BAD_RESULT, 1,
	     "select has to return a model or nil, not a list of models"},
	    {"do return models[1], { headers = request.headers } end", "all models healthy", ENDING_BAD_RESULT, 1,
	     "headers have to be a table, not a read-only table"},
	    {"models[1].wieght = 5", "all models healthy", ENDING_ERROR, 2, "of which only the weight can be assigned"},
	    {"error(request)", "all models healthy", ENDING_ERROR, 2, "the error value is a request"},
	    {"do return models[1], {\ntimeout = 5 } end", "a hostile model name", ENDING_BAD_RESULT, 1,
	     "unknown option timeout (did you mean timeout_ms?)"},
	    {"local t = {}\nfor i = 1, 99 do t = { t:rep(2 ^ i) } end", "all models healthy", ENDING_ERROR, 3, "'rep'"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct dry_run dry_run;
		char text[512];
		snprintf(text, sizeof text, "return { " TWO ", select = function(request, models)\n%s\nreturn models[1] end }",
		         rows[i].body);
		dry_run_text(&fixture, text, &dry_run);
		const struct observation *observation = find_observation(&dry_run, "select", rows[i].name);
		CHECK(dry_run.mistakes > 0);
		CHECK(observation && observation->mistakes == observation->calls);
		if (observation) {
			CHECK_INT(observation->decided_by, DECIDED_BY_DEFAULT);
			CHECK_INT(observation->mistake.ending, rows[i].ending);
			CHECK_INT(observation->mistake.line, rows[i].line);
			CHECK_STRING(observation->mistake.file, fixture.path);
			CHECK_MENTIONS(observation->mistake.message, rows[i].message);
		}
		close_dry_run(&fixture, &dry_run);
	}
}

// As in the engine: no default decides, and the request ends there.
TEST(a_mistake_is_refused_where_the_policy_says_so) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture,
	             "return { " TWO ", select = function(request, models)\n"
	             "if request.streaming then error('no streams') end return models[1] end,\n"
	             "classify = function() error('always') end, accept = function() return 5 end,\n"
	             "prepare = function() return 5 end,\n"
	             "on_error = { select = 'refuse', classify = 'refuse', accept = 'refuse' } }",
	             &dry_run);
	static const char *const cases[][3] = {
	    {"select", "a stream", "none (refused with 503, as on_error says)"},
	    {"classify", "throttle", "refused with 503, as on_error says"},
	    {"accept", "an answer", "refused with 503, as on_error says"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct observation *observation = find_observation(&dry_run, cases[i][0], cases[i][1]);
		CHECK(observation && observation->decided_by == DECIDED_BY_ON_ERROR && observation->mistakes > 0);
		CHECK_STRING(words(&dry_run, cases[i][0], cases[i][1]), cases[i][2]);
	}
	CHECK_INT(find_observation(&dry_run, "select", "all models healthy")->decided_by, DECIDED_BY_POLICY);
	CHECK_INT(find_observation(&dry_run, "prepare", "all models healthy")->decided_by, DECIDED_BY_DEFAULT);
	// The request has ended: no other model is selected.
	CHECK(!find_observation(&dry_run, "select", "another model after a failure") ||
	      find_observation(&dry_run, "select", "another model after a failure")->decided_by == DECIDED_BY_NOBODY);
	close_dry_run(&fixture, &dry_run);
}

TEST(mistakes_of_other_hooks_are_recorded_in_any_case) {
	struct fixture fixture;
	struct dry_run dry_run;
	dry_run_text(&fixture, "return { " TWO ", classify = function(failure, request)\nerror('always') end }", &dry_run);
	const struct observation *observation = find_observation(&dry_run, "classify", "another model after a failure");
	CHECK(observation && observation->mistakes > 0);
	CHECK(find_observation(&dry_run, "classify", "outage")->mistakes > 0);
	// A dry run disables no hook, however often it overruns.
	CHECK_STRING(words(&dry_run, "classify", "silence"), "failover, fail_fast, counts against the breaker");
	close_dry_run(&fixture, &dry_run);
}

TEST(budgets_are_measured_to_the_instruction) {
	uint64_t used[2];
	for (int i = 0; i < 2; i++) {
		struct fixture fixture;
		struct dry_run dry_run;
		char text[512];
		snprintf(text, sizeof text,
		         "return { " TWO ", select = function(_, models) for i = 1, %d do end return models[1] end }",
		         i ? 1100 : 100);
		dry_run_text(&fixture, text, &dry_run);
		const struct observation *observation = find_observation(&dry_run, "select", "all models healthy");
		used[i] = observation->instructions;
		CHECK(observation->cpu_ns > 0);
		CHECK(observation->peak_bytes > 10000 && observation->peak_bytes < 1 << 20);
		close_dry_run(&fixture, &dry_run);
	}
	CHECK_INT(used[1] - used[0], 1000);
	CHECK(used[0] > 100 && used[0] < 120);
}

TEST(warnings) {
	static const struct {
		const char *policy, *warning;
	} rows[] = {
	    {"return { " TWO ", deadline_ms = 5000 }", ""},
	    {"return { " TWO ", timeout_ms = 5000 }", ""},
	    {"return { " TWO ", deadline_ms = 5000, max_wait_ms = 6000 }",
	     "max_wait_ms: expected at most deadline_ms (5000), found 6000\n"},
	    {"return { " TWO ", deadline_ms = 5000, timeout_ms = 60000 }",
	     "timeout_ms: expected at most deadline_ms (5000), found 60000\n"},
	    {"return { " TWO ", timeout_ms = 5000, ttft_ms = 6000 }",
	     "ttft_ms: expected at most timeout_ms (5000), found 6000\n"},
	    {"return { models = { { id = 'a', timeout_ms = 9000 } }, deadline_ms = 5000 }",
	     "models[1].timeout_ms: expected at most deadline_ms (5000), found 9000\n"},
	    {"return { models = { { id = 'a', weight = 0 }, { id = 'b', weight = 0 } }, select = function(_, m)"
	     "return m[math.random(#m)] end }",
	     "models: expected a primary with a weight, found weight 0 in each"},
	    {"return { models = { { id = 'a', serves = { 'chat', 'c*', 'x' } } } }",
	     "models[1].serves[1]: expected a name or glob that lets something new through, found \"chat\", which \"c*\""},
	    {"return { models = { { id = 'a', serves = { 'chat', 'chat' } } } }", "models[1].serves[2]: "},
	    {"return { models = { { id = 'a' }, { id = 'b', weight = 0 }, { id = 'c', fallback = true },"
	     "{ id = 'd', fallback = true } } }",
	     "models[2]: expected a model that some"},
	    {"return { " TWO ", select = function(request, models) return models.primary[1] or request.attempt > 1 and "
	     "models[1] or nil end }",
	     "select: expected one of the eligible models, found none in 100 of 100 selections in \"the first primary's "
	     "breaker "
	     "open\" and 2 more situations"},
	    {"return { " TWO ", select = function(_, models) for _ = 1, 60000 do end return models[1] end }",
	     "select: expected at most half the budget of instructions, found 600"},
	    {"local kept = {} for i = 1, 9 << 10 do kept[i] = ('x'):rep(1000) .. i end return { " TWO
	     ", select = function(_, models) return models[1], nil, kept[1]:sub(1, 1)"
	     "end }",
	     "select: expected at most half the budget of memory, found "},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct dry_run dry_run;
		struct policy_limits limits = {100000, 16 << 20};
		dry_run_text(&fixture, rows[i].policy, &dry_run);
		if (fixture.rc)
			return;
		const struct pool *pool = policy_pool(fixture.policy);
		lint_pool(pool, "", &fixture.problems);
		lint_dry_run(&dry_run, pool, &limits, "", &fixture.problems);
		CHECK_MENTIONS(fixture_problems(&fixture), rows[i].warning);
		CHECK_INT(fixture.problems.count, *rows[i].warning ? 1 : 0);
		if (check_failures_in_test) {
			printf("  in: %s\n  all: %s\n", rows[i].policy, fixture_problems(&fixture));
			check_failures_in_test = 0;
			check_report(__FILE__, __LINE__, "warnings");
			close_dry_run(&fixture, &dry_run);
			return;
		}
		close_dry_run(&fixture, &dry_run);
	}
}

TEST(a_pool_that_differs_at_each_load_does_no_harm) {
	struct fixture fixture;
	struct dry_run dry_run;
	struct policy_limits limits = {100000, 16 << 20};
	dry_run_text(&fixture,
	             "local models = {} for i = 1, math.random(20) do models[i] = { id = 'm' .. i } end\n"
	             "return { models = models }",
	             &dry_run);
	lint_dry_run(&dry_run, policy_pool(fixture.policy), &limits, "", &fixture.problems);
	CHECK_INT(dry_run.mistakes, 0);
	close_dry_run(&fixture, &dry_run);
}

int main(void) {
	RUN(cases_are_what_their_names_say);
	RUN(a_used_up_quota_leaves_the_model_out);
	RUN(tiers_and_hedges);
	RUN(the_built_in_selection_goes_by_weight);
	RUN(a_hook_that_is_not_asked_has_the_reason);
	RUN(each_served_name_has_a_case);
	RUN(a_model_that_serves_no_other_name_is_requested_by_its_own);
	RUN(classifications_as_text);
	RUN(accept_sees_each_sample_response);
	RUN(edits_of_prepare_and_results_of_finish);
	RUN(scripts_read_the_clock_of_the_dry_run);
	RUN(ticks_run_before_the_request);
	RUN(mistakes_are_reported_with_their_place);
	RUN(a_mistake_is_refused_where_the_policy_says_so);
	RUN(mistakes_of_other_hooks_are_recorded_in_any_case);
	RUN(budgets_are_measured_to_the_instruction);
	RUN(warnings);
	RUN(a_pool_that_differs_at_each_load_does_no_harm);
	return check_summary();
}

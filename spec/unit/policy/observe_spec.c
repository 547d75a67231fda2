// SPDX-License-Identifier: Apache-2.0
// `finish` and `tick`: what they see, the effect of a tick's weights, and that their failures change nothing.
#include "fixture.h"

#define MODELS                                                                                                         \
	"models = { { id = 'a', weight = 1 }, { id = 'b', weight = 0 }, { id = 'c', weight = 7, fallback = true } }"

static void finish(struct fixture *fixture, const struct request_result *result) {
	const struct decide *decide = policy_decide(fixture->policy, 0);
	decide->finish(decide->self, fixture->request, result);
}

// Each row is a condition on two results: a success of model b, and a request that was sent to no model.
TEST(the_result_s_fields) {
	static const char *const rows[] = {
	    "one.outcome == 'success' and none.outcome == 'fail_fast'",
	    "one.model.name == 'b' and none.model == nil",
	    "one.attempts == 2 and none.attempts == 0",
	    "one.status == 200 and none.status == 429",
	    "one.error == nil and none.error == 'ThrottlingException'",
	    "one.usage.input_tokens == 5 and one.usage.output_tokens == 6 and none.usage.input_tokens == nil",
	    "one.latency_ms == 900 and none.latency_ms == 1",
	    "one.ttft_ms == 120 and none.ttft_ms == nil",
	    "not pcall(function() none.status = 5 end) and not pcall(function() return none.tokens end)",
	    "request.id == 'request-1'",
	};
	const struct request_result none = {
	    .outcome = OUTCOME_FAIL_FAST,
	    .status = 429,
	    .error = SLICE("ThrottlingException"),
	    .usage = TOKEN_USAGE_UNKNOWN,
	    .latency_ms = 1,
	    .ttft_ms = -1,
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		char text[1024];
		fixture_init(&fixture);
		snprintf(text, sizeof text,
		         "local one return { " MODELS ", finish = function(request, result)\n"
		         "local seen = { outcome = result.outcome, model = result.model, attempts = result.attempts,\n"
		         "status = result.status, error = result.error, usage = result.usage, latency_ms = result.latency_ms,\n"
		         "ttft_ms = result.ttft_ms }\n"
		         "if not one then one = seen return end local none = result\n"
		         "if %s then return end error('no') end }",
		         rows[i]);
		fixture_load(&fixture, text);
		CHECK_STRING(fixture_problems(&fixture), "");
		const struct request_result one = {
		    .outcome = OUTCOME_SUCCESS,
		    .model = &policy_pool(fixture.policy)->models[1],
		    .attempts = 2,
		    .status = 200,
		    .usage = {5, 6, 0, -1},
		    .latency_ms = 900,
		    .ttft_ms = 120,
		};
		finish(&fixture, &one);
		finish(&fixture, &none);
		CHECK_STRING(fixture.detail, "");
		if (check_failures_in_test)
			printf("  in: %s\n", rows[i]);
		fixture_free(&fixture);
	}
}

TEST(an_overrunning_finish_is_reported_and_disabled) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture, "return { " MODELS ", finish = function() while true do end end }");
	for (int call = 0; call < 7; call++)
		finish(&fixture, &(struct request_result){.ttft_ms = -1});
	CHECK_INT(fixture.errors, 5);
	CHECK_INT(fixture.disabled, 1);
	CHECK_STRING(fixture.detail, "finish");
	fixture_free(&fixture);
}

// The model that is selected after a tick, or "none".
static const char *selected_after(const char *tick, const char *select, int *errors) {
	static char name[16];
	struct fixture fixture;
	char text[2048];
	fixture_init(&fixture);
	snprintf(text, sizeof text,
	         "local choose = require 'signalbox.select' return { " MODELS
	         ", tick = function(now_ms, models) %s end%s%s }",
	         tick, select ? ", select = function(request, models) " : "", select ? select : "");
	fixture_load(&fixture, text);
	CHECK_STRING(fixture_problems(&fixture), "");
	CHECK(policy_has_tick(fixture.policy));
	policy_tick(fixture.policy, 0, 5000);
	snprintf(name, sizeof name, "%s", fixture_select(&fixture, NULL));
	*errors = fixture.errors;
	fixture_free(&fixture);
	return name;
}

TEST(a_tick_s_weights_decide) {
	static const char *const selects[] = {
	    NULL,
	    "return choose.weighted(models.primary) or choose.weighted(models.fallback) end",
	    "local list = {} for i, model in ipairs(models) do if not model.fallback then list[#list + 1] = model end end\n"
	    "return choose.weighted(list) or choose.weighted { models[3] } end",
	    "for _, model in ipairs(models) do if model.weight > 0 then return model end end end",
	};
	static const struct {
		const char *tick, *model;
		int errors;
	} rows[] = {
	    {"", "a", 0},
	    {"models[1].weight = 0 models[2].weight = 0.5", "b", 0},
	    {"models.primary[1].weight, models.primary[2].weight = 0, 10000", "b", 0},
	    {"for _, model in ipairs(models.primary) do model.weight = 0 end", "c", 0},
	    {"models[1].weight = 0 assert(models[1].weight == 0) assert(models[3].weight == 7 and now_ms == 5000)", "c", 0},
	    {"for _, model in ipairs(models) do model.weight = 0 end", "none", 0},
	    // A failed tick changes no weight.
	    {"models[1].weight = 0 error('no')", "a", 1},
	    {"models[1].weight = 0 while true do end", "a", 1},
	    {"models[1].weight = 0 models[1].weight = -1", "a", 1},
	    {"models[1].weight = 10001", "a", 1},
	    {"models[1].weight = 0 / 0", "a", 1},
	    {"models[1].weight = '0'", "a", 1},
	    {"models[1].weight = nil", "a", 1},
	    {"models[1].id = 'x'", "a", 1},
	    {"models[1].wieght = 0", "a", 1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t j = 0; j < sizeof selects / sizeof *selects; j++) {
			int errors;
			CHECK_STRING(selected_after(rows[i].tick, selects[j], &errors), rows[i].model);
			CHECK_INT(errors, rows[i].errors);
			if (check_failures_in_test) {
				printf("  in: %s, by %s\n", rows[i].tick, selects[j] ? selects[j] : "default");
				return;
			}
		}
	}
}

TEST(each_worker_has_its_own_weights) {
	struct fixture fixture;
	struct selection selection = {0};
	fixture_init(&fixture);
	fixture_load_limited(&fixture, "return { " MODELS ", tick = function(_, models) models[1].weight = 0 end }", 2,
	                     100000, 16 << 20);
	policy_tick(fixture.policy, 1, 1000);
	CHECK_STRING(fixture_select(&fixture, NULL), "a");
	const struct pool *pool = policy_pool(fixture.policy);
	const struct model *list[] = {&pool->models[0], &pool->models[2]};
	const struct decide *other = policy_decide(fixture.policy, 1);
	other->select(other->self, fixture.request, (struct candidates){.list = list, .count = 2}, &fixture.random,
	              &selection);
	CHECK(selection.model == &pool->models[2]);
	fixture_free(&fixture);
}

TEST(a_retired_policy_does_not_tick) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture, "return { " MODELS ", tick = function(_, models) models[1].weight = 0 end }");
	policy_tick(fixture.policy, 0, 1000);
	CHECK_STRING(fixture_select(&fixture, NULL), "c");
	policy_retire(fixture.policy);
	policy_tick(fixture.policy, 0, 2000);
	CHECK_STRING(fixture_select(&fixture, NULL), "c");
	CHECK_INT(fixture.errors, 0);
	fixture_free(&fixture);
}

int main(void) {
	RUN(the_result_s_fields);
	RUN(an_overrunning_finish_is_reported_and_disabled);
	RUN(a_tick_s_weights_decide);
	RUN(each_worker_has_its_own_weights);
	RUN(a_retired_policy_does_not_tick);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Loading, the decisions of the simplest policies, and the places of mistakes and errors.
#include "fixture.h"

#define TWO_MODELS "models = { { id = \"a\", weight = 1 }, { id = \"b\", fallback = true } }"

TEST(the_built_in_policy_chooses_its_primary) {
	struct fixture fixture;
	fixture_init(&fixture);
	struct policy_limits limits = {100000, 16 << 20};
	fixture.rc = policy_load(NULL, &limits, 2, &fixture.host, &fixture.problems, &fixture.policy);
	CHECK_INT(fixture.rc, 0);
	CHECK_STRING(fixture_problems(&fixture), "");
	fixture.route = (struct route){.pool = policy_pool(fixture.policy), .decide = policy_decide(fixture.policy, 0)};
	route_request_new(&fixture.route, &fixture.attributes, &fixture.arena, 0, &fixture.request);
	policy_set_observers(fixture.policy, fixture_observers(&fixture));
	CHECK_STRING(policy_source(fixture.policy), "built-in");
	CHECK_STRING(fixture_select(&fixture, NULL), "us.amazon.nova-2-lite-v1:0");
	CHECK_INT(fixture.errors, 0);
	CHECK_STRING(fixture.detail, "");
	fixture_free(&fixture);
}

TEST(without_hooks_the_defaults_decide) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture, "return { " TWO_MODELS " }");
	CHECK_STRING(fixture_problems(&fixture), "");
	CHECK_STRING(fixture_select(&fixture, NULL), "a");
	CHECK_INT(fixture_classify(&fixture, &(struct failure){.fault = FAULT_CALLER}).verdict, VERDICT_FAIL);
	fixture_free(&fixture);
}

TEST(a_mistake_names_its_line) {
	struct fixture fixture;
	char expected[2048];
	fixture_init(&fixture);
	fixture_load(&fixture, "local two = { id = 'two', weight = -1 }\n"
	                       "return {\n"
	                       "  models = {\n"
	                       "    { id = 'one' },\n"
	                       "    two,\n"
	                       "    { name = 'three',\n"
	                       "      serves = { 'chat', 5 } },\n"
	                       "    {\n"
	                       "      id = 'one' },\n"
	                       "  },\n"
	                       "}\n");
	snprintf(expected, sizeof expected,
	         "%s: models[2].weight: expected a number from 0 to 10000, found number -1\n"
	         "%s:6: models[3].id: expected a string of 1 to 2048 printable ASCII characters, found nothing\n"
	         "%s:7: models[3].serves[2]: expected a string of 1 to 2048 printable ASCII characters, found number 5\n"
	         "%s:8: models[4].name: expected a name of its own (its id is its name where it has none), found that of "
	         "models[1]\n",
	         fixture.path, fixture.path, fixture.path, fixture.path);
	CHECK_STRING(fixture_problems(&fixture), expected);
	fixture_free(&fixture);
}

TEST(every_worker_reports_the_place_of_an_error) {
	enum { WORKERS = 3 };
	struct fixture fixture;
	struct policy *policy = NULL;
	struct policy_limits limits = {100000, 16 << 20};
	fixture_init(&fixture);
	fixture_write(&fixture, "m.lua", "return {\n  fail = function()\n    error('no')\n  end\n}");
	fixture_write(&fixture, "policy.lua",
	              "local m = require 'm'\nreturn { models = { { id = 'a' } }, select = function() m.fail() end }");
	policy_load(fixture.path, &limits, WORKERS, &fixture.host, &fixture.problems, &policy);
	CHECK_STRING(fixture_problems(&fixture), "");
	policy_set_observers(policy, fixture_observers(&fixture));
	for (size_t worker = 0; policy && worker < WORKERS; worker++) {
		const struct decide *decide = policy_decide(policy, worker);
		const struct model *list[] = {&policy_pool(policy)->models[0]};
		struct selection selection = {0};
		struct route_request *request;
		char expected[512];
		fixture.route = (struct route){.pool = policy_pool(policy), .decide = decide, .random = &fixture.random};
		route_request_new(&fixture.route, &fixture.attributes, &fixture.arena, 0, &request);
		decide->select(decide->self, request, (struct candidates){.list = list, .count = 1}, &fixture.random,
		               &selection);
		snprintf(expected, sizeof expected, "select: error at %s/m.lua:3", fixture.folder);
		CHECK_STRING(fixture.detail, expected);
	}
	CHECK_INT(fixture.errors, WORKERS);
	policy_release(policy);
	fixture_free(&fixture);
}

int main(void) {
	RUN(the_built_in_policy_chooses_its_primary);
	RUN(without_hooks_the_defaults_decide);
	RUN(a_mistake_names_its_line);
	RUN(every_worker_reports_the_place_of_an_error);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Loading, and what the simplest policies decide.
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
	route_request_new(&fixture.route, &fixture.facts, &fixture.arena, 0, &fixture.request);
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

int main(void) {
	RUN(the_built_in_policy_chooses_its_primary);
	RUN(without_hooks_the_defaults_decide);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// The texts of a version: kept, listed, compared with the files, built from again; retired versions and disabled hooks.
#include "fixture.h"
#include "sandbox/sources.h"

#define POLICY "local m = require 'm'\nreturn { models = { { id = m.id } } }"

static struct policy *build(struct fixture *fixture, struct sources *sources) {
	struct policy_limits limits = {100000, 16 << 20};
	struct policy *policy = NULL;
	policy_build(sources, &limits, 1, &fixture->host, &fixture->problems, &policy);
	return policy;
}

static const char *id_of(const struct policy *policy) {
	return policy ? policy_pool(policy)->models[0].id : "none";
}

static void erase(struct fixture *fixture, const char *name) {
	char path[256];
	snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
	if (unlink(path))
		abort();
}

TEST(a_version_is_built_again_from_what_was_read) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_write(&fixture, "m.lua", "return { id = 'then' }");
	fixture_load(&fixture, POLICY);
	CHECK_STRING(id_of(fixture.policy), "then");
	struct sources *sources = policy_sources(fixture.policy);
	fixture_write(&fixture, "m.lua", "return { id = 'now' }");
	struct policy *again = build(&fixture, sources);
	CHECK_STRING(id_of(again), "then");
	policy_release(fixture.policy);
	fixture.policy = NULL;
	erase(&fixture, "policy.lua");
	struct policy *third = build(&fixture, policy_sources(again));
	policy_release(again);
	CHECK_STRING(id_of(third), "then");
	CHECK_INT(policy_sources(third)->count, 2);
	CHECK_SLICE(sources_at(policy_sources(third), 0).text, SLICE(POLICY));
	CHECK_SLICE(sources_at(policy_sources(third), 1).text, SLICE("return { id = 'then' }"));
	policy_release(third);
	fixture_free(&fixture);
}

TEST(files_are_compared_with_what_was_read) {
	static const struct {
		const char *file, *text; // what changes; NULL removes the file
		bool current;
	} rows[] = {
	    {"m.lua", "return { id = 'a' }", true}, {"m.lua", "return { id = 'b' }", false}, {"m.lua", NULL, false},
	    {"policy.lua", POLICY, true},           {"policy.lua", POLICY " ", false},       {"policy.lua", "", false},
	    {"other.lua", "return 1", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		fixture_init(&fixture);
		fixture_write(&fixture, "m.lua", "return { id = 'a' }");
		fixture_load(&fixture, POLICY);
		CHECK(sources_are_current(policy_sources(fixture.policy)));
		if (rows[i].text)
			fixture_write(&fixture, rows[i].file, rows[i].text);
		else
			erase(&fixture, rows[i].file);
		CHECK_INT(sources_are_current(policy_sources(fixture.policy)), rows[i].current);
		fixture_free(&fixture);
	}
}

TEST(missing_modules_are_listed) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_write(&fixture, "policy.lua", POLICY);
	struct sources *sources = sources_new(fixture.path);
	CHECK(build(&fixture, sources) == NULL);
	CHECK_INT(sources->count, 2);
	CHECK_STRING(strrchr(sources_at(sources, 1).path, '/'), "/m.lua");
	CHECK(sources_at(sources, 1).is_file);
	CHECK_INT(sources_at(sources, 1).text.len, 0);
	CHECK(sources_are_current(sources));
	fixture_write(&fixture, "m.lua", "");
	CHECK(!sources_are_current(sources));
	fixture_write(&fixture, "m.lua", "return { id = 'a' }");
	CHECK(!sources_are_current(sources));
	// The sources are closed: the same mistake again, whatever is on disk.
	CHECK(build(&fixture, sources) == NULL);
	sources_release(sources);
	sources = sources_new(fixture.path);
	struct policy *policy = build(&fixture, sources);
	CHECK_STRING(id_of(policy), "a");
	policy_release(policy);
	sources_release(sources);
	fixture_free(&fixture);
}

TEST(a_missing_main_file_is_listed_too) {
	struct fixture fixture;
	fixture_init(&fixture);
	struct sources *sources = sources_new(fixture.path);
	CHECK(build(&fixture, sources) == NULL);
	CHECK_INT(sources->count, 1);
	CHECK_STRING(sources_at(sources, 0).path, fixture.path);
	fixture_write(&fixture, "policy.lua", "return 1");
	CHECK(!sources_are_current(sources));
	sources_release(sources);
	fixture_free(&fixture);
}

TEST(the_built_in_policy_is_a_text_but_no_file) {
	struct fixture fixture;
	fixture_init(&fixture);
	struct sources *sources = sources_new(NULL);
	struct policy *policy = build(&fixture, sources);
	CHECK(policy != NULL);
	CHECK_INT(sources->count, 1);
	CHECK(!sources_at(sources, 0).is_file);
	CHECK(sources_at(sources, 0).text.len > 100);
	CHECK(sources_are_current(sources));
	struct policy *again = build(&fixture, sources);
	CHECK(again != NULL);
	CHECK_INT(sources->count, 1);
	policy_release(policy);
	policy_release(again);
	sources_release(sources);
	fixture_free(&fixture);
}

TEST(a_retired_policy_decides_by_the_defaults) {
	static const struct failure failure = {
	    .kind = FAILURE_HTTP, .status = 503, .fault = FAULT_MODEL, .type = TYPE_MODEL_UNAVAILABLE};
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture, "return { models = { { id = 'a', weight = 0 }, { id = 'b' } },\n"
	                       "select = function(request, models) return models[1] end,\n"
	                       "classify = function() return 'fail' end }");
	CHECK_STRING(fixture_select(&fixture, NULL), "a");
	CHECK_INT(fixture_classify(&fixture, &failure).verdict, VERDICT_FAIL);
	policy_retire(fixture.policy);
	CHECK_STRING(fixture_select(&fixture, NULL), "b");
	CHECK_INT(fixture_classify(&fixture, &failure).verdict, VERDICT_FAILOVER);
	CHECK_INT(fixture.errors, 0);
	policy_retire(fixture.policy);
	fixture_free(&fixture);
}

TEST(disabled_hooks_are_listed) {
	struct fixture fixture;
	const char *names[POLICY_HOOKS_MAX];
	fixture_init(&fixture);
	fixture_load(&fixture, "return { models = { { id = 'a' } }, select = function() while true do end end }");
	for (int i = 0; i < 4; i++)
		fixture_select(&fixture, NULL);
	CHECK_INT(policy_disabled(fixture.policy, names), 0);
	fixture_select(&fixture, NULL);
	CHECK_INT(policy_disabled(fixture.policy, names), 1);
	CHECK_STRING(names[0], "select");
	fixture_free(&fixture);
}

int main(void) {
	RUN(a_version_is_built_again_from_what_was_read);
	RUN(files_are_compared_with_what_was_read);
	RUN(missing_modules_are_listed);
	RUN(a_missing_main_file_is_listed_too);
	RUN(the_built_in_policy_is_a_text_but_no_file);
	RUN(a_retired_policy_decides_by_the_defaults);
	RUN(disabled_hooks_are_listed);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// The edits of `prepare`, and the headers that hooks may set.
#include "fixture.h"

#define MODELS "models = { { id = 'a' }, { id = 'b' } }"

static void load(struct fixture *fixture, const char *hook, const char *body) {
	char text[8192];
	fixture_init(fixture);
	snprintf(text, sizeof text, "return { " MODELS ", %s = function(request, model) %s end }", hook, body);
	fixture_load(fixture, text);
	CHECK_STRING(fixture_problems(fixture), "");
}

static void prepare(struct fixture *fixture, struct edits *edits) {
	const struct decide *decide = policy_decide(fixture->policy, 0);
	*edits = (struct edits){0};
	decide->prepare(decide->self, fixture->request, &policy_pool(fixture->policy)->models[1], edits);
}

TEST(prepare_s_results) {
	static const struct {
		const char *body;
		bool error;
		enum service_tier tier;
		const char *identifier, *version, *trace;
		int64_t max_tokens;
	} rows[] = {
	    {"", false, TIER_NONE, "", "", "", 0},
	    {"return nil", false, TIER_NONE, "", "", "", 0},
	    {"return {}", false, TIER_NONE, "", "", "", 0},
	    {"return { service_tier = 'flex' }", false, TIER_FLEX, "", "", "", 0},
	    {"return { guardrail = { identifier = 'gr1', version = '7' } }", false, TIER_NONE, "gr1", "7", "", 0},
	    {"return { guardrail = { identifier = 'gr1', version = 'DRAFT', trace = 'enabled_full' } }", false, TIER_NONE,
	     "gr1", "DRAFT", "enabled_full", 0},
	    {"return { max_tokens = 512 }", false, TIER_NONE, "", "", "", 512},
	    {"return { max_tokens = 512.0, service_tier = 'default' }", false, TIER_DEFAULT, "", "", "", 512},
	    {"return { max_tokens = 1e9 }", false, TIER_NONE, "", "", "", 1000000000},
	    {"assert(model.name == 'b' and request.attempt == 0)", false, TIER_NONE, "", "", "", 0},
	    // An invalid result changes nothing, not even its valid parts.
	    {"return 5", true, TIER_NONE, "", "", "", 0},
	    {"return true", true, TIER_NONE, "", "", "", 0},
	    {"return request", true, TIER_NONE, "", "", "", 0},
	    {"return { service_tier = 'fast' }", true, TIER_NONE, "", "", "", 0},
	    {"return { tier = 'flex' }", true, TIER_NONE, "", "", "", 0},
	    {"return { service_tier = 'flex', max_tokens = 0 }", true, TIER_NONE, "", "", "", 0},
	    {"return { max_tokens = 1.5 }", true, TIER_NONE, "", "", "", 0},
	    {"return { max_tokens = 1e9 + 1 }", true, TIER_NONE, "", "", "", 0},
	    {"return { max_tokens = 0 / 0 }", true, TIER_NONE, "", "", "", 0},
	    {"return { max_tokens = '5' }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = 'gr1' }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = {} }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = { identifier = 'gr1' } }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = { version = '1' } }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = { identifier = '', version = '1' } }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = { identifier = 'a b', version = '1' } }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = { identifier = 'a\"', version = '1\\n' } }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = { identifier = ('x'):rep(2049), version = '1' } }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = { identifier = 'g', version = ('1'):rep(17) } }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = { identifier = 'g', version = '1', partial = 1 } }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = { identifier = 'g', version = '1', trace = 'loud' } }", true, TIER_NONE, "", "", "", 0},
	    {"return { guardrail = { identifier = 'g', version = '1', tracing = 'enabled' } }", true, TIER_NONE, "", "", "",
	     0},
	    {"return { headers = { ['x-a'] = 5 } }", true, TIER_NONE, "", "", "", 0},
	    {"error('x')", true, TIER_NONE, "", "", "", 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct edits edits;
		load(&fixture, "prepare", rows[i].body);
		prepare(&fixture, &edits);
		CHECK_INT(fixture.errors, rows[i].error);
		CHECK_INT(edits.tier, rows[i].tier);
		CHECK_SLICE(edits.guardrail_identifier, slice_from(rows[i].identifier));
		CHECK_SLICE(edits.guardrail_version, slice_from(rows[i].version));
		CHECK_SLICE(edits.guardrail_trace, slice_from(rows[i].trace));
		CHECK_INT(edits.max_tokens, rows[i].max_tokens);
		CHECK_INT(edits.headers.count, 0);
		if (check_failures_in_test)
			printf("  in: %s\n", rows[i].body);
		fixture_free(&fixture);
	}
}

TEST(a_policy_may_require_its_edits_and_allow_partial_guards) {
	static const struct {
		const char *body;
		bool error, is_required, is_partial;
	} rows[] = {
	    {"return { service_tier = 'flex', required = true }", false, true, false},
	    {"return { service_tier = 'flex', required = false }", false, false, false},
	    {"return { service_tier = 'flex' }", false, false, false},
	    {"return { service_tier = 'flex', required = 1 }", true, false, false},
	    {"return { guardrail = { identifier = 'g', version = '1', partial = true } }", false, false, true},
	    {"return { guardrail = { identifier = 'g', version = '1', partial = false } }", false, false, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct edits edits;
		load(&fixture, "prepare", rows[i].body);
		prepare(&fixture, &edits);
		CHECK_INT(fixture.errors, rows[i].error);
		CHECK_INT(edits.is_required, rows[i].is_required);
		CHECK_INT(edits.is_partial, rows[i].is_partial);
		fixture_free(&fixture);
	}
}

// The edits outlive the strings in Lua.
TEST(headers_are_copied) {
	struct fixture fixture;
	struct edits edits, later;
	load(&fixture, "prepare", "return { headers = { ['X-1'] = 'one ' .. request.id, ['x-2'] = ('z'):rep(3000) } }");
	prepare(&fixture, &edits);
	CHECK_INT(edits.headers.count, 2);
	const struct slice *one = headers_find(edits.headers, SLICE("x-1")),
	                   *two = headers_find(edits.headers, SLICE("X-2"));
	CHECK(one && two);
	CHECK_SLICE(*one, SLICE("one request-1"));
	CHECK_INT(two->len, 3000);
	CHECK(two->ptr[0] == 'z' && two->ptr[2999] == 'z');
	prepare(&fixture, &later);
	CHECK_INT(later.headers.count, 2);
	fixture_free(&fixture);
}

TEST(select_s_headers_stay_valid_until_its_next_call) {
	struct fixture fixture;
	struct selection selection;
	struct edits edits;
	fixture_init(&fixture);
	fixture_load(&fixture, "return { " MODELS ", select = function(_, models) return models[2], { tier = 'priority',\n"
	                       "hedge_after_ms = 250.5, headers = { ['x-from'] = 'select' } } end,\n"
	                       "prepare = function() return { headers = { ['x-from'] = 'prepare' } } end }");
	CHECK_STRING(fixture_select(&fixture, &selection), "b");
	prepare(&fixture, &edits);
	CHECK_INT(selection.options.tier, TIER_PRIORITY);
	CHECK_INT(selection.options.hedge_after_ms, 251);
	CHECK_INT(selection.options.headers.count, 1);
	CHECK_SLICE(selection.options.headers.list[0].name, SLICE("x-from"));
	CHECK_SLICE(selection.options.headers.list[0].value, SLICE("select"));
	CHECK_SLICE(edits.headers.list[0].value, SLICE("prepare"));
	CHECK_INT(fixture.errors, 0);
	fixture_free(&fixture);
}

TEST(which_headers_hooks_may_set) {
	static const struct {
		const char *headers;
		bool allowed;
	} rows[] = {
	    {"{}", true},
	    {"{ ['x-trace'] = 'a b\\xc3\\xa9' }", true},
	    {"{ ['x-empty'] = '' }", true},
	    {"{ ['X-Amzn-Bedrock-Trace'] = 'ENABLED' }", true},
	    {"{ ['x-amz-date-of-birth'] = '1' }", true},
	    {"{ [\"!#$%&'*+-.^_`|~09azAZ\"] = '1' }", true},
	    {"{ [''] = '1' }", false},
	    {"{ ['x y'] = '1' }", false},
	    {"{ ['x:y'] = '1' }", false},
	    {"{ ['x\\0y'] = '1' }", false},
	    {"{ ['\\xc3\\xa9'] = '1' }", false},
	    {"{ 'x' }", false},
	    {"{ x = true }", false},
	    {"{ x = 1 }", false},
	    {"{ x = 'a\\r\\nb: c' }", false},
	    {"{ x = 'a\\0' }", false},
	    {"{ x = '\\t' }", false},
	    {"{ x = '\\x7f' }", false},
	    {"{ ['x-a'] = '1', ['X-A'] = '1' }", false},
	    {"{ Authorization = '1' }", false},
	    {"{ HOST = '1' }", false},
	    {"{ ['content-length'] = '1' }", false},
	    {"{ ['Content-Type'] = '1' }", false},
	    {"{ ['content-encoding'] = '1' }", false},
	    {"{ connection = '1' }", false},
	    {"{ te = '1' }", false},
	    {"{ trailer = '1' }", false},
	    {"{ upgrade = '1' }", false},
	    {"{ expect = '1' }", false},
	    {"{ ['keep-alive'] = '1' }", false},
	    {"{ ['proxy-authorization'] = '1' }", false},
	    {"{ ['Proxy-Anything'] = '1' }", false},
	    {"{ proxy = '1' }", true},
	    {"{ ['transfer-encoding'] = '1' }", false},
	    {"{ ['x-amz-date'] = '1' }", false},
	    {"{ ['x-amz-security-token'] = '1' }", false},
	    {"{ ['X-Amz-Content-Sha256'] = '1' }", false},
	    {"{ ['X-Amzn-Bedrock-Service-Tier'] = '1' }", false},
	    {"{ ['x-signalbox-hop'] = '1' }", false},
	    {"{ ['X-Signalbox-Anything'] = '1' }", false},
	    {"(function() local t = {} for i = 1, 16 do t['x-' .. i] = 'v' end return t end)()", true},
	    {"(function() local t = {} for i = 1, 17 do t['x-' .. i] = 'v' end return t end)()", false},
	    {"{ x = ('v'):rep(8191) }", true},
	    {"{ x = ('v'):rep(8192) }", false},
	    {"{ [('n'):rep(8191)] = 'v' }", true},
	    {"{ [('n'):rep(8192)] = 'v' }", false},
	    {"{ [('n'):rep(300000)] = '' }", false},
	    {"request.headers", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct edits edits;
		char body[512];
		snprintf(body, sizeof body, "return { headers = %s }", rows[i].headers);
		load(&fixture, "prepare", body);
		prepare(&fixture, &edits);
		CHECK_INT(fixture.errors, !rows[i].allowed);
		CHECK(rows[i].allowed || edits.headers.count == 0);
		if (check_failures_in_test)
			printf("  in: %s\n", body);
		fixture_free(&fixture);
	}
}

TEST(absent_hooks_are_not_called) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture, "return { " MODELS " }");
	const struct decide *decide = policy_decide(fixture.policy, 0);
	CHECK(!decide->prepare && !decide->accept && !decide->finish);
	CHECK(!policy_has_tick(fixture.policy));
	policy_tick(fixture.policy, 0, 2000);
	CHECK_INT(fixture.errors, 0);
	fixture_free(&fixture);
}

int main(void) {
	RUN(prepare_s_results);
	RUN(a_policy_may_require_its_edits_and_allow_partial_guards);
	RUN(headers_are_copied);
	RUN(select_s_headers_stay_valid_until_its_next_call);
	RUN(which_headers_hooks_may_set);
	RUN(absent_hooks_are_not_called);
	return check_summary();
}

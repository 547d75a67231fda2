// SPDX-License-Identifier: Apache-2.0
// What `accept` sees of a response, and the effect of its results.
#include "fixture.h"

static const char converse[] =
    "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":["
    "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hidden\"}}},{\"text\":\"I can\\u2019t \\\"help\\\"\"},"
    "{\"toolUse\":{\"name\":\"t\",\"input\":{\"text\":\"tool\",\"stopReason\":\"tool\"}}},{\"text\":\"Sorry\"}]}},"
    "\"stopReason\":\"content_filtered\",\"usage\":{\"inputTokens\":3},\"serviceTier\":{\"type\":\"flex\"}}";

struct example {
	const char *body;
	struct headers headers;
};

static bool accept_with(struct fixture *fixture, const struct example *example, struct slice *reason) {
	const struct decide *decide = policy_decide(fixture->policy, 0);
	struct response response = {
	    .status = 200,
	    .headers = example->headers,
	    .body = slice_from(example->body),
	    .usage = {.input_tokens = 3, .output_tokens = 40, .cache_read_tokens = 0, .cache_write_tokens = -1},
	    .latency_ms = 850,
	};
	return decide->accept(decide->self, &response, fixture->request, &policy_pool(fixture->policy)->models[0], reason);
}

static void load(struct fixture *fixture, const char *body) {
	char text[4096];
	fixture_init(fixture);
	snprintf(text, sizeof text,
	         "local kept return { models = { { id = 'a' } }, accept = function(response, request, model) %s end }",
	         body);
	fixture_load(fixture, text);
	CHECK_STRING(fixture_problems(fixture), "");
}

TEST(accept_s_results) {
	static const struct {
		const char *body;
		bool accepted, error;
		const char *reason;
	} rows[] = {
	    {"return true", true, false, ""},
	    {"return false", false, false, ""},
	    {"return false, 'it refused'", false, false, "it refused"},
	    {"return true, 'fine'", true, false, "fine"},
	    {"return response.status == 200 and model.name == 'a' and request.id == 'request-1'", true, false, ""},
	    // A failed call accepts.
	    {"", true, true, ""},
	    {"return nil", true, true, ""},
	    {"return 0", true, true, ""},
	    {"return false, 5", true, true, ""},
	    {"error('x')", true, true, ""},
	    {"while true do end", true, true, ""},
	    {"return response:body().x.y", true, true, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct slice reason;
		load(&fixture, rows[i].body);
		CHECK_INT(accept_with(&fixture, &(struct example){.body = converse}, &reason), rows[i].accepted);
		CHECK_SLICE(reason, slice_from(rows[i].reason));
		CHECK_INT(fixture.errors, rows[i].error);
		if (check_failures_in_test)
			printf("  in: %s\n", rows[i].body);
		fixture_free(&fixture);
	}
}

TEST(a_long_reason_is_cut) {
	struct fixture fixture;
	struct slice reason;
	load(&fixture, "return false, ('r'):rep(10000)");
	CHECK(!accept_with(&fixture, &(struct example){.body = converse}, &reason));
	CHECK_INT(reason.len, 256);
	fixture_free(&fixture);
}

TEST(an_overrunning_accept_is_disabled_and_accepts) {
	struct fixture fixture;
	struct slice reason;
	load(&fixture, "while true do end");
	for (int call = 0; call < 8; call++)
		CHECK(accept_with(&fixture, &(struct example){.body = converse}, &reason));
	CHECK_INT(fixture.errors, 5);
	CHECK_INT(fixture.disabled, 1);
	const char *names[POLICY_HOOKS_MAX];
	CHECK_INT(policy_disabled(fixture.policy, names), 1);
	CHECK_STRING(names[0], "accept");
	fixture_free(&fixture);
}

// Each row is a condition that the response fulfils.
TEST(the_response_s_fields) {
	static const struct header flex[] = {{{"X-Amzn-Bedrock-Service-Tier", 27}, {"priority", 8}}};
	static const struct {
		struct example example;
		const char *condition;
	} rows[] = {
	    {{converse, {0}}, "response.status == 200 and response.latency_ms == 850"},
	    {{converse, {0}}, "response.stop_reason == 'content_filtered'"},
	    {{converse, {0}}, "response:text() == 'I can\\u{2019}t \"help\"\\nSorry'"},
	    {{converse, {0}}, "response:body().output.message.role == 'assistant'"},
	    {{converse, {0}}, "response.tier == 'flex'"},
	    {{converse, {flex, 1}}, "response.tier == 'priority'"},
	    {{converse, {0}}, "response.usage.input_tokens == 3 and response.usage.output_tokens == 40"},
	    {{converse, {0}}, "response.usage.cache_read_tokens == 0 and response.usage.cache_write_tokens == nil"},
	    {{converse, {0}}, "not pcall(function() response.usage.input_tokens = 5 end)"},
	    {{converse, {0}}, "not pcall(function() response.status = 5 end)"},
	    {{converse, {0}},
	     "select(2, pcall(function() return response.txt end)):find(\"did you mean 'text'\", 1, true)"},
	    {{"{\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"Hello\"}],"
	      "\"stop_reason\":\"end_turn\"}",
	      {0}},
	     "response:text() == 'Hello' and response.stop_reason == 'end_turn' and response.tier == nil"},
	    {{"{\"generation\":\"Hi\",\"stop_reason\":\"stop\"}", {0}},
	     "response:text() == 'Hi' and response.stop_reason == 'stop'"},
	    {{"{\"outputs\":[{\"text\":\"Hi\",\"stop_reason\":\"length\"}]}", {0}},
	     "response:text() == 'Hi' and response.stop_reason == 'length'"},
	    {{"{\"results\":[{\"outputText\":\"Hi\",\"completionReason\":\"FINISH\"}]}", {0}},
	     "response:text() == 'Hi' and response.stop_reason == 'FINISH'"},
	    {{"{\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}", {0}},
	     "response:text() == 'Hi' and response.stop_reason == 'stop'"},
	    {{"{\"completion\":\" Hi\"}", {0}}, "response:text() == ' Hi' and response.stop_reason == nil"},
	    {{"{\"outputs\":[{\"text\":\"cut", {0}}, "response:text() == '' and response.stop_reason == nil"},
	    {{"no JSON", {0}}, "response:text() == '' and not pcall(response.body, response)"},
	    {{"", {0}}, "response:text() == '' and response:body() == nil"},
	    {{"{\"textual\":\"x\",\"content\":{\"texts\":\"x\"}}", {0}}, "response:text() == ''"},
	    {{"{\"output\":\"x\",\"choices\":[{\"message\":\"y\",\"finish_reason\":{\"x\":\"z\"}}]}", {0}},
	     "response:text() == '' and response.stop_reason == nil"},
	    {{"{\"text\":\"Hi\"}", {0}}, "response:text() == 'Hi'"},
	    {{"\"text\"", {0}}, "response:text() == ''"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct slice reason;
		char body[512];
		snprintf(body, sizeof body, "if not (%s) then return false, tostring(response:text()) end return true",
		         rows[i].condition);
		load(&fixture, body);
		CHECK(accept_with(&fixture, &rows[i].example, &reason));
		CHECK_STRING(fixture.detail, "");
		if (check_failures_in_test)
			printf("  in: %s\n", rows[i].condition);
		fixture_free(&fixture);
	}
}

TEST(a_response_is_valid_during_its_call) {
	struct fixture fixture;
	struct slice reason;
	load(&fixture, "if not kept then kept = { response, response.text } return true end\n"
	               "local ok, problem = pcall(function() return kept[1].status end)\n"
	               "assert(not ok and problem:find('response.s view is only valid during the call'), problem)\n"
	               "ok, problem = pcall(kept[2], kept[1]) assert(not ok and problem:find('only valid'), problem)\n"
	               "ok, problem = pcall(kept[2], request) assert(not ok and problem:find('response:text'), problem)\n"
	               "return false, 'seen'");
	CHECK(accept_with(&fixture, &(struct example){.body = converse}, &reason));
	CHECK(!accept_with(&fixture, &(struct example){.body = converse}, &reason));
	CHECK_SLICE(reason, SLICE("seen"));
	CHECK_STRING(fixture.detail, "");
	fixture_free(&fixture);
}

int main(void) {
	RUN(accept_s_results);
	RUN(a_long_reason_is_cut);
	RUN(an_overrunning_accept_is_disabled_and_accepts);
	RUN(the_response_s_fields);
	RUN(a_response_is_valid_during_its_call);
	return check_summary();
}

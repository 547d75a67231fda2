// SPDX-License-Identifier: Apache-2.0
// How the bodies of requests are measured in tokens, and the families of model ids.
#include "../check.h"

#include "base/error.h"
#include "emulator/family.h"
#include "emulator/prompt.h"

#define CONVERSE OPERATION_CONVERSE
#define INVOKE OPERATION_INVOKE_MODEL
#define COUNT OPERATION_COUNT_TOKENS

static int read_body(enum operation operation, const char *body, struct prompt *prompt) {
	struct request_shape shape;
	request_shape_read(slice_from(body), &shape);
	return prompt_read(operation, slice_from(body), &shape, prompt);
}

TEST(bodies_are_measured) {
	static const struct {
		enum operation operation;
		const char *body;
		uint64_t input_tokens, max_tokens;
		bool has_messages;
	} cases[] = {
	    {CONVERSE, "{}", 1, 0, false},
	    {CONVERSE, "{\"messages\":[]}", 1, 0, false},
	    {CONVERSE, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"12345678\"}]}]}", 2, 0, true},
	    {CONVERSE,
	     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"12345678\"},{\"text\":\"1\"}]}],"
	     "\"system\":[{\"text\":\"1234\"}],\"inferenceConfig\":{\"maxTokens\":77}}",
	     4, 77, true},
	    {CONVERSE, "{\"messages\":[{\"content\":[{\"image\":{\"source\":{\"bytes\":\"AAAA\"}}}]}]}", 1000, 0, true},
	    {INVOKE, "{\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"12345678\"}]}", 2, 5, true},
	    {INVOKE, "{\"prompt\":\"12345678\",\"max_gen_len\":9}", 2, 9, false},
	    {INVOKE, "{\"inputText\":\"1234\",\"textGenerationConfig\":{\"maxTokenCount\":3}}", 1, 3, false},
	    {INVOKE, "{\"max_tokens\":-5,\"max_new_tokens\":1.5}", 1, 0, false},
	    {INVOKE, "{\"prompt\":\"\\\"max_tokens\\\":7\"}", 4, 0, false},
	    {INVOKE, "{\"body\":\"eyJwcm9tcHQiOiIxMjM0NTY3OCJ9\"}", 1, 0,
	     false}, // a nested body counts for CountTokens only
	    {COUNT, "{\"input\":{\"converse\":{\"messages\":[{\"content\":[{\"text\":\"12345678\"}]}]}}}", 2, 0, true},
	    {COUNT, "{\"input\":{\"invokeModel\":{\"body\":\"eyJwcm9tcHQiOiIxMjM0NTY3OCJ9\"}}}", 2, 0, false},
	    {COUNT, "{\"input\":{\"invokeModel\":{\"body\":\"not base64!!\"}}}", 3, 0, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct prompt prompt;
		CHECK_INT(read_body(cases[i].operation, cases[i].body, &prompt), 0);
		if (prompt.input_tokens != cases[i].input_tokens)
			printf("  %s\n", cases[i].body);
		CHECK_INT(prompt.input_tokens, cases[i].input_tokens);
		CHECK_INT(prompt.max_tokens, cases[i].max_tokens);
		CHECK_INT(prompt.has_messages, cases[i].has_messages);
	}
}

#define SYSTEM "\"system\":[{\"text\":\"Be brief, please.\"},{\"cachePoint\":{\"type\":\"default\"}}]"
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello\"}]}]"
#define OTHER "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Something else\"}]}]"

static struct prompt read_prompt(const char *body) {
	struct prompt prompt;
	CHECK_INT(read_body(CONVERSE, body, &prompt), 0);
	return prompt;
}

TEST(cache_points_keep_system_prompt_and_tools) {
	struct prompt hello = read_prompt("{" SYSTEM "," HELLO "}");
	struct prompt other = read_prompt("{" OTHER " , " SYSTEM "}");
	struct prompt tools = read_prompt("{" SYSTEM "," HELLO ",\"toolConfig\":{\"tools\":[]}}");
	CHECK(hello.prefix_tokens > 0 && hello.prefix_tokens <= hello.input_tokens);
	CHECK(hello.prefix_key == other.prefix_key);
	CHECK(hello.prefix_key != tools.prefix_key);
	CHECK_INT(read_prompt("{\"system\":[{\"text\":\"Be brief.\"}]," HELLO "}").prefix_tokens, 0);
	struct prompt claude = read_prompt("{\"system\":[{\"type\":\"text\",\"text\":\"Be brief, please.\","
	                                   "\"cache_control\":{\"type\":\"ephemeral\"}}]," HELLO "}");
	CHECK(claude.prefix_tokens > 0);
}

TEST(what_is_no_object_is_refused) {
	static const char *const bad[] = {"", "x", "[]", "\"text\"", "{", "{\"a\":1", "{\"a\":1}}", "{} {}", "null"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct prompt prompt;
		CHECK_INT(read_body(CONVERSE, bad[i], &prompt), ERROR_INVALID);
	}
}

TEST(families_by_id) {
	static const struct {
		const char *id;
		enum family family;
	} cases[] = {
	    {"anthropic.claude-3-haiku-20240307-v1:0", FAMILY_ANTHROPIC},
	    {"us.anthropic.claude-sonnet-4-v1:0", FAMILY_ANTHROPIC},
	    {"arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.meta.llama3-2-1b-instruct-v1:0", FAMILY_LLAMA},
	    {"amazon.titan-text-lite-v1", FAMILY_TITAN},
	    {"mistral.mistral-7b-instruct-v0:2", FAMILY_MISTRAL},
	    {"us.amazon.nova-2-lite-v1:0", FAMILY_NOVA},
	    {"something-else", FAMILY_NOVA},
	    {"", FAMILY_NOVA},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_INT(family_of(slice_from(cases[i].id)), cases[i].family);
}

int main(void) {
	RUN(bodies_are_measured);
	RUN(cache_points_keep_system_prompt_and_tools);
	RUN(what_is_no_object_is_refused);
	RUN(families_by_id);
	return check_summary();
}

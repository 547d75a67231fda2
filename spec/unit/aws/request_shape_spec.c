// SPDX-License-Identifier: Apache-2.0
// Reads values of request bodies, valid and broken.
#include "aws/body_edit.h"
#include "aws/request_shape.h"

#include <stdlib.h>

#include "../check.h"
#include "base/buffer.h"
#include "base/random.h"

static void add_piece(void *owner, struct slice piece, bool begins) {
	struct buffer *text = owner;
	if (begins && text->len)
		buffer_append_byte(text, '|');
	buffer_append(text, piece);
}

TEST(reads_each_family) {
	static const struct {
		const char *body, *text, *metadata;
		int64_t max_tokens;
	} rows[] = {
	    {"", "", "", -1},
	    {"{}", "", "", -1},
	    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hi\"},{\"text\":\"you\"}]}]}", "Hi|you", "", -1},
	    {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_tokens\":100}", "Hi", "", 100},
	    {"{\"prompt\":\"Hi\",\"max_gen_len\":7}", "Hi", "", 7},
	    {"{\"prompt\":\"Hi\",\"max_tokens_to_sample\":8}", "Hi", "", 8},
	    {"{\"messages\":[],\"max_completion_tokens\":6}", "", "", 6},
	    {"{\"inputText\":\"Hi\",\"textGenerationConfig\":{\"maxTokenCount\":9}}", "Hi", "", 9},
	    {"{ \"inferenceConfig\" : { \"maxTokens\" : 5 , \"temperature\" : 0.5 } }", "", "", 5},
	    {"{\"inferenceConfig\":{\"maxTokens\":-5}}", "", "", -1},
	    {"{\"inferenceConfig\":{\"maxTokens\":\"5\"}}", "", "", -1},
	    {"{\"inferenceConfig\":{\"maxTokens\":99999999999999999999}}", "", "", -1},
	    {"{\"a\":{\"b\":{\"maxTokens\":5}}}", "", "", -1},
	    {"{\"inferenceConfig\":{\"max_new_tokens\":4}}", "", "", 4},
	    {"{\"maxTokens\":3}", "", "", 3},
	    {"{\"max\\u005ftokens\":2}", "", "", 2},
	    // Elsewhere it is not the limit of the response.
	    {"{\"toolConfig\":{\"max_tokens\":5},\"max_tokens\":[5]}", "", "", -1},
	    {"{\"requestMetadata\":{\"a\":\"}\",\"b\":{\"c\":\"\\\"\"}}}", "", "{\"a\":\"}\",\"b\":{\"c\":\"\\\"\"}}", -1},
	    {"{\"x\":{\"requestMetadata\":{\"a\":\"b\"}}}", "", "", -1},
	    {"{\"requestMetadata\":\"x\"}", "", "", -1},
	    {"{\"text\":\"\\u0041\\n\\t\\\"\\\\\\/\\ud83d\\ude00\\ud83d\\u00e9x\"}",
	     "A\n\t\"\\/\xf0\x9f\x98\x80\xef\xbf\xbd\xc3\xa9x", "", -1},
	    {"{\"text\":\"\\ud83d\"}", "\xef\xbf\xbd", "", -1},
	    {"{\"text\":\"a\",\"text\":\"\\u12\"}", "a", "", -1},
	    {"{\"text\":\"unfinished", "", "", -1},
	    {"{\"text\":\"a\"]", "a", "", -1},
	    {"{\"text\":\"a\\", "", "", -1},
	    {"not json", "", "", -1},
	    {"\"text\"", "", "", -1},
	    {"}", "", "", -1},
	    {"{\"messages\":[{\"content\":[{\"image\":{\"source\":{\"bytes\":\"AAAA\"}}}]}]}", "", "", -1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request_shape shape;
		struct buffer text;
		buffer_init(&text, 4096);
		request_shape_read(slice_from(rows[i].body), &shape);
		request_shape_each_text(slice_from(rows[i].body), add_piece, &text);
		CHECK_SLICE(buffer_slice(&text), slice_from(rows[i].text));
		CHECK_SLICE(shape.metadata, slice_from(rows[i].metadata));
		CHECK_INT(shape.max_tokens, rows[i].max_tokens);
		buffer_free(&text);
	}
}

TEST(estimates_tokens_from_bytes_of_text) {
	struct request_shape shape;
	request_shape_read(SLICE("{\"system\":[{\"text\":\"12345678\"}],\"x\":\"not counted\",\"text\":\"9\"}"), &shape);
	CHECK_INT(shape.input_tokens, 3);
}

TEST(depth_is_bounded) {
	struct buffer body;
	struct request_shape shape;
	buffer_init(&body, 1 << 20);
	for (int i = 0; i < 100000; i++)
		buffer_append(&body, SLICE("[{\"a\":"));
	request_shape_read(buffer_slice(&body), &shape);
	CHECK_INT(shape.max_tokens, -1);
	buffer_free(&body);
}

// Whether body_edit can set a tier.
static bool can_write_tier(const char *body) {
	char reason[BODY_EDIT_REASON_BYTES];
	struct body_edit edit = {.tier = SLICE("priority")};
	struct buffer out;
	buffer_init(&out, 4096);
	int rc = body_edit_apply(&edit, OPERATION_CONVERSE, slice_from(body), &out, reason);
	buffer_free(&out);
	return rc == 0;
}

TEST(reads_the_tier_of_the_client) {
	static const struct header list[] = {{{"X-Amzn-Bedrock-Service-Tier", 27}, {" flex ", 6}}};
	struct headers headers = {list, 1};
	static const struct {
		const char *body, *tier;
		bool takes_tier;
	} rows[] = {
	    {"{\"serviceTier\":{\"type\":\"priority\"}}", "priority", true},
	    {"{\"messages\":[{\"serviceTier\":{\"type\":\"flex\"}}],\"service\\u0054ier\":{\"a\":0,\"type\" : \"flex\" }}",
	     "flex", true},
	    {"{\"serviceTier\":{\"type\":\"flex\"},\"serviceTier\":{\"type\":\"flex\"}}", "", false},
	    {"{\"serviceTier\":{\"type\":\"flex\",\"type\":\"flex\"}}", "", true},
	    {"{\"serviceTier\":\"flex\"}", "", true},
	    {"{\"serviceTier\":[{\"type\":\"flex\"}]}", "", true},
	    {"{\"serviceTier\":{\"type\":{\"type\":\"flex\"}}}", "", true},
	    {"{\"type\":\"flex\"}", "", true},
	    {"[{\"serviceTier\":{\"type\":\"flex\"}}]", "", false},
	    {"", "", false},
	    {"{\"serviceTier\":{\"type\":\"flex\"}", "", false},
	};
	struct request_shape shape;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		request_shape_read(slice_from(rows[i].body), &shape);
		CHECK_SLICE(request_shape_tier(OPERATION_CONVERSE, headers, &shape), slice_from(rows[i].tier));
		CHECK_SLICE(request_shape_tier(OPERATION_CONVERSE_STREAM, headers, &shape), slice_from(rows[i].tier));
		CHECK_INT(request_shape_takes_tier(OPERATION_CONVERSE, &shape), rows[i].takes_tier);
		CHECK_INT(can_write_tier(rows[i].body), rows[i].takes_tier);
	}
	request_shape_read(slice_from(rows[0].body), &shape);
	CHECK_SLICE(request_shape_tier(OPERATION_INVOKE_MODEL, headers, &shape), SLICE("flex"));
	CHECK_SLICE(request_shape_tier(OPERATION_INVOKE_MODEL_STREAM, headers, NULL), SLICE("flex"));
	CHECK_SLICE(request_shape_tier(OPERATION_COUNT_TOKENS, headers, &shape), SLICE(""));
	CHECK_SLICE(request_shape_tier(OPERATION_INVOKE_MODEL, (struct headers){0}, &shape), SLICE(""));
	CHECK_SLICE(request_shape_tier(OPERATION_CONVERSE, headers, NULL), SLICE(""));
}

TEST(reads_the_beginning_of_the_prompt) {
	static const struct {
		const char *body, *system, *tools, *tool_config, *first_message;
	} rows[] = {
	    {"{}", "", "", "", ""},
	    {"{\"system\" : [ {\"text\":\"a\"} ] ,\"messages\":[ {\"b\":[1]} , {\"c\":2}],\"toolConfig\":{\"d\":{}}}",
	     "[ {\"text\":\"a\"} ]", "", "{\"d\":{}}", "{\"b\":[1]}"},
	    {"{\"tools\":[],\"system\":\"be \\\"brief\\\"\",\"messages\":[true]}", "\"be \\\"brief\\\"\"", "[]", "",
	     "true"},
	    {"{\"messages\":{\"a\":1},\"a\":{\"system\":1,\"tools\":2}}", "", "", "", ""},
	    {"{\"messages\":[]}", "", "", "", ""},
	    {"{\"system\":\"no end", "", "", "", ""},
	    {"{\"system\":[{\"text\":\"a\"}", "", "", "", ""},
	    {"[{\"system\":1}]", "", "", "", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct request_shape shape;
		request_shape_read(slice_from(rows[i].body), &shape);
		CHECK_SLICE(shape.system, slice_from(rows[i].system));
		CHECK_SLICE(shape.tools, slice_from(rows[i].tools));
		CHECK_SLICE(shape.tool_config, slice_from(rows[i].tool_config));
		CHECK_SLICE(shape.first_message, slice_from(rows[i].first_message));
	}
}

TEST(reads_what_it_writes) {
	struct buffer body, text;
	struct request_shape shape;
	buffer_init(&body, 4096);
	buffer_init(&text, 4096);
	request_shape_write(SLICE("say \"x\"\n"), 9, &body);
	request_shape_read(buffer_slice(&body), &shape);
	request_shape_each_text(buffer_slice(&body), add_piece, &text);
	CHECK_SLICE(buffer_slice(&text), SLICE("say \"x\"\n"));
	CHECK_INT(shape.max_tokens, 9);
	CHECK(shape.first_message.len > 0);
	buffer_clear(&body);
	request_shape_write(SLICE("x"), 0, &body);
	request_shape_read(buffer_slice(&body), &shape);
	CHECK_INT(shape.max_tokens, -1);
	buffer_free(&body);
	buffer_free(&text);
}

// Pieces of JSON in random order, in an allocation of their exact size, so that a sanitizer sees a read past the end.
TEST(handles_any_bytes) {
	static const char *const pieces[] = {"{",
	                                     "}",
	                                     "[",
	                                     "]",
	                                     "\"",
	                                     ":",
	                                     ",",
	                                     "\\",
	                                     "\\u",
	                                     "d83d",
	                                     "text",
	                                     "12",
	                                     " ",
	                                     "\\ud83d",
	                                     "\"text\":\"",
	                                     "\"requestMetadata\":{",
	                                     "\"maxTokens\":"};
	struct random_source random;
	random_init(&random, 5);
	for (int round = 0; round < 20000; round++) {
		struct buffer body, text;
		struct request_shape shape;
		buffer_init(&body, 4096);
		buffer_init(&text, 8192);
		buffer_append(&body, SLICE("{"));
		for (uint64_t i = random_below(&random, 20); i > 0; i--)
			buffer_append(&body, slice_from(pieces[random_below(&random, sizeof pieces / sizeof *pieces)]));
		char *exact = malloc(body.len);
		memcpy(exact, body.ptr, body.len);
		struct slice bytes = slice_of(exact, body.len);
		request_shape_read(bytes, &shape);
		request_shape_each_text(bytes, add_piece, &text);
		CHECK(shape.metadata.len <= bytes.len && text.len <= 2 * bytes.len);
		free(exact);
		buffer_free(&body);
		buffer_free(&text);
	}
}

int main(void) {
	RUN(reads_each_family);
	RUN(estimates_tokens_from_bytes_of_text);
	RUN(depth_is_bounded);
	RUN(reads_the_tier_of_the_client);
	RUN(reads_the_beginning_of_the_prompt);
	RUN(reads_what_it_writes);
	RUN(handles_any_bytes);
	return check_summary();
}

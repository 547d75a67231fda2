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

// Whether body_edit can set a tier, apart from what makes a body ambiguous.
static bool can_write_tier(const char *body) {
	char reason[BODY_EDIT_REASON_BYTES];
	struct body_edit edit = {.tier = SLICE("priority")};
	struct request_shape shape;
	struct json_patches patches;
	request_shape_read(slice_from(body), &shape);
	if (shape.flaw.kind != FLAW_NONE && (shape.flaw.kind != FLAW_DUPLICATE || shape.counts[PLACE_TIER] > 1))
		return false;
	int rc = body_edit_plan(&edit, OPERATION_CONVERSE, slice_from(body), &shape, &patches, reason);
	json_patches_free(&patches);
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

TEST(finds_flaws) {
	static const struct {
		const char *body;
		size_t length; // 0: up to its NUL
		enum request_flaw_kind kind;
		const char *sentence;
	} rows[] = {
	    {"{}", 0, FLAW_NONE, NULL},
	    {"{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\"a\":1}", 0, FLAW_NONE, NULL},
	    {"\xef\xbb\xbf{}", 0, FLAW_BYTE_ORDER_MARK, "The body begins with a byte order mark, at offset 0."},
	    {"\xff\xfe{\0}\0", 6, FLAW_NOT_UTF8, "The body is not UTF-8, at offset 0."},
	    {"{\0}\0", 4, FLAW_NOT_UTF8, "The body is not UTF-8, at offset 1."},
	    {"\0{\0}", 4, FLAW_NOT_UTF8, "The body is not UTF-8, at offset 0."},
	    {"{\"a\":\"\xc0\xa2\"}", 0, FLAW_NOT_UTF8, "The body is not UTF-8, at offset 6."},
	    {"{\"a\":\"\xed\xa0\x80\"}", 0, FLAW_NOT_UTF8, "The body is not UTF-8, at offset 6."},
	    {"{\"a\":\"\xe2\x82", 0, FLAW_NO_JSON, "The body is not valid JSON, at offset 5."},
	    {"", 0, FLAW_NO_JSON, "The body is not valid JSON, at offset 0."},
	    {"{\"a\":1,}", 0, FLAW_NO_JSON, "The body is not valid JSON, at offset 7."},
	    {"{\"a\":NaN}", 0, FLAW_NO_JSON, "The body is not valid JSON, at offset 5."},
	    {"{\"a\":1}/**/", 0, FLAW_TRAILING_TEXT, "The body has text behind its JSON value, at offset 7."},
	    {"{}\0", 3, FLAW_TRAILING_TEXT, "The body has text behind its JSON value, at offset 2."},
	    {"[] x", 0, FLAW_TRAILING_TEXT, "The body has text behind its JSON value, at offset 3."},
	    {"[]", 0, FLAW_NO_OBJECT, "The body is no JSON object."},
	    {"\"{}\"", 0, FLAW_NO_OBJECT, "The body is no JSON object."},
	    // Members that are read or edited, twice.
	    {"{\"messages\":[],\"messages\":[]}", 0, FLAW_DUPLICATE,
	     "The body has \"messages\" twice, the second time at offset 26."},
	    {"{\"guardrailConfig\":1,\"guardrail\\u0043onfig\":1}", 0, FLAW_DUPLICATE,
	     "The body has \"guardrailConfig\" twice, the second time at offset 44."},
	    {"{\"serviceTier\":{\"type\":\"flex\",\"type\":\"flex\"}}", 0, FLAW_DUPLICATE,
	     "The body has \"type\" twice, the second time at offset 37."},
	    {"{\"inferenceConfig\":{\"maxTokens\":1},\"maxTokens\":1}", 0, FLAW_NONE, NULL},
	    {"{\"x\":{\"messages\":1,\"messages\":2},\"text\":1,\"text\":2}", 0, FLAW_NONE, NULL},
	    // The first one counts, unless it leaves the body unambiguous.
	    {"{\"system\":1,\"system\":2}x", 0, FLAW_DUPLICATE,
	     "The body has \"system\" twice, the second time at offset 21."},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct request_shape shape;
		char sentence[REQUEST_FLAW_BYTES];
		request_shape_read(slice_of(rows[i].body, rows[i].length ? rows[i].length : strlen(rows[i].body)), &shape);
		CHECK_INT(shape.flaw.kind, rows[i].kind);
		CHECK_INT(request_flaw_is_ambiguous(&shape.flaw), rows[i].kind != FLAW_NONE && rows[i].kind != FLAW_NO_OBJECT);
		request_flaw_describe(&shape.flaw, sentence);
		if (rows[i].sentence)
			CHECK_STRING(sentence, rows[i].sentence);
		CHECK(check_is_sentence(sentence));
	}
}

TEST(finds_depth) {
	for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
		struct buffer body;
		struct request_shape shape;
		buffer_init(&body, 4096);
		buffer_append(&body, SLICE("{\"a\":"));
		for (int i = 0; i < depth; i++)
			buffer_append_byte(&body, '[');
		for (int i = 0; i < depth; i++)
			buffer_append_byte(&body, ']');
		buffer_append(&body, SLICE("}"));
		request_shape_read(buffer_slice(&body), &shape);
		CHECK_INT(shape.flaw.kind, depth < JSON_DEPTH_MAX ? FLAW_NONE : FLAW_DEPTH);
		CHECK(!request_flaw_is_ambiguous(&shape.flaw));
		buffer_free(&body);
	}
}

static void check_same_shape(const struct request_shape *a, const struct request_shape *b) {
	CHECK(memcmp(a, b, offsetof(struct request_shape, members)) == 0);
	for (size_t i = 0; i < REQUEST_PLACES; i++) {
		if (a->counts[i] == 0)
			continue;
		CHECK_INT(a->members[i].kind, b->members[i].kind);
		CHECK_INT(a->members[i].is_empty, b->members[i].is_empty);
		CHECK(a->members[i].value.ptr == b->members[i].value.ptr && a->members[i].value.len == b->members[i].value.len);
	}
}

TEST(slices_change_nothing) {
	static const char *const bodies[] = {
	    "{ \"system\":[{\"text\":\"\xe2\x82\xac \\u00e9\"}],\"messages\":[ "
	    "{\"role\":\"user\",\"content\":[{\"text\":\"Hi\"}]} ],"
	    "\"inferenceConfig\":{ },\"requestMetadata\":{\"a\":\"b\"},\"serviceTier\":{\"type\":\"flex\"}, "
	    "\"toolConfig\": {} } ",
	    "{\"max_tokens\" : 12345 , \"guardrailConfig\":{\"x\":[1,2]},\"textGenerationConfig\":{\"maxTokenCount\":7}}",
	    "{\"messages\":[1],\"inputText\":\"\xf0\x9f\x98\x80\", \"messages\":2}",
	    "{\"text\":\"\xf0\x9f\x98 cut\"}",
	    "{\"text\":\"a\"} trailing",
	    "[[[",
	};
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		struct request_shape whole, sliced;
		struct request_scan scan;
		struct slice body = slice_from(bodies[i]);
		request_shape_read(body, &whole);
		for (size_t bytes = 1; bytes <= body.len; bytes++) {
			size_t steps = 1;
			request_scan_begin(&scan, body, &sliced);
			while (!request_scan_step(&scan, bytes))
				steps++;
			CHECK(steps <= body.len / bytes + 1);
			check_same_shape(&sliced, &whole);
		}
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
	RUN(finds_flaws);
	RUN(finds_depth);
	RUN(slices_change_nothing);
	return check_summary();
}

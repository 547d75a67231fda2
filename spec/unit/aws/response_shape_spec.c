// SPDX-License-Identifier: Apache-2.0
#include "aws/response_shape.h"

#include <stdio.h>
#include <stdlib.h>

#include "../check.h"
#include "aws/response_event.h"
#include "base/buffer.h"

struct converse_row {
	const char *body;
	int64_t input, output, cache_read, cache_write;
	const char *stop_reason;
};

static const struct converse_row CONVERSE[] = {
    {"{\"usage\":{\"inputTokens\":3,\"outputTokens\":4,\"totalTokens\":7}}", 3, 4, -1, -1, ""},
    {" { \"stopReason\" : \"end_turn\" , \"usage\" : { \"outputTokens\" : 0 , \"inputTokens\" : 12 } } ", 12, 0, -1, -1,
     "end_turn"},
    {"{\"usage\":{\"inputTokens\":1,\"outputTokens\":2,\"cacheReadInputTokens\":5,\"cacheWriteInputTokens\":6}}", 1, 2,
     5, 6, ""},
    // Members that only look like it: inside texts, at another depth, in an array.
    {"{\"text\":\"\\\"usage\\\":{\\\"inputTokens\\\":9}\",\"usage\":{\"inputTokens\":3}}", 3, -1, -1, -1, ""},
    {"{\"output\":{\"usage\":{\"inputTokens\":9},\"stopReason\":\"x\"}}", -1, -1, -1, -1, ""},
    {"{\"a\":[{\"usage\":1},\"]\",{}],\"usage\":{\"x\":{\"inputTokens\":8},\"inputTokens\":2}}", 2, -1, -1, -1, ""},
    {"{\"a\":\"\\\\\",\"usage\":{\"inputTokens\":2}}", 2, -1, -1, -1, ""},
    // Invalid counts.
    {"{\"usage\":{\"inputTokens\":-3,\"outputTokens\":1.5}}", -1, -1, -1, -1, ""},
    {"{\"usage\":{\"inputTokens\":\"3\",\"outputTokens\":null}}", -1, -1, -1, -1, ""},
    {"{\"usage\":{\"inputTokens\":99999999999999999999}}", -1, -1, -1, -1, ""},
    {"{\"usage\":7,\"stopReason\":5}", -1, -1, -1, -1, ""},
    {"{\"stopReason\":\"a\\\"b\"}", -1, -1, -1, -1, ""},
    // Broken JSON.
    {"", -1, -1, -1, -1, ""},
    {"[]", -1, -1, -1, -1, ""},
    {"{", -1, -1, -1, -1, ""},
    {"{\"", -1, -1, -1, -1, ""},
    {"{\"usage", -1, -1, -1, -1, ""},
    {"{\"usage\"", -1, -1, -1, -1, ""},
    {"{\"usage\":", -1, -1, -1, -1, ""},
    {"{\"usage\":{\"inputTokens\":3", 3, -1, -1, -1, ""},
    {"{\"usage\":{\"inputTokens\":3,}", 3, -1, -1, -1, ""},
    {"{\"a\" 1,\"usage\":{\"inputTokens\":3}}", -1, -1, -1, -1, ""},
    {"{\"a\":}]}},\"usage\":{\"inputTokens\":3}}", -1, -1, -1, -1, ""},
    {"<html>", -1, -1, -1, -1, ""},
};

// Each body is in an allocation of its exact size, so that a sanitizer sees every read past its end.
TEST(reads_converse_bodies) {
	for (size_t i = 0; i < sizeof CONVERSE / sizeof CONVERSE[0]; i++) {
		const struct converse_row *row = &CONVERSE[i];
		size_t len = strlen(row->body);
		char *copy = malloc(len ? len : 1);
		memcpy(copy, row->body, len);
		struct response_shape shape;
		int before = check_failures_in_test;
		response_shape_read(slice_of(copy, len), &shape);
		struct token_usage usage = shape.usage;
		CHECK_INT(usage.input_tokens, row->input);
		CHECK_INT(usage.output_tokens, row->output);
		CHECK_INT(usage.cache_read_tokens, row->cache_read);
		CHECK_INT(usage.cache_write_tokens, row->cache_write);
		CHECK_SLICE(shape.stop_reason, slice_from(row->stop_reason));
		if (check_failures_in_test > before)
			printf("  for %s\n", row->body);
		free(copy);
	}
}

static void add_piece(void *owner, struct slice piece, bool begins) {
	struct buffer *text = owner;
	if (begins && text->len)
		buffer_append_byte(text, '|');
	buffer_append(text, piece);
}

TEST(reads_each_family) {
	static const struct {
		const char *body, *stop_reason, *tier, *text;
	} rows[] = {
	    {"{\"output\":{\"message\":{\"content\":[{\"text\":\"a\\n\"},{\"toolUse\":{\"input\":{\"text\":\"x\"}}},"
	     "{\"text\":\"b\"}]}},\"stopReason\":\"end_turn\",\"serviceTier\":{\"type\":\"flex\"}}",
	     "end_turn", "flex", "a\n|b"},
	    {"{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"thinking\",\"thinking\":\"x\"}],"
	     "\"stop_reason\":\"max_tokens\",\"stop_sequence\":null}",
	     "max_tokens", "", "a"},
	    {"{\"completion\":\"a\",\"stop_reason\":\"stop\"}", "stop", "", "a"},
	    {"{\"generation\":\"a\",\"stop_reason\":\"length\"}", "length", "", "a"},
	    {"{\"outputs\":[{\"text\":\"a\",\"stop_reason\":\"stop\"},{\"text\":\"b\",\"stop_reason\":\"length\"}]}",
	     "stop", "", "a|b"},
	    {"{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}", "stop", "", "a"},
	    {"{\"choices\":[{\"text\":\"a\",\"stop_reason\":\"stop\"}]}", "stop", "", "a"},
	    {"{\"results\":[{\"outputText\":\"a\",\"completionReason\":\"FINISH\"}]}", "FINISH", "", "a"},
	    {"{\"text\":\"a\",\"finish_reason\":\"COMPLETE\"}", "COMPLETE", "", "a"},
	    {"{\"generations\":[{\"text\":\"a\",\"finish_reason\":\"COMPLETE\"}]}", "COMPLETE", "", "a"},
	    // Members in the wrong place.
	    {"{\"output\":{\"text\":\"x\",\"stopReason\":\"x\"},\"a\":{\"text\":\"x\"},\"serviceTier\":\"x\"}", "", "", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct response_shape shape;
		struct buffer text;
		buffer_init(&text, 4096);
		response_shape_read(slice_from(rows[i].body), &shape);
		response_shape_each_text(slice_from(rows[i].body), add_piece, &text);
		CHECK_SLICE(shape.stop_reason, slice_from(rows[i].stop_reason));
		CHECK_SLICE(shape.tier, slice_from(rows[i].tier));
		CHECK_SLICE(buffer_slice(&text), slice_from(rows[i].text));
		buffer_free(&text);
	}
	static const struct header list[] = {{{"x-amzn-bedrock-service-tier", 27}, {"flex", 4}}};
	CHECK_SLICE(response_shape_tier((struct headers){list, 1}), SLICE("flex"));
	CHECK_SLICE(response_shape_tier((struct headers){0}), SLICE(""));
}

TEST(reads_deltas) {
	static const char *const payloads[] = {
	    "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"a\\n\"},\"p\":\"ab\"}",
	    "{\"contentBlockIndex\":1,\"delta\":{\"toolUse\":{\"input\":\"x\"}}}",
	    "{\"delta\":{\"reasoningContent\":{\"text\":\"x\"}}}",
	    "{\"stopReason\":\"end_turn\"}",
	    "junk",
	};
	struct buffer text;
	buffer_init(&text, 64);
	for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
		response_shape_delta(slice_from(payloads[i]), add_piece, &text);
	CHECK_SLICE(buffer_slice(&text), SLICE("a\n"));
	buffer_free(&text);
}

// A million brackets take one pass and no stack.
TEST(handles_depth) {
	size_t len = 1000000;
	char *deep = malloc(len);
	memset(deep, '[', len);
	memcpy(deep, "{\"a\":", 5);
	struct response_shape shape;
	response_shape_read(slice_of(deep, len), &shape);
	CHECK_INT(shape.usage.input_tokens, -1);
	memset(deep + 5, '\\', len - 5);
	deep[5] = '"';
	response_shape_read(slice_of(deep, len), &shape);
	CHECK_INT(shape.usage.input_tokens, -1);
	free(deep);
}

TEST(reads_headers) {
	const struct header list[] = {
	    {SLICE("X-Amzn-Bedrock-Input-Token-Count"), SLICE(" 9 ")},
	    {SLICE("x-amzn-bedrock-output-token-count"), SLICE("17")},
	    {SLICE("x-amzn-bedrock-cache-read-input-token-count"), SLICE("1e3")},
	};
	struct token_usage usage = TOKEN_USAGE_UNKNOWN;
	response_shape_read_headers((struct headers){list, 3}, &usage);
	CHECK_INT(usage.input_tokens, 9);
	CHECK_INT(usage.output_tokens, 17);
	CHECK_INT(usage.cache_read_tokens, -1);
	CHECK_INT(usage.cache_write_tokens, -1);
}

static void base64(const char *text, size_t len, char *out) {
	static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < len; i += 3) {
		unsigned bits = 0;
		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (i + j < len ? (unsigned char)text[i + j] : 0);
		for (int j = 3; j >= 0; j--)
			*out++ = (size_t)(3 - j) > len - i ? '=' : DIGITS[bits >> (6 * j) & 63];
	}
	*out = '\0';
}

// Metrics at each offset in base64's groups of three bytes.
TEST(reads_the_last_chunk) {
	for (int pad = 0; pad < 6; pad++) {
		char json[512], encoded[1024], payload[2048];
		int len = snprintf(json, sizeof json,
		                   "{\"p\":\"%.*s\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":14,"
		                   "\"outputTokenCount\":256,\"invocationLatency\":1}}",
		                   pad, "abcdef");
		base64(json, (size_t)len, encoded);
		snprintf(payload, sizeof payload, "{\"bytes\":\"%s\",\"p\":\"abc\"}", encoded);
		struct token_usage usage = TOKEN_USAGE_UNKNOWN;
		response_shape_read_chunk(slice_from(payload), &usage);
		CHECK_INT(usage.input_tokens, 14);
		CHECK_INT(usage.output_tokens, 256);
	}
	struct token_usage usage = TOKEN_USAGE_UNKNOWN;
	response_shape_read_chunk(SLICE("{\"bytes\":\"aW52b2NhdGlvbk1ldHJpY3M=\"}"), &usage);
	response_shape_read_chunk(SLICE("{\"bytes\":\"####aW52b2NhdGlvbk1ldHJpY3M\"}"), &usage);
	response_shape_read_chunk(SLICE("{\"bytes\":12}"), &usage);
	response_shape_read_chunk(SLICE("junk"), &usage);
	CHECK_INT(usage.input_tokens, -1);
}

TEST(slices_change_nothing) {
	static const char *const bodies[] = {
	    "{\"x\":[\"]\",{\"y\":[]}],\"output\":{\"message\":{\"content\":[{\"text\":\"hello\"}]}},"
	    "\"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":10 ,\"outputTokens\":20},"
	    "\"serviceTier\":{\"type\":\"flex\"}}",
	    "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}], \"broken",
	    "",
	};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct slice body = slice_from(bodies[i]);
		struct response_shape whole, sliced;
		struct response_scan scan;
		response_shape_read(body, &whole);
		for (size_t bytes = 1; bytes <= body.len; bytes++) {
			size_t steps = 1;
			response_scan_begin(&scan, body, &sliced);
			while (!response_scan_step(&scan, bytes))
				steps++;
			CHECK(steps <= body.len / bytes + 1);
			CHECK(memcmp(&whole, &sliced, sizeof whole) == 0);
		}
	}
}

// Events with usage are small; a large one is not read, since that would hold up the loop.
TEST(large_events_state_no_usage) {
	static const char begin[] = "{\"usage\":{\"inputTokens\":7},\"trace\":[1";
	for (size_t bytes = 1 << 16; bytes <= 1 << 20; bytes *= 4) {
		struct buffer payload;
		struct token_usage usage;
		buffer_init(&payload, 2 << 20);
		buffer_append(&payload, slice_from(begin));
		while (payload.len + 4 < bytes)
			buffer_append(&payload, SLICE(",1"));
		buffer_append(&payload, SLICE("]}"));
		response_event_read_usage(OPERATION_CONVERSE_STREAM, SLICE("metadata"), buffer_slice(&payload), &usage);
		CHECK_INT(usage.input_tokens, bytes <= 256 << 10 ? 7 : -1);
		buffer_free(&payload);
	}
}

int main(void) {
	RUN(reads_converse_bodies);
	RUN(reads_each_family);
	RUN(reads_deltas);
	RUN(handles_depth);
	RUN(reads_headers);
	RUN(reads_the_last_chunk);
	RUN(slices_change_nothing);
	RUN(large_events_state_no_usage);
	return check_summary();
}

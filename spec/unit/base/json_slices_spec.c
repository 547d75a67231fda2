// SPDX-License-Identifier: Apache-2.0
// Texts that are read in slices: the same tokens for every length of the slices, and a bound on the work of each.
#include "../check.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/json_walk.h"
#include "base/random.h"

enum { TRACE_BYTES = 1 << 16, LARGE_BYTES = 25 << 20, SLICE_BYTES = 1 << 16 };

// Widens the window until the next token has been read.
static void next_of(struct json_reader *reader, size_t slice_bytes, struct json_token *token) {
	json_read(reader, token);
	while (token->kind == JSON_PAUSED) {
		CHECK(reader->rest.ptr + reader->rest.len < reader->end);
		json_reader_widen(reader, slice_bytes);
		json_read(reader, token);
	}
}

// Writes each token as a letter, with its text; in slices unless `slice_bytes` is 0. A key that BROKEN follows does not
// count: it may lack its colon.
static void trace(struct slice text, size_t slice_bytes, struct buffer *out) {
	static const char letters[] = ".!?{}[]ksn+-0";
	struct json_reader reader;
	struct json_token token = {.kind = JSON_NULL};
	size_t before_key = 0;
	json_reader_init(&reader, text);
	if (slice_bytes)
		json_reader_narrow(&reader);
	while (token.kind != JSON_END && token.kind != JSON_BROKEN) {
		bool has_key = token.kind == JSON_KEY;
		next_of(&reader, slice_bytes, &token);
		if (has_key && token.kind == JSON_BROKEN)
			out->len = before_key;
		before_key = out->len;
		buffer_append_byte(out, letters[token.kind]);
		if (token.kind == JSON_BROKEN)
			return;
		buffer_append(out, token.is_escaped ? SLICE("\\") : SLICE(""));
		buffer_append(out, token.text);
	}
}

// Counts the containers' ends on the way, all containers within the top one being skipped.
static void trace_skipping(struct slice text, size_t slice_bytes, struct buffer *out) {
	static const char letters[] = ".!?{}[]ksn+-0";
	struct json_reader reader;
	struct json_token token = {.kind = JSON_NULL};
	size_t before_key = 0;
	json_reader_init(&reader, text);
	if (slice_bytes)
		json_reader_narrow(&reader);
	do {
		bool has_key = token.kind == JSON_KEY;
		next_of(&reader, slice_bytes, &token);
		if (reader.depth == 2 && (token.kind == JSON_OBJECT || token.kind == JSON_ARRAY)) {
			json_skip_container(&reader, &token);
			if (token.kind == JSON_PAUSED)
				next_of(&reader, slice_bytes, &token);
		}
		if (has_key && token.kind == JSON_BROKEN)
			out->len = before_key;
		before_key = out->len;
		buffer_append_byte(out, letters[token.kind]);
	} while (token.kind != JSON_END && token.kind != JSON_BROKEN);
}

static void check_all_slices(struct slice text,
                             void (*tracer)(struct slice text, size_t slice_bytes, struct buffer *out)) {
	struct buffer whole, sliced;
	buffer_init(&whole, TRACE_BYTES);
	buffer_init(&sliced, TRACE_BYTES);
	tracer(text, 0, &whole);
	for (size_t slice_bytes = 1; slice_bytes <= text.len + 1; slice_bytes++) {
		buffer_clear(&sliced);
		tracer(text, slice_bytes, &sliced);
		int before = check_failures_in_test;
		CHECK_SLICE(buffer_slice(&sliced), buffer_slice(&whole));
		if (check_failures_in_test > before)
			printf("  in slices of %zu: %.*s\n", slice_bytes, SLICE_ARGS(text));
	}
	buffer_free(&whole);
	buffer_free(&sliced);
}

static void check_text(const char *text) {
	// An exact copy, so that a sanitizer sees any read past the end.
	size_t length = strlen(text);
	char *exact = memcpy(malloc(length ? length : 1), text, length);
	check_all_slices(slice_of(exact, length), trace);
	check_all_slices(slice_of(exact, length), trace_skipping);
	free(exact);
}

TEST(slices_change_nothing) {
	static const char *const texts[] = {
	    "",
	    "  ",
	    "{}",
	    " [ ] ",
	    "[1,]",
	    "[1 , -2.50e+10,0]",
	    "12345",
	    "[-]",
	    "[01]",
	    "[truex]",
	    "[true , false,null,nul]",
	    "{\"a\" : {\"b\\u00e9\\n\" \t:\"x\\\\\\\"\"}}  ",
	    "{\"a\" \t\r\n }",
	    "{\"a\" 1}",
	    "{\"a\":1,}",
	    "{\"a\":1,\"b\":[\"]\",{\"}\":\"\\\"}\"},[[\"\\u005d\"]]],\"c\":{\"d\":[]}} x",
	    "{\"x\":[1},\"z\":1}",
	    "{\"x\":[\"\\x\"],\"z\":1}",
	    "[[\"\\u12\"]]",
	    "[\"\\u12g4\"]",
	    "[\"a\nb\"]",
	    "[[\"not ended, \\",
	    "[\"a text that is longer than a block of sixteen bytes \\n and then \\u00e9 some more of it\"]",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		check_text(texts[i]);
}

// Pieces of JSON in random order.
TEST(slices_of_any_bytes_change_nothing) {
	static const char *const pieces[] = {"{",  "}",  "[",    "]",    "\"", ":",      ",",        "\\",   "\\u",
	                                     "d8", "12", "-0.5", "true", " ",  "\"a\":", "\"b\\n\"", "null", "{\"a\":["};
	struct random_source random;
	random_init(&random, 7);
	for (int round = 0; round < 2000; round++) {
		char text[256] = "[";
		for (uint64_t i = random_below(&random, 20); i > 0; i--)
			strcat(text, pieces[random_below(&random, sizeof pieces / sizeof *pieces)]);
		check_text(text);
	}
}

TEST(numbers_are_bounded) {
	for (size_t digits = JSON_NUMBER_BYTES - 2; digits <= JSON_NUMBER_BYTES + 1; digits++) {
		struct buffer text, found;
		buffer_init(&text, TRACE_BYTES);
		buffer_init(&found, TRACE_BYTES);
		buffer_append_byte(&text, '[');
		for (size_t i = 0; i < digits; i++)
			buffer_append_byte(&text, '7');
		buffer_append_byte(&text, ']');
		for (size_t slice_bytes = 0; slice_bytes < 3; slice_bytes++) {
			buffer_clear(&found);
			trace(buffer_slice(&text), slice_bytes * 500, &found);
			CHECK_INT(found.ptr[found.len - 1], digits < JSON_NUMBER_BYTES ? '.' : '!');
		}
		buffer_free(&text);
		buffer_free(&found);
	}
}

// A large text: a beginning, and a unit repeated.
struct large {
	const char *beginning, *unit;
};

static struct buffer large_text(const struct large *large) {
	struct buffer text;
	size_t unit_bytes = strlen(large->unit);
	buffer_init(&text, LARGE_BYTES);
	buffer_reserve(&text, LARGE_BYTES);
	buffer_append(&text, slice_from(large->beginning));
	while (text.len + unit_bytes <= LARGE_BYTES)
		buffer_append(&text, slice_of(large->unit, unit_bytes));
	return text;
}

// Between two pauses the reader advances by a slice, and by the beginning of one number that it reads again.
TEST(work_of_a_slice_is_bounded) {
	static const struct json_path paths[] = {{{"a", "b"}}, {{"z"}}, {{0}}};
	static const struct large rows[] = {
	    {"", "["},    {"", "{\"a\":"},        {"[1", ",1"}, {"[\"\"", ",\"\""}, {"[\"", "\\n"},
	    {"[\"", "a"}, {"[\"", "\\u00e9"},     {"[", " "},   {"{\"a\"", " "},    {"{\"x\":[", " [\"]\"]"},
	    {"[", "7"},   {"[{}", ",{\"a\":[]}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buffer text = large_text(&rows[i]);
		struct json_walk walk;
		size_t slices = 0, most = 0;
		json_walk_init(&walk, paths, buffer_slice(&text));
		json_reader_narrow(&walk.reader);
		const char *from = text.ptr;
		do {
			if (json_walk_next(&walk) != JSON_PAUSED)
				continue;
			const struct json_reader *reader = &walk.reader;
			const char *at = reader->state == JSON_IN_STRING ? reader->paused_at : reader->rest.ptr;
			CHECK(at >= from);
			most = (size_t)(at - from) > most ? (size_t)(at - from) : most;
			from = at;
			json_reader_widen(&walk.reader, SLICE_BYTES);
			slices++;
		} while (!json_walk_is_over(&walk));
		CHECK(most <= SLICE_BYTES + JSON_NUMBER_BYTES);
		CHECK(slices >= 1 && slices <= LARGE_BYTES / SLICE_BYTES + 1);
		buffer_free(&text);
	}
}

// What a pass costs beside its tokens: escapes, and what is skipped outside of strings.
TEST(steps_are_counted) {
	static const struct json_path paths[] = {{{"z"}}, {{0}}};
	struct buffer text;
	buffer_init(&text, TRACE_BYTES);
	buffer_append(&text, SLICE("{\"z\":\"\\n\\u00e9plain\",\"x\":[1"));
	for (int i = 0; i < 799; i++)
		buffer_append(&text, SLICE(",1"));
	buffer_append(&text, SLICE(",\"a text that is skipped at once\"]}"));
	for (size_t slice_bytes = 1; slice_bytes <= text.len; slice_bytes += 99) {
		struct json_walk walk;
		json_walk_init(&walk, paths, buffer_slice(&text));
		json_reader_narrow(&walk.reader);
		do {
			if (json_walk_next(&walk) == JSON_PAUSED)
				json_reader_widen(&walk.reader, slice_bytes);
		} while (!json_walk_is_over(&walk));
		CHECK_INT(walk.token.kind, JSON_END);
		CHECK_INT(walk.reader.steps, 2 + 1600 / 16);
	}
	buffer_free(&text);
}

int main(void) {
	RUN(slices_change_nothing);
	RUN(slices_of_any_bytes_change_nothing);
	RUN(numbers_are_bounded);
	RUN(work_of_a_slice_is_bounded);
	RUN(steps_are_counted);
	return check_summary();
}

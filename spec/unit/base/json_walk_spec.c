// SPDX-License-Identifier: Apache-2.0
#include "base/json_walk.h"

#include "../check.h"
#include "base/buffer.h"

enum { DEEP, LIST, MEMBER, ANY, OTHER_ANY };
static const struct json_path paths[] = {
    [DEEP] = {{"a", "b", "c"}}, [LIST] = {{"list", "[]"}},         [MEMBER] = {{"list", "[]", "name"}},
    [ANY] = {{"**", "text"}},   [OTHER_ANY] = {{"**", "content"}}, {{0}},
};

// Lists each value that has a path: the path's index and the value's kind, such as "0s" for a string at a.b.c.
static void describe(const struct json_path *list, struct slice text, struct buffer *out) {
	static const char kinds[] = "???o?a?ksntfz";
	struct json_walk walk;
	json_walk_init(&walk, list, text);
	do {
		json_walk_next(&walk);
		if (walk.path != JSON_NO_PATH)
			buffer_printf(out, "%s%d%c", out->len ? " " : "", walk.path, kinds[walk.token.kind]);
	} while (!json_walk_is_over(&walk));
	if (walk.token.kind == JSON_BROKEN)
		buffer_append(out, SLICE(" broken"));
}

TEST(matches_values_by_their_paths) {
	static const struct {
		const char *text, *found;
	} rows[] = {
	    {"{\"a\":{\"b\":{\"c\":\"x\"}}}", "0s"},
	    {"{\"a\":{\"b\":{\"c\":{\"c\":1}},\"c\":1},\"b\":{\"c\":1},\"c\":1}", "0o"},
	    {"{\"a\":{\"b\":[{\"c\":1}]},\"a\":[{\"b\":{\"c\":1}}]}", ""},
	    {"{\"x\":{\"a\":{\"b\":{\"c\":1}}}}", ""},
	    {"[{\"a\":{\"b\":{\"c\":1}}}]", ""},
	    {"{\"a\":{\"b\":{}},\"z\":{\"b\":{\"c\":1}},\"a\":{\"b\":{\"c\":true}}}", "0t"},
	    {"{\"list\":[1,{\"name\":null},[{\"name\":2}]]}", "1n 1o 2z 1a"},
	    {"{\"list\":{\"name\":1}}", ""},
	    // "**" also matches elements of an array, but nothing below an object.
	    {"{\"x\":[{\"y\":{\"text\":\"a\"}}],\"text\":[\"b\",[\"c\"],{\"d\":\"e\"}]}", "3s 3a 3s 3a 3s 3o"},
	    {"{\"content\":{\"text\":\"a\",\"x\":\"b\"}}", "4o 3s"},
	    // Keys are compared with their escapes resolved.
	    {"{\"\\u0061\":{\"b\":{\"\\u0063\":1}},\"t\\u0065xt\":2,\"text\\u0000\":3,\"\":4}", "0n 3n"},
	    {"{\"text\":1", "3n broken"},
	    {"{\"text\":", " broken"},
	    {"3", ""},
	    {"", " broken"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buffer found;
		buffer_init(&found, 1024);
		describe(paths, slice_from(rows[i].text), &found);
		CHECK_SLICE(buffer_slice(&found), slice_from(rows[i].found));
		buffer_free(&found);
	}
}

TEST(skips_what_no_path_leads_into) {
	static const struct json_path plain[] = {{{"a", "b"}}, {{"z"}}, {{0}}};
	static const struct {
		const char *text, *found;
	} rows[] = {
	    {"{\"x\":{\"a\":{\"b\":1}},\"y\":[[{}],[]],\"a\":{\"x\":{\"b\":1},\"b\":2},\"z\":3}", "0n 1n"},
	    {"{\"x\":[\"]\",\"\\\"]\",\"\\u005d\"],\"z\":\"}\"}", "1s"},
	    {"[{\"z\":1}]", ""},
	    // Of what is skipped, brackets and strings are checked.
	    {"{\"x\":{nothing:0,,},\"z\":1}", "1n"},
	    {"{\"x\":[1},\"z\":1}", " broken"},
	    {"{\"x\":[\"\\x\"],\"z\":1}", " broken"},
	    {"{\"x\":[\"", " broken"},
	    {"{\"x\":[[]", " broken"},
	    {"{\"x\":[", " broken"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buffer found;
		buffer_init(&found, 1024);
		describe(plain, slice_from(rows[i].text), &found);
		CHECK_SLICE(buffer_slice(&found), slice_from(rows[i].found));
		buffer_free(&found);
	}
	for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
		struct buffer text, found;
		buffer_init(&text, 1024);
		buffer_init(&found, 1024);
		buffer_append(&text, SLICE("{\"x\":"));
		for (size_t i = 0; i < depth; i++)
			buffer_append_byte(&text, '[');
		for (size_t i = 0; i < depth; i++)
			buffer_append_byte(&text, ']');
		buffer_append(&text, SLICE(",\"z\":1}"));
		describe(plain, buffer_slice(&text), &found);
		CHECK_SLICE(buffer_slice(&found), depth < JSON_DEPTH_MAX ? SLICE("1n") : SLICE(" broken"));
		buffer_free(&text);
		buffer_free(&found);
	}
}

TEST(long_escaped_keys_match_nothing) {
	struct buffer text, found;
	buffer_init(&text, 1 << 16);
	buffer_init(&found, 64);
	buffer_append(&text, SLICE("{\""));
	for (int i = 0; i < 1000; i++)
		buffer_append(&text, SLICE("\\u0061"));
	buffer_append(&text, SLICE("\":1}"));
	describe(paths, buffer_slice(&text), &found);
	CHECK_SLICE(buffer_slice(&found), SLICE(""));
	buffer_free(&text);
	buffer_free(&found);
}

TEST(matches_at_every_depth) {
	struct buffer text, found;
	buffer_init(&text, 1 << 16);
	buffer_init(&found, 64);
	for (int i = 1; i < JSON_DEPTH_MAX; i++)
		buffer_append(&text, SLICE("{\"x\":"));
	buffer_append(&text, SLICE("{\"text\":1}"));
	for (int i = 1; i < JSON_DEPTH_MAX; i++)
		buffer_append(&text, SLICE("}"));
	describe(paths, buffer_slice(&text), &found);
	CHECK_SLICE(buffer_slice(&found), SLICE("3n"));
	buffer_free(&text);
	buffer_free(&found);
}

int main(void) {
	RUN(matches_values_by_their_paths);
	RUN(skips_what_no_path_leads_into);
	RUN(long_escaped_keys_match_nothing);
	RUN(matches_at_every_depth);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
#include "base/json_walk.h"

#include "../check.h"
#include "base/buffer.h"

enum { DEEP, LIST, MEMBER, ANY, OTHER_ANY };
static const struct json_path paths[] = {
    [DEEP] = {{"a", "b", "c"}}, [LIST] = {{"list", "[]"}},         [MEMBER] = {{"list", "[]", "name"}},
    [ANY] = {{"**", "text"}},   [OTHER_ANY] = {{"**", "content"}}, {{0}},
};

// Each value that stands at a path: the path's index and what it is, "0s" for a string at a.b.c.
static void describe(struct slice text, struct buffer *out) {
	static const char kinds[] = "??o?a?ksntfz";
	struct json_walk walk;
	json_walk_init(&walk, paths, text);
	do {
		json_walk_next(&walk);
		if (walk.path != JSON_NO_PATH)
			buffer_printf(out, "%s%d%c", out->len ? " " : "", walk.path, kinds[walk.token.kind]);
	} while (!json_walk_is_over(&walk));
	if (walk.token.kind == JSON_BROKEN)
		buffer_append(out, SLICE(" broken"));
}

TEST(values_are_told_by_their_paths) {
	static const struct {
		const char *text, *said;
	} rows[] = {
	    {"{\"a\":{\"b\":{\"c\":\"x\"}}}", "0s"},
	    {"{\"a\":{\"b\":{\"c\":{\"c\":1}},\"c\":1},\"b\":{\"c\":1},\"c\":1}", "0o"},
	    {"{\"a\":{\"b\":[{\"c\":1}]},\"a\":[{\"b\":{\"c\":1}}]}", ""},
	    {"{\"x\":{\"a\":{\"b\":{\"c\":1}}}}", ""},
	    {"[{\"a\":{\"b\":{\"c\":1}}}]", ""},
	    {"{\"a\":{\"b\":{}},\"z\":{\"b\":{\"c\":1}},\"a\":{\"b\":{\"c\":true}}}", "0t"},
	    {"{\"list\":[1,{\"name\":null},[{\"name\":2}]]}", "1n 1o 2z 1a"},
	    {"{\"list\":{\"name\":1}}", ""},
	    // Anywhere: in arrays too, but not below an object.
	    {"{\"x\":[{\"y\":{\"text\":\"a\"}}],\"text\":[\"b\",[\"c\"],{\"d\":\"e\"}]}", "3s 3a 3s 3a 3s 3o"},
	    {"{\"content\":{\"text\":\"a\",\"x\":\"b\"}}", "4o 3s"},
	    // A key is what it means.
	    {"{\"\\u0061\":{\"b\":{\"\\u0063\":1}},\"t\\u0065xt\":2,\"text\\u0000\":3,\"\":4}", "0n 3n"},
	    {"{\"text\":1", "3n broken"},
	    {"{\"text\":", " broken"},
	    {"3", ""},
	    {"", " broken"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buffer said;
		buffer_init(&said, 1024);
		describe(slice_from(rows[i].text), &said);
		CHECK_SLICE(buffer_slice(&said), slice_from(rows[i].said));
		buffer_free(&said);
	}
}

TEST(long_keys_with_escapes_are_none) {
	struct buffer text, said;
	buffer_init(&text, 1 << 16);
	buffer_init(&said, 64);
	buffer_append(&text, SLICE("{\""));
	for (int i = 0; i < 1000; i++)
		buffer_append(&text, SLICE("\\u0061"));
	buffer_append(&text, SLICE("\":1}"));
	describe(buffer_slice(&text), &said);
	CHECK_SLICE(buffer_slice(&said), SLICE(""));
	buffer_free(&text);
	buffer_free(&said);
}

TEST(every_depth_has_its_place) {
	struct buffer text, said;
	buffer_init(&text, 1 << 16);
	buffer_init(&said, 64);
	for (int i = 1; i < JSON_DEPTH_MAX; i++)
		buffer_append(&text, SLICE("{\"x\":"));
	buffer_append(&text, SLICE("{\"text\":1}"));
	for (int i = 1; i < JSON_DEPTH_MAX; i++)
		buffer_append(&text, SLICE("}"));
	describe(buffer_slice(&text), &said);
	CHECK_SLICE(buffer_slice(&said), SLICE("3n"));
	buffer_free(&text);
	buffer_free(&said);
}

int main(void) {
	RUN(values_are_told_by_their_paths);
	RUN(long_keys_with_escapes_are_none);
	RUN(every_depth_has_its_place);
	return check_summary();
}

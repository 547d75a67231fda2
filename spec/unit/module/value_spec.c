// SPDX-License-Identifier: Apache-2.0
// JSON to Lua and back, over valid and random bytes: read from a block of exactly the text's length, written, read
// again.
#include "module/value.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "../check.h"
#include "base/random.h"

enum { OUT_BYTES = 1 << 20, ROUNDS = 20000, TEXT_BYTES = 512 };

static lua_State *lua;

// Reads a copy of the text with no byte behind it; true with the value at the top.
static bool read_json(struct slice text) {
	char *copy = malloc(text.len ? text.len : 1);
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	bool good = value_push_json(lua, slice_of(copy, text.len), VALUE_KEEP_NULLS);
	free(copy);
	return good;
}

// Writes the value at the top as JSON and pops it.
static struct slice take_json(struct buffer *out) {
	buffer_clear(out);
	value_write_json(lua, -1, NULL, out);
	lua_pop(lua, 1);
	return buffer_slice(out);
}

TEST(round_trips) {
	static const char *const texts[] = {
	    "[]",
	    "{}",
	    "[[],{},[{}]]",
	    "null",
	    "[null,true,false]",
	    "0",
	    "-17",
	    "9223372036854775807",
	    "-9223372036854775807",
	    "0.1",
	    "-2.5",
	    "1e+300",
	    "1e-07",
	    "\"\"",
	    "{\"input\":{}}",
	    "\"\\u0000\\u001f\\\"\\\\\"",
	};
	struct buffer out;
	buffer_init(&out, OUT_BYTES);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		CHECK(read_json(slice_from(texts[i])));
		CHECK_SLICE(take_json(&out), slice_from(texts[i]));
	}
	buffer_free(&out);
}

TEST(numbers) {
	static const struct {
		const char *text;
		bool whole;
		double value;
	} rows[] = {
	    {"3", true, 3},
	    {"-0", true, 0},
	    {"3.0", false, 3},
	    {"3e0", false, 3},
	    {"9223372036854775808", false, 9223372036854775808.0},
	    {"-9223372036854775808", false, -9223372036854775808.0},
	    {"12345678901234567890123", false, 12345678901234567890123.0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CHECK(read_json(slice_from(rows[i].text)));
		CHECK_INT(lua_isinteger(lua, -1), rows[i].whole);
		CHECK_NEAR(lua_tonumber(lua, -1), rows[i].value, 0);
		lua_pop(lua, 1);
	}
}

TEST(invalid_json_leaves_the_stack_as_it_was) {
	static const char *const texts[] = {
	    "",  " ",       "{",     "[1",        "[1,]", "{\"a\":}",         "{\"a\" 1}", "{1:2}", "1 1",
	    "]", "\"\\x\"", "[\"\\", "\"\\u12\"", "tru",  "[null,\"a\\nb\",", "\"a\nb\"",  "+1",    "01",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		int top = lua_gettop(lua);
		CHECK(!read_json(slice_from(texts[i])));
		CHECK_INT(lua_gettop(lua), top);
		lua_settop(lua, top);
	}
}

TEST(only_the_outermost_object_skips_a_member) {
	struct buffer out;
	buffer_init(&out, OUT_BYTES);
	CHECK(read_json(SLICE("{\"model\":\"x\"}")));
	value_write_json(lua, -1, "model", &out);
	CHECK_SLICE(buffer_slice(&out), SLICE("{}"));
	lua_pop(lua, 1);
	buffer_clear(&out);
	CHECK(read_json(SLICE("{\"a\":{\"model\":\"x\"}}")));
	value_write_json(lua, -1, "model", &out);
	CHECK_SLICE(buffer_slice(&out), SLICE("{\"a\":{\"model\":\"x\"}}"));
	lua_pop(lua, 1);
	buffer_free(&out);
}

TEST(nulls_may_be_dropped) {
	CHECK(value_push_json(lua, SLICE("{\"a\":null,\"b\":[null],\"c\":1}"), VALUE_DROP_NULLS));
	CHECK_INT(lua_getfield(lua, -1, "a"), LUA_TNIL);
	CHECK_INT(lua_getfield(lua, -2, "b"), LUA_TTABLE);
	CHECK_INT(lua_rawlen(lua, -1), 1);
	CHECK_INT(lua_getfield(lua, -3, "c"), LUA_TNUMBER);
	lua_pop(lua, 4);
}

TEST(json_beyond_the_buffers_limit_fails) {
	struct buffer out;
	buffer_init(&out, 8);
	CHECK(read_json(SLICE("[1,2,3,4,5,6,7,8]")));
	value_write_json(lua, -1, NULL, &out);
	CHECK(out.failed);
	lua_pop(lua, 1);
	buffer_free(&out);
}

TEST(any_bytes) {
	static const char sample[] =
	    "{\"output\":{\"message\":{\"content\":[{\"text\":\"a\\u00e9\\n\"},{\"toolUse\":{\"input\":"
	    "{}}}],\"role\":\"assistant\"}},\"usage\":{\"inputTokens\":3,\"x\":-1.5e3,\"y\":null}}";
	struct random_source random;
	struct buffer out, again;
	random_init(&random, 7);
	buffer_init(&out, OUT_BYTES);
	buffer_init(&again, OUT_BYTES);
	size_t good = 0;
	for (int round = 0; round < ROUNDS; round++) {
		char text[TEXT_BYTES];
		size_t length = 1 + (size_t)random_below(&random, sizeof sample - 1);
		memcpy(text, sample, sizeof sample);
		if (round % 2)
			length = sizeof sample - 1;
		for (uint64_t i = random_below(&random, 3); i > 0; i--)
			text[random_below(&random, length)] = (char)random_next(&random);
		if (!read_json(slice_of(text, length)))
			continue;
		good++;
		// The written text can be read again; written once more, only the order of its members differs.
		struct slice first = take_json(&out);
		CHECK(read_json(first));
		CHECK_INT(take_json(&again).len, first.len);
	}
	CHECK(good > ROUNDS / 10);
	buffer_free(&out);
	buffer_free(&again);
}

int main(void) {
	lua = luaL_newstate();
	RUN(round_trips);
	RUN(numbers);
	RUN(invalid_json_leaves_the_stack_as_it_was);
	RUN(only_the_outermost_object_skips_a_member);
	RUN(nulls_may_be_dropped);
	RUN(json_beyond_the_buffers_limit_fails);
	RUN(any_bytes);
	lua_close(lua);
	return check_summary();
}

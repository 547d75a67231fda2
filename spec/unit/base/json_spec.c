// SPDX-License-Identifier: Apache-2.0
#include "../check.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"

// Writes each token as a letter, followed by its text in parentheses.
static void trace(struct slice text, struct buffer *out) {
	static const char letters[] = ".!?{}[]ksn+-0";
	// An exact copy on the heap, so that a sanitizer sees any read past the end.
	char *copy = malloc(text.len + 1);
	memcpy(copy, text.ptr, text.len);
	copy = realloc(copy, text.len ? text.len : 1);
	struct json_reader reader;
	struct json_token token;
	json_reader_init(&reader, slice_of(copy, text.len));
	do {
		token = json_next(&reader);
		buffer_append_byte(out, letters[token.kind]);
		if (token.kind == JSON_KEY || token.kind == JSON_STRING || token.kind == JSON_NUMBER)
			buffer_printf(out, "(%.*s)", SLICE_ARGS(token.text));
	} while (token.kind != JSON_END && token.kind != JSON_BROKEN);
	free(copy);
}

TEST(tokens) {
	static const struct {
		const char *text, *tokens;
	} cases[] = {
	    {"{}", "{}."},
	    {" [ ] ", "[]."},
	    {"null", "0."},
	    {"[true,false,null]", "[+-0]."},
	    {"{\"a\":1,\"b\":[\"x\",{}]}", "{k(a)n(1)k(b)[s(x){}]}."},
	    {"\"a\\\"b\\\\\"", "s(a\\\"b\\\\)."},
	    {"\"\\u00e9\\n\"", "s(\\u00e9\\n)."},
	    {"-0.5e+10", "n(-0.5e+10)."},
	    {"0", "n(0)."},
	    {"{\"a\" : [1 , 2]\t}\r\n", "{k(a)[n(1)n(2)]}."},
	    {"", "!"},
	    {"  ", "!"},
	    {"{", "{!"},
	    {"[1", "[n(1)!"},
	    {"[1,]", "[n(1)!"},
	    {"[,1]", "[!"},
	    {"{\"a\"}", "{!"},
	    {"{\"a\":}", "{k(a)!"},
	    {"{\"a\":1,}", "{k(a)n(1)!"},
	    {"{a:1}", "{!"},
	    {"{1:1}", "{!"},
	    {"[}", "[!"},
	    {"{]", "{!"},
	    {"[1}", "[n(1)!"},
	    {"1 2", "n(1)!"},
	    {"01", "!"},
	    {"1.", "!"},
	    {".5", "!"},
	    {"+1", "!"},
	    {"-", "!"},
	    {"1e", "!"},
	    {"tru", "!"},
	    {"truex", "+!"},
	    {"NaN", "!"},
	    {"\"abc", "!"},
	    {"\"a\\", "!"},
	    {"\"\\x\"", "!"},
	    {"\"\\u12g4\"", "!"},
	    {"\"\\u12", "!"},
	    {"\"a\nb\"", "!"},
	    {"'a'", "!"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer found;
		buffer_init(&found, 4096);
		trace(slice_from(cases[i].text), &found);
		CHECK_SLICE(buffer_slice(&found), slice_from(cases[i].tokens));
		buffer_free(&found);
	}
}

TEST(depth_is_bounded) {
	for (int depth = 1; depth < 100; depth++) {
		char text[256];
		struct document document;
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		int status = json_read_document(slice_of(text, (size_t)depth * 2), &document);
		CHECK_INT(status, depth <= JSON_DEPTH_MAX ? 0 : ERROR_INVALID);
		document_free(&document);
	}
}

TEST(escapes) {
	static const struct {
		const char *text, *plain;
	} cases[] = {
	    {"plain", "plain"},
	    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
	    {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"},
	    {"\\ud83d\\ude00!", "\xf0\x9f\x98\x80!"},
	    {"\\ud83d", "\xef\xbf\xbd"},
	    {"\\ud83d\\n", "\xef\xbf\xbd\n"},
	    {"\\ud83d\\u0041", "\xef\xbf\xbd"
	                       "A"},
	    {"\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer out;
		buffer_init(&out, 64);
		CHECK_INT(json_unescape(slice_from(cases[i].text), &out), 0);
		CHECK_SLICE(buffer_slice(&out), slice_from(cases[i].plain));
		buffer_free(&out);
	}
}

// Strings are read 16 bytes at a time: a special byte may be at any offset in a block.
TEST(strings_of_every_length) {
	static const struct {
		const char *special, *rest; // the bytes after the plain text, and their part of the string
		enum json_kind kind;
	} cases[] = {
	    {"\"", "", JSON_STRING},
	    {"\\\"\"", "\\\"", JSON_STRING},
	    {"\xc3\xa9\"", "\xc3\xa9", JSON_STRING},
	    {"\x1f\"", "", JSON_BROKEN},
	    {"\n\"", "", JSON_BROKEN},
	    {"\\x\"", "", JSON_BROKEN},
	    {"\x7f\"", "\x7f", JSON_STRING},
	    {"\\u00e9\"", "\\u00e9", JSON_STRING},
	    {"", "", JSON_BROKEN},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int length = 0; length < 40; length++) {
			char text[64], plain[64];
			struct json_reader reader;
			snprintf(text, sizeof text, "\"%.*s%s", length, "A text of more than forty plain characters",
			         cases[i].special);
			snprintf(plain, sizeof plain, "%.*s%s", length, text + 1, cases[i].rest);
			char *exact =
			    memcpy(malloc(strlen(text)), text, strlen(text)); // so that a sanitizer sees a read past the end
			json_reader_init(&reader, slice_of(exact, strlen(text)));
			struct json_token token = json_next(&reader);
			CHECK_INT(token.kind, cases[i].kind);
			if (token.kind == JSON_STRING)
				CHECK_SLICE(token.text, slice_from(plain));
			free(exact);
		}
}

TEST(whole_values) {
	static const struct {
		const char *text, *raw; // NULL: no value
	} cases[] = {
	    {" {\"a\": [1, {}]} ", "{\"a\": [1, {}]}"},
	    {"[ ]", "[ ]"},
	    {"\"a\\\"b\"", "\"a\\\"b\""},
	    {"-1.5e3", "-1.5e3"},
	    {"null", "null"},
	    {"", NULL},
	    {"[1", NULL},
	    {"[1}", NULL},
	    {"}", NULL},
	    {",1", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_reader reader;
		struct slice raw;
		json_reader_init(&reader, slice_from(cases[i].text));
		bool found = json_take_value(&reader, &raw);
		CHECK_INT(found, cases[i].raw != NULL);
		if (found && cases[i].raw)
			CHECK_SLICE(raw, slice_from(cases[i].raw));
	}
}

TEST(whole_values_within_containers) {
	struct json_reader reader;
	struct slice raw;
	json_reader_init(&reader, SLICE("{\"a\" : [ 1 , [2], \"x\" ] , \"b\":true}"));
	CHECK_INT(json_next(&reader).kind, JSON_OBJECT);
	CHECK(!json_take_value(&reader, &raw));
	CHECK_INT(json_next(&reader).kind, JSON_KEY);
	CHECK_INT(json_next(&reader).kind, JSON_ARRAY);
	static const char *const items[] = {"1", "[2]", "\"x\""};
	for (size_t i = 0; i < 3; i++) {
		CHECK(json_take_value(&reader, &raw));
		CHECK_SLICE(raw, slice_from(items[i]));
	}
	CHECK(!json_take_value(&reader, &raw));
	CHECK_INT(json_next(&reader).kind, JSON_ARRAY_END);
	CHECK_INT(json_next(&reader).kind, JSON_KEY);
	CHECK(json_take_value(&reader, &raw));
	CHECK_SLICE(raw, SLICE("true"));
	CHECK(!json_take_value(&reader, &raw));
	CHECK_INT(json_next(&reader).kind, JSON_OBJECT_END);
	CHECK(!json_take_value(&reader, &raw));
	CHECK_INT(json_next(&reader).kind, JSON_END);
	json_reader_init(&reader, SLICE("[]"));
	json_next(&reader);
	CHECK(!json_take_value(&reader, &raw));
	CHECK_INT(json_next(&reader).kind, JSON_ARRAY_END);
}

TEST(documents) {
	struct document document;
	CHECK_INT(json_read_document(SLICE("{\"a\\n\":[1,\"x\",null,true],\"b\":{\"c\":-2.5}}"), &document), 0);
	const struct document *list = document_get(&document, "a\n");
	CHECK(list && list->kind == DOCUMENT_TABLE && list->item_count == 4);
	CHECK_NEAR(list->items[0].number, 1, 0);
	CHECK_SLICE(list->items[1].string, SLICE("x"));
	CHECK_INT(list->items[2].kind, DOCUMENT_NIL);
	CHECK(list->items[3].boolean);
	CHECK_NEAR(document_get(document_get(&document, "b"), "c")->number, -2.5, 0);
	document_free(&document);
	static const char *const bad[] = {"", "{", "[1] 2", "1e999", "[1,[2,[3]", "{\"a\":1e999}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_INT(json_read_document(slice_from(bad[i]), &document), ERROR_INVALID);
		CHECK_INT(document.kind, DOCUMENT_NIL);
	}
}

int main(void) {
	RUN(tokens);
	RUN(depth_is_bounded);
	RUN(escapes);
	RUN(strings_of_every_length);
	RUN(whole_values);
	RUN(whole_values_within_containers);
	RUN(documents);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// The line of each value of a table file, found in its text: right or absent.
#include "fixture.h"
#include "sandbox/table_file.h"

// Appends "key=line" for each value that has a line, depth first, items before entries.
static void print_lines(const struct document *value, const char *name, struct buffer *out) {
	char inner[64];
	if (value->line)
		buffer_printf(out, "%s%s=%d", out->len ? " " : "", name, value->line);
	for (size_t i = 0; i < value->item_count; i++) {
		snprintf(inner, sizeof inner, "%s[%zu]", name, i + 1);
		print_lines(&value->items[i], inner, out);
	}
	// In alphabetical order; the tree has no order.
	for (char first = 'a'; first <= 'z'; first++)
		for (size_t i = 0; i < value->entry_count; i++) {
			if (*value->entries[i].key.ptr != first)
				continue;
			snprintf(inner, sizeof inner, "%s%s%s", name, *name ? "." : "", value->entries[i].key.ptr);
			print_lines(&value->entries[i].value, inner, out);
		}
}

struct row {
	const char *text, *lines;
};

static void check_rows(const struct row *rows, size_t count) {
	for (size_t i = 0; i < count; i++) {
		struct fixture fixture;
		struct document document;
		struct buffer out;
		fixture_init(&fixture);
		buffer_init(&out, 4096);
		fixture_write(&fixture, "main.lua", rows[i].text);
		CHECK_INT(table_file_read(fixture.path, false, &fixture.problems, &document), 0);
		print_lines(&document, "", &out);
		CHECK_SLICE(buffer_slice(&out), slice_from(rows[i].lines));
		buffer_free(&out);
		document_free(&document);
		fixture_free(&fixture);
	}
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

TEST(a_literal_value_has_its_line) {
	static const struct row rows[] = {
	    {"return { a = 1 }", "a=1"},
	    {"return {\na = 1,\nb = 'x'; c = true }", "a=2 b=3 c=3"},
	    {"return {\n['a'] = 1,\n[\"b\"] =\n2 }", "a=2 b=3"},
	    {"return {\n'x',\n\n'y'\n}", "[1]=2 [2]=4"},
	    {"return {\na = {\n{ b = 1 },\n{\nc = 2,\n},\n} }", "a=2 a[1]=3 a[1].b=3 a[2]=4 a[2].c=5"},
	    {"local x = 1\nif x then x = 2 end\nfor i = 1, 2 do while false do end end\nrepeat x = 3 until x\n"
	     "local function f() if x then return 4 end return { y = 5 } end\nreturn { a = f(),\nb = 1 }",
	     "a=6 b=7"},
	    {"return { a = 1,\r\nb = 2,\r\nc = 3,\nd = 4 }", "a=1 b=2 c=3 d=4"},
	    {"return { a = function()\nlocal t = { 1, 2 } if t[1] then return { 'x', z = 1 } end\nend,\nb = 1 }",
	     "a=1 b=4"},
	    {"return { a = ('}'):rep(2), b = (1 + 2) * 3,\nc = #{ 1, 2 } == 2, d = 1 <= 2 }", "a=1 b=1 c=2 d=2"},
	    {"\xef\xbb\xbf\nreturn { a = 1 };", "a=2"},
	};
	CHECK_ROWS(rows);
}

TEST(strings_numbers_and_comments_are_skipped) {
	static const struct row rows[] = {
	    {"-- return { x = 1 }\n--[[ return {\n]] --[==[ ]]\n]==]\nreturn { a = 1 }", "a=5"},
	    {"local s = 'return { \\' } -- '\nlocal t = \"\\\n\" .. '\\z\n  '\nreturn { a = 1 }", "a=5"},
	    {"local s = [[\n]=]\n]] local t = [=[ ]] ]=]\nreturn { a = 1 }", "a=4"},
	    {"return { a = 1e-5, b = 0x1p-2, c = .5, d = 3., e = 0xe-1,\nf = 1//2, g = 'a' .. 'b' }",
	     "a=1 b=1 c=1 d=1 e=1 f=2 g=2"},
	    {"return { a = 'x\\\ny',\nb = [[\n\n]],\nc = 1 }", "a=1 b=3 c=6"},
	    {"goto done\n::done::\nreturn { a = 1 }", "a=3"},
	};
	CHECK_ROWS(rows);
}

TEST(a_value_from_elsewhere_has_no_line) {
	static const struct row rows[] = {
	    {"local t = { { b = 1 } }\nreturn { a = t }", "a=2"},
	    {"local t = { a = 1 }\nreturn t", ""},
	    {"return (function() return { a = 1 } end)()", ""},
	    {"if true then\nreturn { a = 1 }\nend\nreturn { a = 2 }", ""},
	    {"return { a = { 'x', table.unpack({ 'y', 'z' }) } }", "a=1"},
	    {"return { a = { 'x', nil } }", "a=1"},
	    {"return { a = { b = 1, ['c' .. ''] = 2 } }", "a=1"},
	    {"return { a = { [1] = 'x', [2] = 'y' } }", "a=1"},
	    {"return { a = false and { b = 1 } or { b = 2 } }", "a=1"},
	    {"return { a = { b = 1 } and { b = 2 } }", "a=1"},
	    {"return { a = 1,\na = { b = 2 } }", "a=2 a.b=2"},
	    {"return { a = { b = 2 },\na = setmetatable({ b = 3 }, nil) }", "a=2"},
	    {"return { a = 1 } and { a = 2 }", ""},
	};
	CHECK_ROWS(rows);
}

int main(void) {
	RUN(a_literal_value_has_its_line);
	RUN(strings_numbers_and_comments_are_skipped);
	RUN(a_value_from_elsewhere_has_no_line);
	return check_summary();
}

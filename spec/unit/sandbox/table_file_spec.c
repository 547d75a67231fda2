// SPDX-License-Identifier: Apache-2.0
// Lua table files (settings, scenarios) as plain trees.
#include "fixture.h"
#include "sandbox/table_file.h"

#include <sys/stat.h>

static int read_text(struct fixture *fixture, const char *text, struct document *document) {
	fixture_write(fixture, "main.lua", text);
	return table_file_read(fixture->path, false, &fixture->problems, document);
}

TEST(values_of_every_kind) {
	struct fixture fixture;
	struct document document;
	fixture_init(&fixture);
	CHECK_INT(
	    read_text(&fixture,
	              "return { yes = true, no = false, whole = 7, part = 2.5, text = 'a\\0b', list = { 1, { 'x' } },\n"
	              "hook = function() end, none = nil, empty = {}, ['odd key'] = -1, big = 2^53, same = ('x'):rep(3) }",
	              &document),
	    0);
	CHECK_STRING(fixture_problems(&fixture), "");
	CHECK_INT(document.kind, DOCUMENT_TABLE);
	CHECK_INT(document.entry_count, 11);
	CHECK(document_get(&document, "yes")->boolean);
	CHECK_INT(document_get(&document, "no")->kind, DOCUMENT_BOOLEAN);
	CHECK_NEAR(document_get(&document, "whole")->number, 7, 0);
	CHECK_NEAR(document_get(&document, "part")->number, 2.5, 0);
	CHECK_NEAR(document_get(&document, "big")->number, 9007199254740992.0, 0);
	CHECK_SLICE(document_get(&document, "text")->string, SLICE("a\0b"));
	CHECK_STRING(document_get(&document, "same")->string.ptr, "xxx");
	CHECK_INT(document_get(&document, "hook")->kind, DOCUMENT_FUNCTION);
	CHECK_INT(document_get(&document, "empty")->kind, DOCUMENT_TABLE);
	CHECK_NEAR(document_get(&document, "odd key")->number, -1, 0);
	CHECK(!document_get(&document, "none"));
	const struct document *list = document_get(&document, "list");
	CHECK_INT(list->item_count, 2);
	CHECK_STRING(list->items[1].items[0].string.ptr, "x");
	document_free(&document);
	fixture_free(&fixture);
}

TEST(values_that_make_no_plain_tree) {
	static const struct {
		const char *text, *problem;
	} rows[] = {
	    {"return nil", "expected a file that returns a table, found one that returns nothing"},
	    {"return { a = 0 / 0 }", "a: expected a finite number, found not a number"},
	    {"return { a = { 1, 2, b = 3 } }", "a: expected either names or positions, found a table with both"},
	    {"return { a = { [1.5] = 1 } }", "a: expected names, or positions from 1 without gaps"},
	    {"return { a = json.null }", "a: expected a plain value, found userdata"},
	    {"local t = {} for i = 1, 1000 do t[i] = i end local u = {} for i = 1, 1000 do u[i] = t end return u",
	     "expected at most 200000 values in a file, found more"},
	    {"local t = {} for i = 1, 300000 do t['k' .. i] = i end return t",
	     "expected at most 200000 values in a file, found more"},
	    {"local t = {} t.a = { b = t } return t", "a.b: expected plain values, found a table that contains itself"},
	    {"return setmetatable({}, { __index = function() error('ran') end, __pairs = error, __len = error }).x",
	     "main.lua:1: expected a file that runs, found ran"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct document document;
		fixture_init(&fixture);
		CHECK(read_text(&fixture, rows[i].text, &document) != 0);
		CHECK_INT(document.kind, DOCUMENT_NIL);
		CHECK_INT(fixture.problems.count, 1);
		CHECK_MENTIONS(fixture_problems(&fixture), rows[i].problem);
		fixture_free(&fixture);
	}
}

TEST(problems_of_secret_files_quote_nothing) {
	static const struct {
		const char *text, *problem;
	} rows[] = {
	    {"return {\ncredentials = { bearer_token = SECRET/x=1 } }",
	     ":2: expected a file that runs, found '}' expected"},
	    {"return { a = 'SECRET\n}", ":1: expected a file that runs, found unfinished string"},
	    {"return { a = 3SECRET }", ":1: expected a file that runs, found malformed number"},
	    {"return { a = '\\SECRET' }", ":1: expected a file that runs, found invalid escape sequence"},
	    {"return { a == 'SECRET' } }", ":1: expected a file that runs, found <eof> expected"},
	    {"local SECRET return {\na = SECRET + 1 }",
	     ":2: expected a file that runs, found attempt to perform arithmetic on a nil value"},
	    {"local SECRET return SECRET.x", ":1: expected a file that runs, found attempt to index a nil value"},
	    {"return ('x').SECRET.y", ":1: expected a file that runs, found attempt to index a nil value"},
	    {"error('SECRET')", ":1: expected a file that runs, found an error that the file raised"},
	    {"error('attempt to SECRET')", ":1: expected a file that runs, found an error that the file raised"},
	    {"error('attempt to call a nil value SECRET')",
	     ":1: expected a file that runs, found attempt to call a nil value"},
	    {"error({ 'SECRET' })", "expected a file that runs, found an error that the file raised"},
	    {"tostring(('x'):rep(-1, 'SECRET', 1)).SECRET()", ":1: expected a file that runs, found attempt to call a nil"},
	    {"return string.format('%d', 'SECRET')", ":1: expected a file that runs, found an error that the file raised"},
	    {"goto SECRET", ":1: expected a file that runs, found a mistake in its syntax"},
	    {"local SECRET <const> = 1; SECRET = 2", ":1: expected a file that runs, found a mistake in its syntax"},
	    {"local a <SECRET> = 1", ":1: expected a file that runs, found a mistake in its syntax"},
	    {"require 'SECRET'", "expected a file that runs, found an error that the file raised"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct document document;
		fixture_init(&fixture);
		fixture_write(&fixture, "main.lua", rows[i].text);
		CHECK(table_file_read(fixture.path, true, &fixture.problems, &document) != 0);
		const char *found = fixture_problems(&fixture);
		CHECK_MENTIONS(found, rows[i].problem);
		CHECK(strstr(found, "SECRET") == NULL);
		fixture_free(&fixture);
	}
}

TEST(metamethods_do_not_run) {
	struct fixture fixture;
	struct document document;
	fixture_init(&fixture);
	CHECK_INT(read_text(&fixture, "return setmetatable({ a = 1 }, { __index = error, __pairs = error, __len = error })",
	                    &document),
	          0);
	CHECK_INT(document.entry_count, 1);
	document_free(&document);
	fixture_free(&fixture);
}

TEST(a_file_may_require_modules_of_its_folder) {
	struct fixture fixture;
	struct document document;
	fixture_init(&fixture);
	char folder[96];
	snprintf(folder, sizeof folder, "%s/parts", fixture.folder);
	CHECK_INT(mkdir(folder, 0700), 0);
	fixture_write(&fixture, "parts/limits.lua", "return { low = 1 }");
	CHECK_INT(read_text(&fixture, "return { limits = require 'parts.limits' }", &document), 0);
	CHECK_NEAR(document_get(document_get(&document, "limits"), "low")->number, 1, 0);
	document_free(&document);
	fixture_free(&fixture);
}

TEST(equal_trees) {
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
	    {"{}", "{}", true},
	    {"{ a = 1, b = { 'x', true } }", "{ b = { 'x', true }, a = 1 }", true},
	    {"{ a = function() end }", "{ a = function() return 1 end }", true},
	    {"{ a = 1 }", "{ a = 2 }", false},
	    {"{ a = 1 }", "{ b = 1 }", false},
	    {"{ a = 1 }", "{ a = '1' }", false},
	    {"{ 1, 2 }", "{ 1 }", false},
	    {"{ true }", "{ false }", false},
	    {"{ 'x' }", "{ 'y' }", false},
	    {"{ { 'x' } }", "{ { 'y' } }", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		struct document a, b;
		char text[128];
		fixture_init(&fixture);
		snprintf(text, sizeof text, "return %s", rows[i].a);
		CHECK_INT(read_text(&fixture, text, &a), 0);
		snprintf(text, sizeof text, "return %s", rows[i].b);
		CHECK_INT(read_text(&fixture, text, &b), 0);
		CHECK_INT(document_equal(&a, &b), rows[i].equal);
		document_free(&a);
		document_free(&b);
		fixture_free(&fixture);
	}
}

int main(void) {
	RUN(values_of_every_kind);
	if (!IS_THREAD_SANITIZED) // time would end the largest files first
		RUN(values_that_make_no_plain_tree);
	RUN(problems_of_secret_files_quote_nothing);
	RUN(metamethods_do_not_run);
	RUN(a_file_may_require_modules_of_its_folder);
	RUN(equal_trees);
	return check_summary();
}

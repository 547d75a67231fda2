// SPDX-License-Identifier: Apache-2.0
// Policy files and modules that can't be read or don't run: file, line, expected, found.
#include "fixture.h"

#include <sys/stat.h>

#define MARK "\xef\xbb\xbf"

TEST(a_file_that_does_not_run_is_one_problem) {
	static const struct refused_policy rows[] = {
	    {"return {\nmodels = = }", ":2: expected a file that runs, found unexpected symbol near '='"},
	    {"local x = 1\nerror('no pool today')", ":2: expected a file that runs, found no pool today"},
	    {"\n\nlocal x = nothing.y", ":3: expected a file that runs, found unknown global 'nothing'"},
	    {"while true do end",
	     ":1: expected a file that is done within 10000000 instructions, found the instruction budget is used up"},
	    {"while true do pcall(function() while true do end end) end",
	     ":1: expected a file that is done within 10000000 instructions, found the instruction budget is used up"},
	    {"local t = {}\nwhile true do t[#t + 1] = { 1, 2, 3 } end",
	     ":2: expected a file that runs within the memory limit, found the memory budget is used up"},
	    {"", ": expected a file that returns a table, found one that returns nothing"},
	    {"return 5", ": expected a file that returns a table, found number"},
	    {"return function() end", ": expected a file that returns a table, found function"},
	    {"error({})", ":1: expected a file that runs, found the error value is a table"},
	    {"\x1bLua", ": expected a file that runs, found attempt to load a binary chunk (mode is 't')"},
	    {"local t = {} t.models = t return t", ": models: expected plain values, found a table that contains itself"},
	    {"local t = { { id = 'm' } } for i = 1, 20 do t = { t } end return { models = t }",
	     ": models[1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1]: expected tables nested at most 16 deep, found a "
	     "deeper one"},
	    {"local tags = {} tags.tags = tags return { models = { { id = 'm', tags = tags } } }",
	     ": models: expected tags that are nested at most 16 deep, found tables nested deeper than 16"},
	    {"require 'missing'",
	     ":1: expected a file that runs, found module 'missing' cannot be read: No such file or directory"},
	    {"require 'signalbox.missing'",
	     ":1: expected a file that runs, found module 'signalbox.missing' cannot be read: not found"},
	    {"require '/policy'", ":1: expected a file that runs, found a module's name consists of letters, digits, "
	                          "underscores and single dots"},
	    {"require '.policy'", ":1: expected a file that runs, found a module's name consists of letters, digits, "
	                          "underscores and single dots"},
	    {"require 'policy\\0x'", ":1: expected a file that runs, found a module's name consists of letters, digits, "
	                             "underscores and single dots"},
	    {"require 'policy'", ":1: expected a file that runs, found module 'policy' requires itself"},
	};
	CHECK_REFUSED(rows);
}

TEST(unreadable_files) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture, NULL);
	CHECK_INT(fixture.rc, ERROR_NOT_FOUND);
	CHECK_MENTIONS(fixture_problems(&fixture), "policy.lua: cannot be read: No such file or directory\n");
	problems_free(&fixture.problems);
	CHECK_INT(symlink("policy.lua", fixture.path), 0);
	fixture_load(&fixture, NULL);
	CHECK_INT(fixture.rc, ERROR_IO);
	CHECK_MENTIONS(fixture_problems(&fixture), "policy.lua: cannot be read: Too many levels of symbolic links\n");
	problems_free(&fixture.problems);
	CHECK_INT(unlink(fixture.path), 0);
	CHECK_INT(mkfifo(fixture.path, 0600), 0);
	fixture_load(&fixture, NULL);
	CHECK_INT(fixture.rc, ERROR_INVALID);
	CHECK_MENTIONS(fixture_problems(&fixture), "policy.lua: expected a regular file, found something else\n");
	problems_free(&fixture.problems);
	CHECK_INT(unlink(fixture.path), 0);
	CHECK_INT(mkdir(fixture.path, 0700), 0);
	fixture_load(&fixture, NULL);
	CHECK_INT(fixture.rc, ERROR_IO);
	CHECK_MENTIONS(fixture_problems(&fixture), "policy.lua: cannot be read: Is a directory\n");
	problems_free(&fixture.problems);
	CHECK_INT(rmdir(fixture.path), 0);
	if (geteuid() != 0) { // root may read every file
		fixture_write(&fixture, "policy.lua", "return {}");
		CHECK_INT(chmod(fixture.path, 0), 0);
		fixture_load(&fixture, NULL);
		CHECK_MENTIONS(fixture_problems(&fixture), "policy.lua: cannot be read: Permission denied\n");
	}
	fixture_free(&fixture);
}

TEST(a_byte_order_mark_is_skipped) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_write(&fixture, "pool.lua", MARK "return { { id = 'm' } }");
	fixture_load(&fixture, MARK "return { models = require 'pool' }");
	CHECK_INT(fixture.rc, 0);
	CHECK_STRING(fixture_problems(&fixture), "");
	fixture_free(&fixture);
}

TEST(files_in_other_languages_are_recognized) {
	static const struct refused_policy rows[] = {
	    {"{ \"models\": [] }", ": expected a Lua file with `return { ... }`, found JSON"},
	    {MARK "\n\n{}\n", ": expected a Lua file with `return { ... }`, found JSON"},
	    {"// settings\n{\n\t\"policy\": \"a.lua\"\n}", ": expected a Lua file with `return { ... }`, found JSON"},
	    {"models:\n  - id: m\n", ": expected a Lua file with `return { ... }`, found YAML"},
	    {"---\n# the pool\nmodels:\n", ": expected a Lua file with `return { ... }`, found YAML"},
	    {"- id: m\n", ": expected a Lua file with `return { ... }`, found YAML"},
	    {"-- the pool\n{ models = {} }", ": expected a Lua file with `return { ... }`, found a table without `return`"},
	    {"-- the pool\nmodels = { { id = 'm' } }\n",
	     ": expected a Lua file with `return { ... }`, found an assignment without `return`"},
	    {"count = 0\nreturn { models = {} }",
	     ":1: expected a file that runs, found attempt to change a read-only table"},
	    {"local models = { { id: 'm' } }", ":1: expected a file that runs, found <name> expected near ''m''"},
	    {"--[[\nNote: a pool\n]]\nerror('no pool')", ":4: expected a file that runs, found no pool"},
	    {"pool:models()", ":1: expected a file that runs, found unknown global 'pool'"},
	};
	CHECK_REFUSED(rows);
}

TEST(a_module_that_is_no_lua_is_not_the_policy) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_write(&fixture, "pool.lua", "{ \"models\": [] }");
	fixture_load(&fixture, "return require 'pool'");
	CHECK_MENTIONS(fixture_problems(&fixture),
	               "pool.lua:1: expected a file that runs, found unexpected symbol near '{'");
	fixture_free(&fixture);
}

TEST(a_broken_module_is_named) {
	struct fixture fixture;
	char expected[512];
	fixture_init(&fixture);
	fixture_write(&fixture, "rules.lua", "local a = {}\nreturn a.b.c");
	fixture_load(&fixture, "local rules = require 'rules' return {}");
	snprintf(expected, sizeof expected,
	         "%s/rules.lua:2: expected a file that runs, found attempt to index a nil value "
	         "(field 'b')\n",
	         fixture.folder);
	CHECK_STRING(fixture_problems(&fixture), expected);
	problems_free(&fixture.problems);
	fixture_write(&fixture, "rules.lua", "local a = \n\nend");
	fixture_load(&fixture, NULL);
	CHECK_MENTIONS(fixture_problems(&fixture), "rules.lua:3: ");
	fixture_free(&fixture);
}

TEST(modules_are_read_once_for_all_workers_and_never_after_the_load) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_write(&fixture, "ids.lua", "return { 'a', 'b' }");
	fixture_load_limited(&fixture,
	                     "local ids = require 'ids'\n"
	                     "return { models = { { id = ids[1] }, { id = ids[2] } }, select = function(_, models)\n"
	                     "return require 'ids'[1] == 'a' and models[2] or require 'other' end }",
	                     3, 100000, 16 << 20);
	CHECK_STRING(fixture_problems(&fixture), "");
	CHECK_STRING(fixture_select(&fixture, NULL), "b");
	CHECK_INT(fixture.errors, 0);
	fixture_free(&fixture);
}

TEST(a_module_that_was_not_loaded_with_the_policy_is_not_read_later) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_write(&fixture, "late.lua", "return true");
	fixture_load(&fixture, "return { models = { { id = 'a' }, { id = 'b' } }, select = function(_, models)\n"
	                       "local ok, problem = pcall(require, 'late')\n"
	                       "assert(not ok and problem:find('was not loaded with the policy', 1, true), problem)\n"
	                       "return models[2] end }");
	CHECK_STRING(fixture_select(&fixture, NULL), "b");
	CHECK_STRING(fixture.detail, "");
	fixture_free(&fixture);
}

TEST(long_paths_are_reported_whole) {
	struct fixture fixture;
	char long_name[121] = "", expected[512];
	fixture_init(&fixture);
	memset(long_name, 'n', 100);
	snprintf(long_name + 100, sizeof long_name - 100, ".lua");
	fixture_write(&fixture, long_name, "return {\n x = = 1 }");
	snprintf(fixture.path, sizeof fixture.path, "%s/%s", fixture.folder, long_name);
	fixture_load(&fixture, NULL);
	snprintf(expected, sizeof expected, "%s:2: expected a file that runs, found unexpected symbol near '='\n",
	         fixture.path);
	CHECK_STRING(fixture_problems(&fixture), expected);
	problems_free(&fixture.problems);
	fixture_write(&fixture, long_name, "\n\nerror('no')");
	fixture_load(&fixture, NULL);
	snprintf(expected, sizeof expected, "%s:3: expected a file that runs, found no\n", fixture.path);
	CHECK_STRING(fixture_problems(&fixture), expected);
	fixture_free(&fixture);
}

int main(void) {
	RUN(a_file_that_does_not_run_is_one_problem);
	RUN(unreadable_files);
	RUN(a_byte_order_mark_is_skipped);
	RUN(files_in_other_languages_are_recognized);
	RUN(a_module_that_is_no_lua_is_not_the_policy);
	RUN(a_broken_module_is_named);
	RUN(modules_are_read_once_for_all_workers_and_never_after_the_load);
	RUN(a_module_that_was_not_loaded_with_the_policy_is_not_read_later);
	RUN(long_paths_are_reported_whole);
	return check_summary();
}

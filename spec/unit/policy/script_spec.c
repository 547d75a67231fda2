// SPDX-License-Identifier: Apache-2.0
// Texts that are loaded: what they do, the places of their errors, in each worker's VM; from text only.
#include <lauxlib.h>
#include <lualib.h>

#include "fixture.h"
#include "sandbox/call.h"
#include "sandbox/script.h"

// What the text returns as a string, or its error.
static int run(lua_State *lua) {
	const char *text = lua_touserdata(lua, 1);
	luaL_requiref(lua, "_G", luaopen_base, 1);
	script_load(lua, "a.lua", slice_from(text));
	lua_call(lua, 0, 1);
	luaL_error(lua, "%s", luaL_tolstring(lua, -1, NULL));
	return 0;
}

TEST(what_a_text_does) {
	static const struct {
		const char *text, *result;
		int line;
	} rows[] = {
	    {"local a = 40\nreturn a + 2", "42", 0},
	    {"local a\n\nreturn a.b", "attempt to index a nil value (local 'a')", 3},
	    {"return type(print)", "function", 0},
	    {"return (\n", "unexpected symbol near <eof>", 2},
	    {"\x1bLua", "attempt to load a binary chunk (mode is 't')", 0},
	    {"", "nil", 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct call_report report;
		struct vm *vm = vm_new(1 << 20);
		vm->is_loading = true;
		call_protected(vm, run, (void *)(uintptr_t)rows[i].text, 1000000, &report);
		CHECK_STRING(report.message, rows[i].result);
		CHECK_INT(report.line, rows[i].line);
		vm_close(vm);
	}
}

TEST(every_worker_tells_the_place_of_an_error) {
	enum { WORKERS = 3 };
	struct fixture fixture;
	struct policy *policy = NULL;
	struct policy_limits limits = {100000, 16 << 20};
	fixture_init(&fixture);
	fixture_write(&fixture, "m.lua", "return {\n  fail = function()\n    error('no')\n  end\n}");
	fixture_write(&fixture, "policy.lua",
	              "local m = require 'm'\nreturn { models = { { id = 'a' } }, select = function() m.fail() end }");
	policy_load(fixture.path, &limits, WORKERS, &fixture.host, &fixture.problems, &policy);
	CHECK_STRING(fixture_problems(&fixture), "");
	policy_set_observers(policy, fixture_observers(&fixture));
	for (size_t worker = 0; policy && worker < WORKERS; worker++) {
		const struct decide *decide = policy_decide(policy, worker);
		const struct model *list[] = {&policy_pool(policy)->models[0]};
		struct selection selection = {0};
		struct route_request *request;
		char expected[512];
		fixture.route = (struct route){.pool = policy_pool(policy), .decide = decide, .random = &fixture.random};
		route_request_new(&fixture.route, &fixture.facts, &fixture.arena, 0, &request);
		decide->select(decide->self, request, (struct candidates){.list = list, .count = 1}, &fixture.random,
		               &selection);
		snprintf(expected, sizeof expected, "select: error at %s/m.lua:3", fixture.folder);
		CHECK_STRING(fixture.detail, expected);
	}
	CHECK_INT(fixture.errors, WORKERS);
	policy_release(policy);
	fixture_free(&fixture);
}

int main(void) {
	RUN(what_a_text_does);
	RUN(every_worker_tells_the_place_of_an_error);
	return check_summary();
}

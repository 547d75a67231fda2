// SPDX-License-Identifier: Apache-2.0
// Compiled texts that are kept: the same function with the same places in its errors, from text only, each worker's VM
// of a version included.
#include <lauxlib.h>
#include <lualib.h>

#include "base/buffer.h"
#include "fixture.h"
#include "sandbox/code.h"
#include "sandbox/vm.h"

// What the text returns as a string, or its error; loaded in a VM of its own.
static void run(struct code *code, struct slice text, char *result, size_t size) {
	struct vm *vm = vm_new(1 << 20);
	lua_State *lua = vm->lua;
	vm_begin(vm, UINT64_C(1) << 32);
	luaL_openlibs(lua);
	if (code_load(lua, code, text, "@a.lua") == LUA_OK)
		lua_pcall(lua, 0, 1, 0);
	snprintf(result, size, "%s", luaL_tolstring(lua, -1, NULL));
	vm_close(vm);
}

TEST(kept_code_does_what_its_text_does) {
	static const struct {
		const char *text, *result;
		bool kept;
	} rows[] = {
	    {"local a = 40\nreturn a + 2", "42", true},
	    {"local a\n\nreturn a.b", "a.lua:3: attempt to index a nil value (local 'a')", true},
	    {"return type(print)", "function", true},
	    {"return (\n", "a.lua:2: unexpected symbol near <eof>", false},
	    {"\x1bLua", "attempt to load a binary chunk (mode is 't')", false},
	    {"", "nil", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct code code = {NULL};
		for (int time = 0; time < 3; time++) {
			char result[256];
			run(&code, slice_from(rows[i].text), result, sizeof result);
			CHECK_STRING(result, rows[i].result);
			CHECK_INT(code.made != NULL, rows[i].kept);
		}
		code_free(&code);
	}
}

TEST(without_a_place_nothing_is_kept) {
	char result[256];
	run(NULL, SLICE("return 1"), result, sizeof result);
	CHECK_STRING(result, "1");
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
	for (size_t worker = 0; policy && worker < WORKERS; worker++) {
		const struct decide *decide = policy_decide(policy, worker);
		const struct model *list[] = {&policy_pool(policy)->models[0]};
		struct selection selection = {0};
		struct route_request *request;
		char expected[512];
		policy_on_event(policy, worker, fixture_hear, &fixture);
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
	RUN(kept_code_does_what_its_text_does);
	RUN(without_a_place_nothing_is_kept);
	RUN(every_worker_tells_the_place_of_an_error);
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// The five endings of a call; after each the VM is ready for the next call.
#include "../check.h"

#include <lauxlib.h>

#include "sandbox/call.h"

enum { LIMIT_BYTES = 1 << 20 };

static int count_call(lua_State *lua) {
	*(int *)lua_touserdata(lua, 1) += 1;
	lua_pushinteger(lua, 5);
	return 1;
}

static int raise_text(lua_State *lua) {
	return luaL_error(lua, "broken");
}

static int raise_table(lua_State *lua) {
	lua_newtable(lua);
	return lua_error(lua);
}

// No function of that file is running.
static int raise_forged(lua_State *lua) {
	lua_pushliteral(lua, "a.lua:12: broken");
	return lua_error(lua);
}

static int raise_placed(lua_State *lua) {
	vm_of(lua)->is_loading = true;
	lua_pushliteral(lua, "a.lua:12: broken: 3:4: x");
	return lua_error(lua);
}

static int charge_too_much(lua_State *lua) {
	vm_charge(lua, 999);
	vm_charge(lua, 1);
	return 0;
}

static int charge_in_pcall(lua_State *lua) {
	lua_pushcfunction(lua, charge_too_much);
	lua_pcall(lua, 0, 0, 0);
	vm_charge(lua, 0);
	return 0;
}

static int fill_memory(lua_State *lua) {
	lua_newtable(lua);
	for (lua_Integer i = 1; i <= LIMIT_BYTES; i++) {
		lua_newtable(lua);
		lua_rawseti(lua, -2, i);
	}
	return 0;
}

static int return_bad_result(lua_State *lua) {
	return vm_bad_result(lua, "expected %s", "sense");
}

TEST(the_endings) {
	static const struct {
		lua_CFunction body;
		enum call_ending ending;
		const char *message, *file;
		int line;
	} rows[] = {
	    {raise_text, ENDING_ERROR, "broken", "", 0},
	    {raise_table, ENDING_ERROR, "the error value is a table", "", 0},
	    {raise_forged, ENDING_ERROR, "a.lua:12: broken", "", 0},
	    {raise_placed, ENDING_ERROR, "broken: 3:4: x", "a.lua", 12},
	    {charge_too_much, ENDING_OVER_BUDGET, "the instruction budget is used up", "", 0},
	    {charge_in_pcall, ENDING_OVER_BUDGET, "the instruction budget is used up", "", 0},
	    {fill_memory, ENDING_OVER_MEMORY, "the memory budget is used up", "", 0},
	    {return_bad_result, ENDING_BAD_RESULT, "expected sense", "", 0},
	};
	struct vm *vm = vm_new(LIMIT_BYTES);
	int calls = 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct call_report report;
		CHECK_INT(call_protected(vm, rows[i].body, NULL, 1000, &report), rows[i].ending);
		CHECK_INT(report.ending, rows[i].ending);
		CHECK_STRING(report.message, rows[i].message);
		CHECK_STRING(report.file, rows[i].file);
		CHECK_INT(report.line, rows[i].line);
		CHECK_INT(lua_gettop(vm->lua), 0);
		// The call's memory is freed at once.
		CHECK(vm->used_bytes < LIMIT_BYTES / 4);
		CHECK_INT(call_protected(vm, count_call, &calls, 1000, &report), ENDING_OK);
		CHECK_INT(lua_gettop(vm->lua), 0);
	}
	CHECK_INT(calls, sizeof rows / sizeof *rows);
	vm_close(vm);
}

TEST(endings_have_names) {
	CHECK_STRING(call_ending_name(ENDING_OK), "ok");
	CHECK_STRING(call_ending_name(ENDING_BAD_RESULT), "bad result");
}

TEST(a_state_needs_some_memory) {
	CHECK(vm_new(100) == NULL);
}

int main(void) {
	RUN(the_endings);
	RUN(endings_have_names);
	RUN(a_state_needs_some_memory);
	return check_summary();
}

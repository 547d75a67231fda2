// SPDX-License-Identifier: Apache-2.0
// Loading texts: their results, the places of their errors; bytecode is refused.
#include <lauxlib.h>
#include <lualib.h>

#include "../check.h"
#include "sandbox/call.h"
#include "sandbox/script.h"

// Raises what the text returns as a string, or its error.
static int run(lua_State *lua) {
	const char *text = lua_touserdata(lua, 1);
	luaL_requiref(lua, "_G", luaopen_base, 1);
	script_load(lua, "a.lua", slice_from(text));
	lua_call(lua, 0, 1);
	luaL_error(lua, "%s", luaL_tolstring(lua, -1, NULL));
	return 0;
}

TEST(a_text_is_compiled_and_run) {
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

int main(void) {
	RUN(a_text_is_compiled_and_run);
	return check_summary();
}

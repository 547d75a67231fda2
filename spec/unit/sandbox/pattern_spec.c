// SPDX-License-Identifier: Apache-2.0
// Our matcher compared with the one of Lua's library: the same results and the same errors for every pattern.
#include "../check.h"

#include <stdlib.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/random.h"
#include "sandbox/pattern.h"
#include "sandbox/vm.h"

// A state with both: `string` is Lua's, `ours` is under test.
static struct vm *open_both(void) {
	struct vm *vm = vm_new(64 << 20);
	vm_begin(vm, 1000000000);
	luaL_openlibs(vm->lua);
	lua_newtable(vm->lua);
	pattern_set_functions(vm->lua);
	lua_setglobal(vm->lua, "ours");
	return vm;
}

// Compares the results for one subject and pattern.
static void compare_matchers(struct vm *vm, const char *subject, const char *pattern) {
	static const char script[] =
	    "local s, p = ...\n"
	    "local function show(f, ...)\n"
	    "  local r = table.pack(pcall(f, ...))\n"
	    "  if not r[1] then return 'error' end\n"
	    "  for i = 1, r.n do r[i] = tostring(r[i]) end return table.concat(r, '|')\n"
	    "end\n"
	    "local function all(lib)\n"
	    "  local seen = {}\n"
	    "  seen[1] = show(lib.find, s, p)\n"
	    "  seen[2] = show(lib.find, s, p, 2)\n"
	    "  seen[3] = show(lib.find, s, p, -2)\n"
	    "  seen[4] = show(lib.find, s, p, 1, true)\n"
	    "  seen[5] = show(lib.match, s, p)\n"
	    "  seen[6] = show(lib.match, s, p, 3)\n"
	    "  seen[7] = show(lib.gsub, s, p, '<%0>')\n"
	    "  seen[8] = show(lib.gsub, s, p, '%1', 2)\n"
	    "  seen[9] = show(lib.gsub, s, p, { a = 'A', b = false })\n"
	    "  seen[10] = show(lib.gsub, s, p, function(...) return select('#', ...) end)\n"
	    "  seen[11] = show(function() local t = {} for a, b in lib.gmatch(s, p) do\n"
	    "    t[#t + 1] = tostring(a) .. tostring(b) end return table.concat(t, ',') end)\n"
	    "  seen[12] = show(lib.find, s, p, 100)\n"
	    "  return table.concat(seen, '\\n')\n"
	    "end\n"
	    "local theirs, mine = all(string), all(ours)\n"
	    "if theirs ~= mine then return ('%q %q\\n%s\\nours:\\n%s'):format(s, p, theirs, mine) end\n";
	vm_begin(vm, 1000000000);
	if (luaL_loadstring(vm->lua, script))
		abort();
	lua_pushstring(vm->lua, subject);
	lua_pushstring(vm->lua, pattern);
	if (lua_pcall(vm->lua, 2, 1, 0) != LUA_OK || !lua_isnil(vm->lua, -1))
		check_report(__FILE__, __LINE__, lua_tostring(vm->lua, -1));
	lua_pop(vm->lua, 1);
}

TEST(patterns_of_every_kind) {
	static const char *const subjects[] = {
	    "",      "a",     "aaa",        "abc", "hello world", "key = value", "f(a(b)c)d", "THE (quick) fox",
	    "  x  ", "a.b.c", "2026-11-23", "[x]", "%d",          "zebra",       "a-b",       "abab",
	    "\n\t "};
	static const char *const patterns[] = {
	    "",          "a",
	    "a*",        "a+",
	    "a-",        "a?",
	    "^a",        "a$",
	    "^$",        ".",
	    ".*",        ".-",
	    "(.)",       "(.)(.)",
	    "()",        "()a()",
	    "(a*)(b*)",  "%a+",
	    "%A+",       "%d+-%d+",
	    "%s*=%s*",   "%w",
	    "%W",        "%p",
	    "%x+",       "%c",
	    "%l+",       "%u+",
	    "%g+",       "[abc]",
	    "[^abc]",    "[a-c]+",
	    "[%a_]+",    "[]]",
	    "[^]]",      "[a-]",
	    "[%]]",      "%b()",
	    "%bxx",      "%f[%w]%w+",
	    "%f[%W]",    "(%w+)%s*=%s*(%w+)",
	    "(a)%1",     "(.)%1",
	    "%.",        "%%",
	    "%-",        "((a)(b))",
	    "(()a)",     "^(%s*)(.-)%s*$",
	    "[",         "[a",
	    "%",         "(",
	    ")",         "(a",
	    "%b",        "%bx",
	    "%f",        "%1",
	    "(a)%2",     "(%1)",
	    "[%",        "[a-%",
	    "a**",       "*a",
	    "^*",        "$a",
	    "a$b",       "%z",
	    "(a?)(b?)",  "a?b?c?",
	    "(a-)(b-)c", "[%w%.]+",
	    "x*()",      "().%1",
	    "[%z-]+",    "[+-%%]",
	    "%Z+",
	};
	struct vm *vm = open_both();
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
		for (size_t j = 0; j < sizeof patterns / sizeof *patterns; j++)
			compare_matchers(vm, subjects[i], patterns[j]);
	vm_close(vm);
}

TEST(patterns_at_random) {
	static const char pattern_bytes[] = "aab.%[]()^$*+-?b1fw";
	struct random_source random;
	struct vm *vm = open_both();
	random_init(&random, 11);
	for (int round = 0; round < 20000; round++) {
		char subject[10] = "", pattern[10] = "";
		size_t subject_bytes = random_below(&random, sizeof subject), pattern_bytes_count = random_below(&random, 9);
		for (size_t i = 0; i + 1 < subject_bytes; i++)
			subject[i] = "aab(]"[random_below(&random, 5)];
		for (size_t i = 0; i < pattern_bytes_count; i++)
			pattern[i] = pattern_bytes[random_below(&random, sizeof pattern_bytes - 1)];
		compare_matchers(vm, subject, pattern);
	}
	vm_close(vm);
}

// These tests make some hundred thousand long jumps.
int main(void) {
	if (!IS_THREAD_SANITIZED) {
		RUN(patterns_of_every_kind);
		RUN(patterns_at_random);
	}
	return check_summary();
}

// SPDX-License-Identifier: Apache-2.0
// Policies' patterns against Lua's own string library: both give the same results.
#include "fuzz.h"

#include <lauxlib.h>
#include <lualib.h>

#include "sandbox/call.h"
#include "sandbox/sandbox.h"
#include "sandbox/sources.h"

enum {
	PATTERN_BYTES = 24,
	SUBJECT_BYTES = 20,
	// Lua's own functions can't be interrupted.
	QUANTIFIERS_MAX = 3,
	MEMORY_BYTES = 64 << 20,
	INSTRUCTIONS = 10000000,
};

// The results of all functions, joined; "error" for those that raise one.
static const char script[] =
    "local find, match, gmatch, gsub, tostring = string.find, string.match, string.gmatch, string.gsub, tostring\n"
    "local function join(ok, ...)\n"
    "  if not ok then return 'error' end\n"
    "  local all = { ... }\n"
    "  for i = 1, select('#', ...) do all[i] = tostring(all[i]) end\n"
    "  return table.concat(all, '\\1')\n"
    "end\n"
    "local function each(subject, pattern)\n"
    "  local all = {}\n"
    "  for a, b in gmatch(subject, pattern) do all[#all + 1] = tostring(a) .. '\\2' .. tostring(b) end\n"
    "  return table.concat(all, '\\1')\n"
    "end\n"
    "return function(subject, pattern, start, replacement)\n"
    "  return table.concat({ join(pcall(find, subject, pattern, start)), join(pcall(match, subject, pattern, start)),\n"
    "    join(pcall(each, subject, pattern)), join(pcall(gsub, subject, pattern, replacement)),\n"
    "    join(pcall(gsub, subject, pattern, { a = 'b', [''] = false }, start)),\n"
    "    join(pcall(gsub, subject, pattern, function(a, b) return b or a end)),\n"
    "    join(pcall(find, subject, pattern, start, true)) }, '\\3')\n"
    "end\n";

struct comparison {
	struct slice subject, pattern, replacement;
	lua_Integer start;
	char found[65536];
	size_t found_bytes;
};

static int open_sandbox(lua_State *lua) {
	sandbox_open(lua, lua_touserdata(lua, 1), &(struct sandbox_additions){NULL, NULL});
	luaL_loadbufferx(lua, script, sizeof script - 1, "=script", "t");
	lua_call(lua, 0, 1);
	lua_setfield(lua, LUA_REGISTRYINDEX, "compare");
	return 0;
}

static int compare(lua_State *lua) {
	struct comparison *comparison = lua_touserdata(lua, 1);
	lua_getfield(lua, LUA_REGISTRYINDEX, "compare");
	lua_pushlstring(lua, comparison->subject.ptr, comparison->subject.len);
	lua_pushlstring(lua, comparison->pattern.ptr, comparison->pattern.len);
	lua_pushinteger(lua, comparison->start);
	lua_pushlstring(lua, comparison->replacement.ptr, comparison->replacement.len);
	lua_call(lua, 4, 1);
	size_t bytes;
	const char *found = lua_tolstring(lua, -1, &bytes);
	PROMISE(bytes <= sizeof comparison->found);
	memcpy(comparison->found, found, bytes);
	comparison->found_bytes = bytes;
	return 0;
}

static size_t count_quantifiers(struct slice pattern) {
	size_t count = 0;
	for (size_t i = 0; i < pattern.len; i++)
		count += memchr("*+-?", pattern.ptr[i], 4) != NULL;
	return count;
}

static struct vm *ours;
static lua_State *theirs;

static void start(void) {
	struct call_report report;
	ours = vm_new(MEMORY_BYTES);
	PROMISE(call_protected(ours, open_sandbox, sources_new(NULL), INSTRUCTIONS, &report) == ENDING_OK);
	theirs = luaL_newstate();
	luaL_openlibs(theirs);
	luaL_loadbufferx(theirs, script, sizeof script - 1, "=script", "t");
	lua_call(theirs, 0, 1);
	lua_setfield(theirs, LUA_REGISTRYINDEX, "compare");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct comparison one, other;
	struct fuzz_input input = {data, size};
	struct call_report report;
	if (!ours)
		start();
	one.start = (int8_t)fuzz_byte(&input);
	one.pattern = fuzz_copy(&input, fuzz_byte(&input) % PATTERN_BYTES);
	one.replacement = fuzz_copy(&input, fuzz_byte(&input) % PATTERN_BYTES);
	one.subject = fuzz_copy(&input, SUBJECT_BYTES);
	other = one;
	if (count_quantifiers(one.pattern) <= QUANTIFIERS_MAX) {
		PROMISE(call_protected(ours, compare, &one, INSTRUCTIONS, &report) == ENDING_OK);
		lua_pushcfunction(theirs, compare);
		lua_pushlightuserdata(theirs, &other);
		PROMISE(lua_pcall(theirs, 1, 0, 0) == LUA_OK);
		PROMISE(slice_equal(slice_of(one.found, one.found_bytes), slice_of(other.found, other.found_bytes)));
	}
	fuzz_free(one.pattern);
	fuzz_free(one.replacement);
	fuzz_free(one.subject);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
// string.find, match, gmatch and gsub over our matcher.
#include <string.h>

#include <lauxlib.h>

#include "sandbox/pattern.h"
#include "sandbox/vm.h"

enum { BYTES_PER_CHARGE = 32, REPLACEMENTS_PER_CHECK = 16, ESCAPE = '%' };

static struct slice check_text(lua_State *lua, int index) {
	size_t bytes;
	const char *text = luaL_checklstring(lua, index, &bytes);
	return slice_of(text, bytes);
}

// Removes the anchor from the pattern; false when it has none.
static bool take_anchor(struct pattern_match *match) {
	bool anchored = match->pattern.len > 0 && *match->pattern.ptr == '^';
	if (anchored)
		match->pattern = slice_from_offset(match->pattern, 1);
	return anchored;
}

// Argument `index` (default 1, negative from the end) as an offset. It may be behind the end of the text.
static size_t check_start(lua_State *lua, int index, size_t length) {
	lua_Integer start = luaL_optinteger(lua, index, 1);
	if (start > 0)
		return (lua_Unsigned)start - 1;
	if (start == 0 || start < -(lua_Integer)length)
		return 0;
	return length - (size_t)-start;
}

// Pushes capture `i`, counted from 0. A pattern without captures has the whole match as its first.
static void push_capture(struct pattern_match *match, int i, const char *start, const char *end) {
	if (i >= match->capture_count) {
		if (i != 0)
			luaL_error(match->lua, "invalid capture index %%%d", i + 1);
		lua_pushlstring(match->lua, start, (size_t)(end - start));
		return;
	}
	const struct pattern_capture *capture = &match->captures[i];
	if (capture->length == PATTERN_CAPTURE_OPEN)
		luaL_error(match->lua, "unfinished capture");
	if (capture->length == PATTERN_CAPTURE_POSITION)
		lua_pushinteger(match->lua, capture->start - match->subject.ptr + 1);
	else
		lua_pushlstring(match->lua, capture->start, (size_t)capture->length);
}

static int push_captures(struct pattern_match *match, const char *start, const char *end, bool or_whole) {
	int count = match->capture_count == 0 && or_whole ? 1 : match->capture_count;
	luaL_checkstack(match->lua, count, "too many captures");
	for (int i = 0; i < count; i++)
		push_capture(match, i, start, end);
	return count;
}

static int find_plain(lua_State *lua, struct slice subject, struct slice wanted, size_t offset) {
	vm_charge(lua, subject.len / BYTES_PER_CHARGE + 1);
	struct slice rest = slice_from_offset(subject, offset);
	const char *found = memmem(rest.ptr, rest.len, wanted.ptr, wanted.len);
	if (!found) {
		lua_pushnil(lua);
		return 1;
	}
	lua_pushinteger(lua, found - subject.ptr + 1);
	lua_pushinteger(lua, found - subject.ptr + (lua_Integer)wanted.len);
	return 2;
}

static bool has_specials(struct slice pattern) {
	for (size_t i = 0; i < pattern.len; i++)
		if (pattern.ptr[i] && strchr("^$*+?.([%-", pattern.ptr[i]))
			return true;
	return false;
}

static int search_pattern(lua_State *lua, bool finding) {
	struct slice subject = check_text(lua, 1), pattern = check_text(lua, 2);
	size_t offset = check_start(lua, 3, subject.len);
	if (offset > subject.len) {
		lua_pushnil(lua);
		return 1;
	}
	vm_charge(lua, pattern.len / BYTES_PER_CHARGE + 1);
	if (finding && (lua_toboolean(lua, 4) || !has_specials(pattern)))
		return find_plain(lua, subject, pattern, offset);
	struct pattern_match match = {.lua = lua, .subject = subject, .pattern = pattern};
	bool anchored = take_anchor(&match);
	for (const char *start = subject.ptr + offset; start <= subject.ptr + subject.len; start++) {
		const char *end = pattern_match_at(&match, start);
		if (end && finding) {
			lua_pushinteger(lua, start - subject.ptr + 1);
			lua_pushinteger(lua, end - subject.ptr);
			return push_captures(&match, start, end, false) + 2;
		}
		if (end)
			return push_captures(&match, start, end, true);
		if (anchored)
			break;
	}
	lua_pushnil(lua);
	return 1;
}

static int string_find(lua_State *lua) {
	return search_pattern(lua, true);
}

static int string_match(lua_State *lua) {
	return search_pattern(lua, false);
}

enum { UPVALUE_SUBJECT = 1, UPVALUE_PATTERN, UPVALUE_OFFSET, UPVALUE_LAST };

static int next_match(lua_State *lua) {
	struct slice subject = check_text(lua, lua_upvalueindex(UPVALUE_SUBJECT));
	struct slice pattern = check_text(lua, lua_upvalueindex(UPVALUE_PATTERN));
	struct pattern_match match = {.lua = lua, .subject = subject, .pattern = pattern};
	lua_Integer last = lua_tointeger(lua, lua_upvalueindex(UPVALUE_LAST));
	vm_charge(lua, 1);
	for (size_t offset = (size_t)lua_tointeger(lua, lua_upvalueindex(UPVALUE_OFFSET)); offset <= subject.len;
	     offset++) {
		const char *start = subject.ptr + offset;
		const char *end = pattern_match_at(&match, start);
		// An empty match at the end of the last match does not count.
		if (!end || end - subject.ptr == last)
			continue;
		lua_pushinteger(lua, end - subject.ptr);
		lua_copy(lua, -1, lua_upvalueindex(UPVALUE_OFFSET));
		lua_replace(lua, lua_upvalueindex(UPVALUE_LAST));
		return push_captures(&match, start, end, true);
	}
	return 0;
}

static int string_gmatch(lua_State *lua) {
	struct slice subject = check_text(lua, 1);
	check_text(lua, 2);
	size_t offset = check_start(lua, 3, subject.len);
	lua_settop(lua, 2);
	lua_pushinteger(lua, offset > subject.len ? (lua_Integer)subject.len + 1 : (lua_Integer)offset);
	lua_pushinteger(lua, -1);
	lua_pushcclosure(lua, next_match, 4);
	return 1;
}

static void add_template(struct pattern_match *match, luaL_Buffer *result, const char *start, const char *end) {
	struct slice template = check_text(match->lua, 3);
	vm_charge(match->lua, template.len / BYTES_PER_CHARGE + 1);
	for (size_t i = 0; i < template.len; i++) {
		if (template.ptr[i] != ESCAPE) {
			luaL_addchar(result, template.ptr[i]);
			continue;
		}
		char which = ++i < template.len ? template.ptr[i] : '\0';
		if (which == ESCAPE) {
			luaL_addchar(result, ESCAPE);
		} else if (which == '0') {
			luaL_addlstring(result, start, (size_t)(end - start));
		} else if (which >= '1' && which <= '9') {
			push_capture(match, which - '1', start, end);
			luaL_addvalue(result);
		} else {
			luaL_error(match->lua, "invalid use of '%%' in replacement string");
		}
	}
}

// Appends the replacement of one match.
static void add_replacement(struct pattern_match *match, luaL_Buffer *result, const char *start, const char *end) {
	lua_State *lua = match->lua;
	int type = lua_type(lua, 3);
	if (type == LUA_TTABLE) {
		push_capture(match, 0, start, end);
		lua_gettable(lua, 3);
	} else if (type == LUA_TFUNCTION) {
		lua_pushvalue(lua, 3);
		lua_call(lua, push_captures(match, start, end, true), 1);
	} else {
		add_template(match, result, start, end);
		return;
	}
	if (!lua_toboolean(lua, -1)) {
		lua_pop(lua, 1);
		luaL_addlstring(result, start, (size_t)(end - start));
		return;
	}
	if (!lua_isstring(lua, -1))
		luaL_error(lua, "invalid replacement value (a %s)", luaL_typename(lua, -1));
	luaL_addvalue(result);
}

static int string_gsub(lua_State *lua) {
	struct slice subject = check_text(lua, 1), pattern = check_text(lua, 2);
	int type = lua_type(lua, 3);
	luaL_argexpected(lua, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TTABLE || type == LUA_TFUNCTION, 3,
	                 "string/function/table");
	lua_Integer most = luaL_optinteger(lua, 4, (lua_Integer)subject.len + 1);
	struct pattern_match match = {.lua = lua, .subject = subject, .pattern = pattern};
	bool anchored = take_anchor(&match);
	const char *at = subject.ptr, *last = NULL;
	lua_Integer count = 0;
	luaL_Buffer result;
	luaL_buffinit(lua, &result);
	while (count < most) {
		const char *end = pattern_match_at(&match, at);
		if (end && end != last) {
			count++;
			add_replacement(&match, &result, at, end);
			if (count % REPLACEMENTS_PER_CHECK == 0)
				vm_check_time(lua);
			at = last = end;
		} else if (at < subject.ptr + subject.len) {
			luaL_addchar(&result, *at++);
		} else {
			break;
		}
		if (anchored)
			break;
	}
	luaL_addlstring(&result, at, (size_t)(subject.ptr + subject.len - at));
	luaL_pushresult(&result);
	lua_pushinteger(lua, count);
	return 2;
}

void pattern_set_functions(lua_State *lua) {
	static const luaL_Reg functions[] = {
	    {"find", string_find}, {"match", string_match}, {"gmatch", string_gmatch}, {"gsub", string_gsub}, {NULL, NULL}};
	luaL_setfuncs(lua, functions, 0);
}

// SPDX-License-Identifier: Apache-2.0
// The only lua_pcall that enters a VM. The message function runs where the error was raised, while the stack still
// shows the line. It calls no Lua code: an error value's __tostring may be as broken as the rest of a script.
#include "sandbox/call.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/slice.h"
#include "sandbox/object.h"

enum {
	LEVELS_MAX = 16,
	// The search for a place ends here: a hostile message may be as long as memory allows.
	PLACE_BYTES_MAX = 8192,
};

const char *call_ending_name(enum call_ending ending) {
	static const char *const names[] = {"ok", "error", "over budget", "over memory", "bad result"};
	return names[ending];
}

static void copy_text(char *to, size_t size, const char *from) {
	snprintf(to, size, "%s", from ? from : "");
}

// Reports the current line of the innermost Lua function.
static void note_place(lua_State *lua, struct call_report *report) {
	lua_Debug frame;
	for (int level = 0; level < LEVELS_MAX && lua_getstack(lua, level, &frame); level++) {
		if (!lua_getinfo(lua, "Sl", &frame) || frame.currentline <= 0)
			continue;
		copy_text(report->file, sizeof report->file, frame.source + (*frame.source == '@'));
		report->line = frame.currentline;
		return;
	}
}

const char *call_split_place(const char *message, size_t *file_bytes, int *line) {
	const char *end_of_place = message + strnlen(message, PLACE_BYTES_MAX);
	for (const char *colon = message; (colon = memchr(colon, ':', (size_t)(end_of_place - colon))) != NULL; colon++) {
		char *end;
		long number = strtol(colon + 1, &end, 10);
		if (isdigit((unsigned char)colon[1]) && number > 0 && number < INT_MAX && end[0] == ':' && end[1] == ' ') {
			*file_bytes = (size_t)(colon - message);
			*line = (int)number;
			return end + 2;
		}
	}
	return NULL;
}

// Whether a running function comes from that file; the name is cut as Lua cuts it in messages.
static bool is_running(lua_State *lua, const char *file, size_t bytes) {
	lua_Debug frame;
	for (int level = 0; level < LEVELS_MAX && lua_getstack(lua, level, &frame); level++)
		if (lua_getinfo(lua, "S", &frame) && slice_equal(slice_from(frame.short_src), slice_of(file, bytes)))
			return true;
	return false;
}

// Prefers the place in the message: it may be that of a caller, or of a file that was being loaded. But Lua cuts long
// names in messages, and a script can raise any text.
static void note_message(lua_State *lua, struct call_report *report) {
	const char *message = lua_tostring(lua, 1);
	size_t file_bytes;
	int line;
	const char *text = call_split_place(message, &file_bytes, &line);
	if (text && !vm_of(lua)->is_loading && !is_running(lua, message, file_bytes))
		text = NULL;
	if (text) {
		if (strncmp(message, "...", 3) != 0 || !*report->file)
			snprintf(report->file, sizeof report->file, "%.*s", (int)file_bytes, message);
		report->line = line;
	}
	copy_text(report->message, sizeof report->message, text ? text : message);
}

static int describe_error(lua_State *lua) {
	struct call_report *report = vm_of(lua)->report;
	note_place(lua, report);
	if (lua_type(lua, 1) == LUA_TSTRING)
		note_message(lua, report);
	else
		snprintf(report->message, sizeof report->message, "the error value is a %s", object_type_name(lua, 1));
	return 1;
}

static enum call_ending call_ending_of(struct vm *vm, int status) {
	if (status == LUA_OK)
		return ENDING_OK;
	if (vm->over_budget)
		return ENDING_OVER_BUDGET;
	if (status == LUA_ERRMEM || vm->over_memory)
		return ENDING_OVER_MEMORY;
	return vm->bad_result ? ENDING_BAD_RESULT : ENDING_ERROR;
}

enum call_ending call_protected(struct vm *vm, lua_CFunction body, void *argument, uint64_t instructions,
                                struct call_report *report) {
	lua_State *lua = vm->lua;
	assert(lua_gettop(lua) == 0);
	report->ending = ENDING_OVER_MEMORY;
	report->line = 0;
	report->instructions = report->peak_bytes = 0;
	report->has_foreign_input = false;
	*report->file = *report->message = '\0';
	if (!lua_checkstack(lua, LUA_MINSTACK))
		return report->ending;
	vm->report = report;
	vm_begin(vm, instructions);
	lua_pushcfunction(lua, describe_error);
	lua_pushcfunction(lua, body);
	lua_pushlightuserdata(lua, argument); /* describe body argument */
	report->ending = call_ending_of(vm, lua_pcall(lua, 1, 0, 1));
	vm->report = NULL;
	report->instructions = vm->budget - (uint64_t)vm->remaining;
	report->peak_bytes = vm->peak_bytes;
	report->has_foreign_input = vm->has_foreign_input;
	// describe_error does not see an error that was raised while it ran.
	if (report->ending == ENDING_ERROR && !*report->message && lua_type(lua, -1) == LUA_TSTRING)
		copy_text(report->message, sizeof report->message, lua_tostring(lua, -1));
	lua_settop(lua, 0);
	vm->unlimited = false;
	if (report->ending == ENDING_OVER_MEMORY)
		copy_text(report->message, sizeof report->message, "the memory budget is used up");
	if (report->ending == ENDING_OVER_BUDGET && !*report->message)
		copy_text(report->message, sizeof report->message, "the instruction budget is used up");
	// A VM that was half full before the call would keep most of it, and collecting takes long.
	if (report->ending == ENDING_OVER_MEMORY && vm->start_bytes < vm->limit_bytes / 2)
		lua_gc(lua, LUA_GCCOLLECT);
	return report->ending;
}

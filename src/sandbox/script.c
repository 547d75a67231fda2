// SPDX-License-Identifier: Apache-2.0
// One protected call builds a VM. Any failure, from opening the libraries to the script's last line, becomes one
// problem with file and line, and closes the VM.
#include "sandbox/script.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "base/problem.h"
#include "sandbox/call.h"
#include "sandbox/language_guess.h"
#include "sandbox/sandbox.h"

enum { PIECE_BYTES = 4096, REASON_BYTES = 128 };

int script_read(struct script *script, const char *path, const char *embedded, struct sources *sources,
                struct problems *problems) {
	*script = (struct script){.path = path ? path : embedded, .sources = sources};
	if (!path)
		return sources_read_embedded(sources, embedded, &script->text);
	int rc = sources_read(sources, path, &script->text);
	char found[REASON_BYTES];
	if (rc == ERROR_LIMIT) {
		problems_add(problems, path, 0, NULL, "a file of at most 1 MiB", "a larger one");
	} else if (rc == ERROR_INVALID) {
		problems_add(problems, path, 0, NULL, "a regular file", "something else");
	} else if (rc) {
		int failure = script->text.failure;
		snprintf(found, sizeof found, "cannot be read: %s", failure ? strerror(failure) : error_text(rc));
		problems_add(problems, path, 0, NULL, NULL, found);
	}
	return rc;
}

// Its address is the registry key of the script's result.
static const char result_key;

void script_push_result(lua_State *lua) {
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &result_key);
}

void script_drop_result(lua_State *lua) {
	lua_pushnil(lua);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &result_key);
}

// The compiler executes no Lua instructions that could be counted, and some texts take it long.
static const char *read_piece(lua_State *lua, void *owner, size_t *bytes) {
	struct slice *rest = owner;
	vm_check_time(lua);
	const char *piece = rest->ptr;
	*bytes = rest->len < PIECE_BYTES ? rest->len : PIECE_BYTES;
	*rest = slice_from_offset(*rest, *bytes);
	return piece;
}

// Skips the byte order mark that some editors write before UTF-8.
static struct slice without_mark(struct slice text) {
	struct slice mark = SLICE("\xef\xbb\xbf");
	return slice_starts(text, mark) ? slice_from_offset(text, mark.len) : text;
}

void script_load(lua_State *lua, const char *path, struct slice text) {
	const char *name = lua_pushfstring(lua, "@%s", path);
	text = without_mark(text);
	if (lua_load(lua, read_piece, &text, name, "t") == LUA_OK) {
		lua_remove(lua, -2);
		return;
	}
	// Lua cuts a long name in its message, so the whole path replaces it.
	size_t file_bytes;
	int line;
	const char *message = lua_tostring(lua, -1);
	const char *what = message ? call_split_place(message, &file_bytes, &line) : NULL;
	if (what)
		lua_pushfstring(lua, "%s:%d: %s", path, line, what);
	lua_error(lua);
}

struct script_run {
	const struct script *script;
	bool is_compiled;
};

static int run_script(lua_State *lua) {
	struct script_run *run = lua_touserdata(lua, 1);
	const struct script *script = run->script;
	// Opening the sandbox creates no garbage.
	lua_gc(lua, LUA_GCSTOP);
	sandbox_open(lua, script->sources, &script->additions);
	lua_gc(lua, LUA_GCRESTART);
	script_load(lua, script->path, script->text.bytes);
	run->is_compiled = true;
	lua_call(lua, 0, 1);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &result_key);
	return 0;
}

// Whether the file may hold secrets: `check` may take one with a mistake for a policy.
static bool is_private(const struct script *script) {
	static const char *const words[] = {"credential", "secret", "bearer", "access_key", "session_token", "password"};
	struct slice text = script->text.bytes;
	for (size_t i = 0; !script->is_secret && i < sizeof words / sizeof *words; i++)
		if (text.len && memmem(text.ptr, text.len, words[i], strlen(words[i])))
			return true;
	bool has_url = text.len && memmem(text.ptr, text.len, "://", 3);
	return script->is_secret || (has_url && memchr(text.ptr, '@', text.len));
}

// What Lua says of an operation on a wrong value, without the name of the variable that it adds; or NULL.
static const char *wrong_operation(const char *message, char text[REASON_BYTES]) {
	static const char *const operations[] = {"call", "index", "concatenate", "perform arithmetic on", "get length of"};
	static const char *const kinds[] = {"nil", "boolean", "number", "string", "table", "function"};
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
		for (size_t j = 0; j < sizeof kinds / sizeof *kinds; j++) {
			int length = snprintf(text, REASON_BYTES, "attempt to %s a %s value", operations[i], kinds[j]);
			if (strncmp(message, text, (size_t)length) == 0)
				return text;
		}
	return NULL;
}

// The message without what it may quote of the file.
static const char *without_quotes(const char *message, bool is_compiled, char text[REASON_BYTES]) {
	if (is_compiled) {
		const char *what = wrong_operation(message, text);
		return what ? what : "an error that the file raised (its text is not shown: it may hold a secret)";
	}
	const char *near = strstr(message, " near ");
	size_t length = near ? (size_t)(near - message) : strlen(message);
	snprintf(text, REASON_BYTES, "%.*s", (int)(length < REASON_BYTES ? length : REASON_BYTES), message);
	// A token that is expected comes first. All other quotes are names of the file.
	return *text == '\'' || !strchr(text, '\'') ? text : "a mistake in its syntax";
}

static void add_script_problem(const struct script_run *run, const struct call_report *report,
                               struct problems *problems) {
	const struct script *script = run->script;
	static const char *const expected[] = {
	    [ENDING_ERROR] = "a file that runs",
	    [ENDING_OVER_BUDGET] = "a file that is done within 10000000 instructions",
	    [ENDING_OVER_MEMORY] = "a file that runs within the memory limit",
	    [ENDING_BAD_RESULT] = "a file that runs",
	};
	const char *file = *report->file ? report->file : script->path;
	char text[REASON_BYTES];
	const char *message = report->message;
	if (report->ending == ENDING_ERROR && is_private(script))
		message = without_quotes(message, run->is_compiled, text);
	const char *language = language_guess(without_mark(script->text.bytes));
	if (language && report->ending == ENDING_ERROR && strcmp(file, script->path) == 0)
		problems_add(problems, file, 0, NULL, "a Lua file with `return { ... }`", language);
	else
		problems_add(problems, file, report->line, NULL, expected[report->ending], message);
}

int script_run(const struct script *script, size_t memory_bytes, struct problems *problems, struct vm **vm) {
	struct call_report report = {.ending = ENDING_OVER_MEMORY};
	struct script_run run = {.script = script};
	*vm = vm_new(memory_bytes);
	if (*vm) {
		(*vm)->host = script->host;
		(*vm)->now_ms = script->now_ms;
		(*vm)->is_secret = script->is_secret;
		if (script->clock)
			(*vm)->clock = script->clock;
		(*vm)->is_loading = true;
		call_protected(*vm, run_script, &run, SCRIPT_INSTRUCTIONS, &report);
		(*vm)->is_loading = false;
	}
	if (report.ending == ENDING_OK)
		return 0;
	add_script_problem(&run, &report, problems);
	vm_close(*vm);
	*vm = NULL;
	return report.ending == ENDING_OVER_MEMORY ? ERROR_MEMORY : ERROR_INVALID;
}

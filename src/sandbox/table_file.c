// SPDX-License-Identifier: Apache-2.0
// The walk uses raw access, so no metamethod of the file runs. It is bounded in depth and in values: a table that is
// referred to in many places is copied each time.
#include "sandbox/table_file.h"

#include <math.h>
#include <stdio.h>

#include "base/problem.h"
#include "sandbox/call.h"
#include "sandbox/document_lines.h"
#include "sandbox/script.h"

enum {
	DEPTH_MAX = 16,
	VALUES_MAX = 200000,
	FIELD_BYTES = 512,
	DOCUMENT_MEMORY_BYTES = 64 << 20,
	OPAQUE_DEPTH = 3,
};

struct table_walk {
	const char *file;
	const char *opaque;
	struct problems *problems;
	struct document *document;
	size_t values;
	size_t mistakes;
	const void *path[DEPTH_MAX + 1]; // the tables that contain the present value, outermost first
};

static void report_problem(struct table_walk *walk, const char *field, const char *expected, const char *found) {
	walk->mistakes++;
	problems_add(walk->problems, walk->file, 0, field, expected, found);
}

static void read_value(lua_State *lua, struct table_walk *walk, struct document *out, const char *field, int depth);

static bool enter_table(lua_State *lua, struct table_walk *walk, const char *field, int depth) {
	const void *table = lua_topointer(lua, -1);
	for (int i = 0; i < depth && i <= DEPTH_MAX; i++) {
		if (walk->path[i] == table) {
			report_problem(walk, field, "plain values", "a table that contains itself");
			return false;
		}
	}
	if (depth > DEPTH_MAX || !lua_checkstack(lua, LUA_MINSTACK)) {
		report_problem(walk, field, "tables nested at most 16 deep", "a deeper one");
		return false;
	}
	walk->path[depth] = table;
	return true;
}

// Reports a key that is neither a string nor a position in 1..count.
static bool check_key(lua_State *lua, struct table_walk *walk, const char *field, lua_Integer count) {
	if (lua_type(lua, -2) == LUA_TSTRING)
		return true;
	if (lua_isinteger(lua, -2) && lua_tointeger(lua, -2) >= 1 && lua_tointeger(lua, -2) <= count)
		return true;
	report_problem(walk, field, "names, or positions from 1 without gaps", "another kind of key");
	return false;
}

// Reads the table at the top and leaves it there.
static void read_table(lua_State *lua, struct table_walk *walk, struct document *out, const char *field, int depth) {
	char inner[FIELD_BYTES];
	out->kind = DOCUMENT_TABLE;
	if (!enter_table(lua, walk, field, depth))
		return;
	lua_Integer count = (lua_Integer)lua_rawlen(lua, -1);
	for (lua_Integer i = 1; i <= count && walk->values <= VALUES_MAX; i++) {
		snprintf(inner, sizeof inner, "%s[%lld]", field, (long long)i);
		lua_rawgeti(lua, -1, i);
		read_value(lua, walk, document_add_item(out), inner, depth + 1);
		lua_pop(lua, 1);
	}
	bool named = false;
	lua_pushnil(lua);
	while (lua_next(lua, -2)) {
		if (walk->values > VALUES_MAX || !check_key(lua, walk, field, count)) {
			lua_pop(lua, 2);
			return;
		}
		if (lua_type(lua, -2) == LUA_TSTRING) {
			size_t bytes;
			const char *key = lua_tolstring(lua, -2, &bytes);
			snprintf(inner, sizeof inner, "%s%s%s", field, *field ? "." : "", key);
			struct document *value = document_add_entry(out, slice_of(key, bytes));
			if (depth == OPAQUE_DEPTH - 1 && walk->opaque && strcmp(key, walk->opaque) == 0 && lua_istable(lua, -1))
				value->kind = DOCUMENT_TABLE;
			else
				read_value(lua, walk, value, inner, depth + 1);
			named = true;
		}
		lua_pop(lua, 1);
	}
	if (named && count)
		report_problem(walk, field, "either names or positions", "a table with both");
}

static void read_value(lua_State *lua, struct table_walk *walk, struct document *out, const char *field, int depth) {
	if (++walk->values > VALUES_MAX) {
		if (walk->values == VALUES_MAX + 1)
			report_problem(walk, field, "at most 200000 values in a file", "more");
		return;
	}
	switch (lua_type(lua, -1)) {
	case LUA_TNIL:
		break;
	case LUA_TBOOLEAN:
		out->kind = DOCUMENT_BOOLEAN;
		out->boolean = lua_toboolean(lua, -1);
		break;
	case LUA_TNUMBER:
		out->kind = DOCUMENT_NUMBER;
		out->number = lua_tonumber(lua, -1);
		if (!isfinite(out->number))
			report_problem(walk, field, "a finite number", isnan(out->number) ? "not a number" : "infinity");
		break;
	case LUA_TSTRING:
		document_set_string(out, slice_of(lua_tostring(lua, -1), lua_rawlen(lua, -1)));
		break;
	case LUA_TTABLE:
		read_table(lua, walk, out, field, depth);
		break;
	case LUA_TFUNCTION:
		out->kind = DOCUMENT_FUNCTION;
		break;
	default:
		report_problem(walk, field, "a plain value", lua_typename(lua, lua_type(lua, -1)));
	}
}

static int walk_result(lua_State *lua) {
	struct table_walk *walk = lua_touserdata(lua, 1);
	script_push_result(lua);
	if (lua_istable(lua, -1))
		read_value(lua, walk, walk->document, "", 0);
	else
		report_problem(walk, "", "a file that returns a table",
		               lua_isnil(lua, -1) ? "one that returns nothing" : lua_typename(lua, lua_type(lua, -1)));
	return 0;
}

int document_from_script(struct vm *vm, const char *file, const char *opaque, struct problems *problems,
                         struct document *document) {
	struct call_report report;
	struct table_walk walk = {.file = file, .opaque = opaque, .problems = problems, .document = document};
	*document = (struct document){0};
	if (call_protected(vm, walk_result, &walk, SCRIPT_INSTRUCTIONS, &report) != ENDING_OK)
		report_problem(&walk, "", "a table that can be read", report.message);
	if (walk.mistakes == 0)
		return 0;
	document_free(document);
	return ERROR_INVALID;
}

int document_from_table(lua_State *lua, const char *file, struct problems *problems, struct document *document) {
	struct table_walk walk = {.file = file, .problems = problems, .document = document};
	*document = (struct document){0};
	read_value(lua, &walk, document, "", 0);
	if (walk.mistakes == 0)
		return 0;
	document_free(document);
	return ERROR_INVALID;
}

bool document_equal(const struct document *a, const struct document *b) {
	if (a->kind != b->kind || a->item_count != b->item_count || a->entry_count != b->entry_count)
		return false;
	if (a->kind == DOCUMENT_BOOLEAN)
		return a->boolean == b->boolean;
	if (a->kind == DOCUMENT_NUMBER)
		return !(a->number < b->number) && !(a->number > b->number);
	if (a->kind == DOCUMENT_STRING)
		return slice_equal(a->string, b->string);
	for (size_t i = 0; i < a->item_count; i++)
		if (!document_equal(&a->items[i], &b->items[i]))
			return false;
	for (size_t i = 0; i < a->entry_count; i++) {
		const struct document *other = document_get(b, a->entries[i].key.ptr);
		if (!other || !document_equal(&a->entries[i].value, other))
			return false;
	}
	return true;
}

int table_file_read(const char *path, bool is_secret, struct problems *problems, struct document *document) {
	struct sources *sources = sources_new(path);
	struct script script;
	struct vm *vm = NULL;
	*document = (struct document){0};
	int rc = script_read(&script, path, NULL, sources, problems);
	if (rc)
		goto out;
	script.is_secret = is_secret;
	rc = script_run(&script, DOCUMENT_MEMORY_BYTES, problems, &vm);
	if (rc)
		goto out;
	rc = document_from_script(vm, path, NULL, problems, document);
	document_place_lines(script.text.bytes, document);
out:
	vm_close(vm);
	sources_release(sources);
	return rc;
}

// SPDX-License-Identifier: Apache-2.0
// The memory of Lua states: counted to the byte, freed at the end, and wiped when it may hold secrets.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "../check.h"
#include "base/problem.h"
#include "sandbox/table_file.h"
#include "sandbox/vm.h"

static size_t wiped_bytes;

// These two replace the C library's. The second is what _FORTIFY_SOURCE makes of the first.
void explicit_bzero(void *bytes, size_t count) {
	memset(bytes, 0, count);
	wiped_bytes += count;
}

void __explicit_bzero_chk(void *bytes, size_t count, size_t size);
void __explicit_bzero_chk(void *bytes, size_t count, size_t size) {
	CHECK(count <= size);
	explicit_bzero(bytes, count);
}

// By Lua's own count.
static size_t counted_bytes(lua_State *lua) {
	return ((size_t)lua_gc(lua, LUA_GCCOUNT) << 10) + (size_t)lua_gc(lua, LUA_GCCOUNTB);
}

static int fill(lua_State *lua) {
	luaL_requiref(lua, "_G", luaopen_base, 1);
	luaL_requiref(lua, "string", luaopen_string, 1);
	const char *text = lua_touserdata(lua, 1);
	if (luaL_dostring(lua, text))
		lua_error(lua);
	return 0;
}

TEST(memory_is_counted_wiped_and_freed) {
	static const struct {
		const char *script;
		size_t limit_bytes;
		bool over_memory;
	} rows[] = {
	    {"kept = {} for i = 1, 10 do kept[i] = { i } end", 1 << 20, false},
	    {"kept = {} for i = 1, 20000 do kept[i] = { i } end", 16 << 20, false},
	    {"kept = string.rep('x', 100000)", 1 << 20, false},
	    {"for i = 1, 2000 do kept = string.rep('x', i) end", 1 << 20, false},
	    {"kept = {} for i = 1, 1e9 do kept[i] = { i } end", 1 << 20, true},
	    {"kept = {} for i = 1, 1e9 do kept[i] = tostring(i) end", 100 << 10, true},
	};
	for (int is_secret = 0; is_secret < 2; is_secret++) {
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			struct vm *vm = vm_new(rows[i].limit_bytes);
			vm->is_secret = is_secret != 0;
			wiped_bytes = 0;
			vm_begin(vm, UINT64_C(1) << 40);
			lua_pushcfunction(vm->lua, fill);
			lua_pushlightuserdata(vm->lua, (void *)(uintptr_t)rows[i].script);
			CHECK_INT(lua_pcall(vm->lua, 1, 0, 0) != LUA_OK, rows[i].over_memory);
			CHECK_INT(vm->over_memory, rows[i].over_memory);
			CHECK(vm->used_bytes <= vm->limit_bytes);
			CHECK_INT(vm->used_bytes, counted_bytes(vm->lua));
			size_t used_bytes = vm->used_bytes;
			vm_close(vm);
			CHECK(is_secret ? wiped_bytes >= used_bytes : wiped_bytes == 0);
		}
	}
}

TEST(table_files_are_secret) {
	char path[] = "/tmp/vm-spec-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	struct problems problems = {0};
	struct document document;
	fputs("return { token = ('x'):rep(100000) }", file);
	fclose(file);
	wiped_bytes = 0;
	CHECK_INT(table_file_read(path, true, &problems, &document), 0);
	CHECK(wiped_bytes >= 100000);
	document_free(&document);
	remove(path);
}

int main(void) {
	RUN(memory_is_counted_wiped_and_freed);
	RUN(table_files_are_secret);
	return check_summary();
}

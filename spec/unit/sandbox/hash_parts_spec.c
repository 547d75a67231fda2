// SPDX-License-Identifier: Apache-2.0
// Tables grow with any ordinary keys. With keys that all collide in the larger table, the growth is refused.
#include <stdint.h>

#include <lauxlib.h>

#include "../check.h"
#include "sandbox/vm.h"

static int fill(lua_State *lua) {
	if (luaL_dostring(lua, lua_touserdata(lua, 1)))
		lua_error(lua);
	return 0;
}

TEST(only_keys_that_collide_stop_a_table_from_growing) {
	static const struct {
		const char *script;
		bool is_refused;
	} rows[] = {
	    {"local t = {} for i = 1, 100000 do t[i] = i end", false},
	    {"local t = {} for i = 100000, 1, -1 do t[i] = i end", false},
	    {"local t = {} for i = 1, 50000 do t['key' .. i] = i end", false},
	    {"local t = {} for i = 1, 50000 do t[i * 1000] = i end", false},
	    {"local t = {} for i = 1, 50000 do t[-i * 4096] = i end", false},
	    {"local t = {} for i = 1, 50000 do t[1700000000 + i * 3600] = i end", false},
	    {"local t = {} for i = 1, 50000 do t[i / 8 + 0.01] = i end", false},
	    {"local t = {} for i = 1, 20000 do t[{}] = i end", false},
	    {"local t, x = {}, 1 for i = 1, 50000 do x = x * 6364136223846793005 + 1442695040888 t[x] = i end", false},
	    // These collide as well, in tables that are small enough.
	    {"local t = {} for i = 1, 2049 do t[i * 4095] = i end", false},
	    {"local t = {} for i = 1, 4097 do t[i * 8191] = i end", true},
	    {"local t = {} for i = 1, 32769 do t[i * 65535] = i end", true},
	    {"local t = {} for i = 1, 32769 do t[-i * 65535] = i end", true},
	    {"local t = {} for i = 1, 32769 do t[0.5 + i * 65535 / 2 ^ 31] = i end", true},
	    {"local t = {} for i = 1, 32768 do t['key' .. i] = i end for i = 1, 32769 do t[i * 131071] = i end", true},
	    // A full table that is hashed anew at its size, and one that shrinks.
	    {"local t = {} for i = 1, 8192 do t[i * 32767] = i end t[32767] = nil t[1 << 40] = 1", false},
	    {"local t = {} for i = 1, 8192 do t[i * 4095] = i end for i = 3000, 8192 do t[i * 4095] = nil end "
	     "t[4095 + 8191] = 1",
	     true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct vm *vm = vm_new(64 << 20);
		vm_begin(vm, UINT64_C(1) << 40);
		lua_pushcfunction(vm->lua, fill);
		lua_pushlightuserdata(vm->lua, (void *)(uintptr_t)rows[i].script);
		if ((lua_pcall(vm->lua, 1, 0, 0) != LUA_OK) != rows[i].is_refused || vm->over_budget != rows[i].is_refused)
			check_report(__FILE__, __LINE__, rows[i].script);
		vm_close(vm);
	}
}

int main(void) {
	RUN(only_keys_that_collide_stop_a_table_from_growing);
	return check_summary();
}

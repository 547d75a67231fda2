// SPDX-License-Identifier: Apache-2.0
// The memory of a VM: blocks keep their bytes and stay apart, whether they are in the region or outside of it; what is
// freed is used again; and states that live on it end without a leak.
#include <stdint.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lualib.h>

#include "../check.h"
#include "base/random.h"
#include "sandbox/heap.h"
#include "sandbox/vm.h"

enum { BLOCKS = 400, ROUNDS = 40000, REGION = 120 << 10 };

struct block {
	unsigned char *bytes;
	size_t size;
	unsigned char mark;
};

static bool is_whole(const struct block *block) {
	for (size_t i = 0; i < block->size; i++)
		if (block->bytes[i] != block->mark)
			return false;
	return true;
}

// One step with a block: it grows, shrinks, comes or goes, and what it held is still there.
static bool change(struct heap *heap, struct block *block, size_t size, unsigned char mark) {
	size_t kept = block->size < size ? block->size : size;
	bool whole = is_whole(block);
	unsigned char *bytes = heap_resize(heap, block->bytes, block->size, size);
	if (size && !bytes)
		abort();
	whole = whole && (uintptr_t)bytes % 16 == 0;
	for (size_t i = 0; i < kept; i++)
		whole = whole && bytes[i] == block->mark;
	*block = (struct block){bytes, size, mark};
	if (size)
		memset(bytes, mark, size);
	return whole;
}

TEST(blocks_keep_their_bytes) {
	// The largest block; small ones stay in the region, large ones are outside of it, the rest is a mixture.
	static const size_t largest[] = {8, 16, 64, 200, 600, 5000, 40000, 200000};
	struct random_source random;
	random_init(&random, 7);
	for (size_t i = 0; i < sizeof largest / sizeof *largest; i++) {
		struct heap *heap = heap_new();
		struct block blocks[BLOCKS] = {{NULL, 0, 0}};
		int broken = 0, rounds = largest[i] > 1000 ? ROUNDS / 100 : ROUNDS;
		for (int round = 0; round < rounds; round++) {
			struct block *block = &blocks[random_below(&random, BLOCKS)];
			size_t size = random_below(&random, 4) ? random_below(&random, largest[i]) + 1 : 0;
			broken += !change(heap, block, size, (unsigned char)round);
		}
		for (size_t b = 0; b < BLOCKS; b++)
			broken += !change(heap, &blocks[b], 0, 0);
		CHECK_INT(broken, 0);
		CHECK(heap_holds_all(heap));
		heap_close(heap);
	}
}

TEST(what_is_freed_is_used_again) {
	static const size_t sizes[] = {1, 16, 17, 100, 512, 513, 1024, 1025, 4096, 32768};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct heap *heap = heap_new();
		for (size_t taken = 0; taken < 4 * REGION; taken += sizes[i]) {
			void *block = heap_resize(heap, NULL, 0, sizes[i]);
			CHECK(heap_holds_all(heap));
			heap_resize(heap, block, sizes[i], 0);
		}
		heap_close(heap);
	}
}

TEST(a_full_region_is_no_end) {
	struct heap *heap = heap_new();
	void *blocks[REGION / 64 + 10];
	size_t count = 0, inside = 0;
	for (; count < sizeof blocks / sizeof *blocks; count++) {
		blocks[count] = heap_resize(heap, NULL, 0, 64);
		CHECK(blocks[count] != NULL);
		inside += heap_holds_all(heap);
	}
	CHECK_INT(inside, REGION / 64);
	CHECK(!heap_holds_all(heap));
	for (size_t i = 0; i < count; i++)
		heap_resize(heap, blocks[i], 64, 0);
	CHECK(heap_holds_all(heap));
	heap_close(heap);
}

static int fill(lua_State *lua) {
	luaL_requiref(lua, "_G", luaopen_base, 1);
	luaL_requiref(lua, "string", luaopen_string, 1);
	const char *text = lua_touserdata(lua, 1);
	if (luaL_dostring(lua, text))
		lua_error(lua);
	return 0;
}

// States that fit, states that don't, and states that ran out of memory, one after the other on the same spare heaps.
TEST(states_end_without_a_leak) {
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
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			struct vm *vm = vm_new(rows[i].limit_bytes);
			vm_begin(vm, UINT64_C(1) << 40);
			lua_pushcfunction(vm->lua, fill);
			lua_pushlightuserdata(vm->lua, (void *)(uintptr_t)rows[i].script);
			CHECK_INT(lua_pcall(vm->lua, 1, 0, 0) != LUA_OK, rows[i].over_memory);
			CHECK_INT(vm->over_memory, rows[i].over_memory);
			CHECK(vm->used_bytes <= vm->limit_bytes);
			vm_close(vm);
		}
	}
}

int main(void) {
	RUN(blocks_keep_their_bytes);
	RUN(what_is_freed_is_used_again);
	RUN(a_full_region_is_no_end);
	RUN(states_end_without_a_leak);
	return check_summary();
}

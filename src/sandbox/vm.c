// SPDX-License-Identifier: Apache-2.0
// The budgets of one Lua state. Invariant: once a call has used up its budget, each further instruction raises again,
// so a script can't continue by catching the error with pcall.
#include "sandbox/vm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
	// A single instruction may take 20 us, walking a chain of __index: so this many end within 5 ms.
	COUNT_INTERVAL = 250,
	// Copying this much costs about as much as an instruction.
	BYTES_PER_INSTRUCTION = 64,
	// An instruction takes 4 to 20 ns. A call that averages this much is stuck in work that isn't counted.
	NS_PER_INSTRUCTION = 150,
	// A small budget must not end by time on a machine that is slow for a moment.
	LIMIT_NS_MIN = 5000000,
	ASSUMED_SHARE = 4, // of the limit, see is_stuck
	// Counting each instruction by itself takes several times as long as the instruction.
	NS_PER_EXACT_INSTRUCTION = 2500,
	// A pass over a kilobyte of a body costs one instruction, so that a script can afford the largest body: otherwise
	// a client could have the script disabled. The pass takes 500 ns, up to ten times that on a slow machine.
	BODY_BYTES_PER_CHARGE = 1024,
	NS_PER_BODY_CHARGE = 5000,
	// One instruction may walk a whole block: compare a string, read it as a number, skip a table's empty places, copy
	// the stack. Blocks of at least this size are large; the more bytes they have in all, the shorter the interval.
	LARGE_BLOCK_BYTES = 16 << 10,
	LARGE_BYTES_TIMES_INTERVAL = 16 << 20,
	// Growing a table may take long for its size, and neither instructions nor memory stand for that. So the time is
	// looked at whenever a block of at least this size is allocated.
	TIMED_BLOCK_BYTES = 4 << 10,
	// A full garbage collection may take as long as a whole call. If it frees less than 1 / RESERVE_SHARE of the limit,
	// or a call needs a second one, the call ends. The same share of the limit is held back for ending it.
	RESERVE_SHARE = 16,
	// vm_can_afford leaves the call 1 / OWN_SHARE of its budget.
	OWN_SHARE = 16,
	MESSAGE_BYTES = 256,
};

// Reading the thread's processor time is a system call, so the cheaper monotonic clock comes first, and ordinary calls
// read no other. The time before the first reading counts as processor time, up to a share of the limit.
static bool is_stuck(struct vm *vm) {
	uint64_t now_ns = clock_now_ns();
	if (vm->start_ns == 0)
		vm->start_ns = now_ns;
	uint64_t elapsed_ns = now_ns - vm->start_ns, assumed_ns = vm->limit_ns / ASSUMED_SHARE;
	if (elapsed_ns <= assumed_ns)
		return false;
	uint64_t cpu_ns = clock_thread_cpu_ns();
	if (vm->cpu_start_ns == 0)
		vm->cpu_start_ns = cpu_ns > assumed_ns ? cpu_ns - assumed_ns : 1;
	return elapsed_ns > vm->limit_ns && cpu_ns - vm->cpu_start_ns > vm->limit_ns;
}

static void on_count(lua_State *lua, lua_Debug *debug);

static void set_interval(struct vm *vm, int interval) {
	vm->interval = interval;
	lua_sethook(vm->lua, on_count, LUA_MASKCOUNT, interval);
}

static int due_interval(const struct vm *vm) {
	if (vm->is_exact)
		return 1;
	size_t most = vm->large_bytes ? LARGE_BYTES_TIMES_INTERVAL / vm->large_bytes : COUNT_INTERVAL;
	return most > COUNT_INTERVAL ? COUNT_INTERVAL : most > 1 ? (int)most : 1;
}

static void start_ending(struct vm *vm) {
	if (vm->is_ending || !vm->lua)
		return;
	vm->is_ending = true;
	set_interval(vm, 1);
}

static void raise_overrun(lua_State *lua, int level) {
	struct vm *vm = vm_of(lua);
	vm->over_budget = !vm->over_memory;
	vm->remaining = 0;
	start_ending(vm);
	luaL_where(lua, level);
	lua_pushfstring(lua, "the %s budget is used up", vm->over_memory ? "memory" : "instruction");
	lua_concat(lua, 2);
	lua_error(lua);
}

static void on_count(lua_State *lua, lua_Debug *debug) {
	(void)debug;
	struct vm *vm = vm_of(lua);
	if (!vm->is_ending)
		vm->remaining -= vm->interval;
	if (vm->remaining <= 0 || is_stuck(vm))
		raise_overrun(lua, 0);
}

void vm_check_time(lua_State *lua) {
	if (is_stuck(vm_of(lua)))
		raise_overrun(lua, 1);
}

void vm_charge_time(lua_State *lua, uint64_t ns) {
	struct vm *vm = vm_of(lua);
	vm->limit_ns -= ns < vm->limit_ns ? ns : vm->limit_ns;
	vm_check_time(lua);
}

// Each ends the call at its next instruction, even if the script catches a memory error.
static void end_over_memory(struct vm *vm) {
	vm->over_memory = true;
	vm->remaining = 0;
	start_ending(vm);
}

static void end_over_budget(struct vm *vm) {
	vm->over_budget = true;
	vm->remaining = 0;
	start_ending(vm);
}

static bool growth_fits(const struct vm *vm, size_t growth, size_t limit_bytes) {
	return vm->used_bytes <= limit_bytes && growth <= limit_bytes - vm->used_bytes;
}

// When this returns false, Lua collects all garbage and asks once more.
static bool has_room(struct vm *vm, size_t growth) {
	size_t reserve = vm->limit_bytes / RESERVE_SHARE;
	if (vm->shortage_bytes) {
		bool was_worth_it = vm->used_bytes + reserve <= vm->shortage_bytes;
		vm->shortage_bytes = 0;
		if (!was_worth_it)
			end_over_memory(vm);
	}
	if (growth_fits(vm, growth, vm->limit_bytes - reserve))
		return true;
	if (vm->has_collected) {
		end_over_memory(vm);
		return growth_fits(vm, growth, vm->limit_bytes);
	}
	vm->has_collected = true;
	vm->shortage_bytes = vm->used_bytes;
	return false;
}

// Charges the call for a block that has grown to `size`.
static void charge_growth(struct vm *vm, size_t size) {
	if (size < BYTES_PER_INSTRUCTION || !vm->lua || vm->is_ending)
		return;
	if (!vm->unlimited)
		vm->remaining -= (int64_t)(size / BYTES_PER_INSTRUCTION);
	if (vm->remaining <= 0)
		start_ending(vm);
	else if (size >= TIMED_BLOCK_BYTES && is_stuck(vm))
		end_over_budget(vm);
	else if (size >= LARGE_BLOCK_BYTES && due_interval(vm) <= vm->interval / 2)
		set_interval(vm, due_interval(vm));
}

static size_t large_part(size_t size) {
	return size >= LARGE_BLOCK_BYTES ? size : 0;
}

// realloc for a block of `old` bytes; `size` 0 frees it. A secret state wipes the old block.
static void *resize_block(const struct vm *vm, void *block, size_t old, size_t size) {
	void *moved = NULL;
	if (vm->is_secret && block) {
		moved = size ? malloc(size) : NULL;
		if (moved)
			memcpy(moved, block, old < size ? old : size);
		if (moved || size == 0) {
			memory_wipe(block, old);
			free(block);
		}
	} else if (size) {
		moved = realloc(block, size);
	} else {
		free(block);
	}
	// Lua relies on shrinking a block never failing.
	return moved || size == 0 || size > old ? moved : block;
}

static void *vm_allocate(void *owner, void *ptr, size_t old, size_t size) {
	struct vm *vm = owner;
	if (!ptr)
		old = 0;
	if (size > old && !vm->unlimited && !has_room(vm, size - old))
		return NULL;
	if (!ptr && hash_part_fits(size) && !vm->unlimited && hash_parts_collide(&vm->hash_parts, size)) {
		end_over_budget(vm);
		return NULL;
	}
	void *moved = resize_block(vm, ptr, old, size);
	if (size && !moved)
		return NULL;
	if (hash_part_fits(old))
		hash_parts_remove(&vm->hash_parts, ptr);
	if (hash_part_fits(size))
		hash_parts_add(&vm->hash_parts, moved, size);
	vm->used_bytes = vm->used_bytes - old + size;
	if (vm->used_bytes > vm->peak_bytes)
		vm->peak_bytes = vm->used_bytes;
	vm->large_bytes = vm->large_bytes - large_part(old) + large_part(size);
	if (size > old)
		charge_growth(vm, size);
	return moved;
}

void vm_count_exactly(struct vm *vm, bool exactly) {
	vm->is_exact = exactly;
	set_interval(vm, due_interval(vm));
}

struct vm *vm_new(size_t limit_bytes) {
	struct vm *vm = memory_new(1, sizeof *vm);
	vm->limit_bytes = limit_bytes;
	vm->clock = &clock_system;
	vm->lua = lua_newstate(vm_allocate, vm);
	if (!vm->lua) {
		free(vm);
		return NULL;
	}
	*(struct vm **)lua_getextraspace(vm->lua) = vm;
	random_init_from_system(&vm->own_random);
	vm->random = &vm->own_random;
	vm_count_exactly(vm, false);
	return vm;
}

void vm_close(struct vm *vm) {
	if (!vm)
		return;
	lua_close(vm->lua);
	hash_parts_free(&vm->hash_parts);
	free(vm);
}

void vm_begin(struct vm *vm, uint64_t instructions) {
	if (vm->interval != due_interval(vm))
		set_interval(vm, due_interval(vm));
	vm->is_ending = vm->over_budget = vm->over_memory = vm->bad_result = vm->unlimited = false;
	vm->has_foreign_input = false;
	vm->has_collected = false;
	vm->shortage_bytes = 0;
	vm->budget = instructions;
	vm->start_bytes = vm->peak_bytes = vm->used_bytes;
	vm->remaining = (int64_t)instructions;
	vm->start_ns = vm->cpu_start_ns = 0;
	vm->limit_ns = instructions * (vm->is_exact ? NS_PER_EXACT_INSTRUCTION : NS_PER_INSTRUCTION);
	if (vm->limit_ns < LIMIT_NS_MIN)
		vm->limit_ns = LIMIT_NS_MIN;
}

void vm_charge(lua_State *lua, uint64_t amount) {
	struct vm *vm = vm_of(lua);
	if (vm->remaining <= 0 || amount >= (uint64_t)vm->remaining)
		raise_overrun(lua, 1);
	vm->remaining -= (int64_t)amount;
}

void vm_charge_bytes(lua_State *lua, size_t bytes) {
	uint64_t amount = bytes / BODY_BYTES_PER_CHARGE;
	vm_note_foreign_input(lua);
	vm_charge(lua, amount);
	vm_of(lua)->limit_ns += amount * NS_PER_BODY_CHARGE;
}

void vm_note_foreign_input(lua_State *lua) {
	vm_of(lua)->has_foreign_input = true;
}

// Whether that much memory fits the limit. Collects all garbage first where it doesn't, once in a call.
static bool fits_after_collection(lua_State *lua, size_t bytes, size_t limit_bytes) {
	struct vm *vm = vm_of(lua);
	if (!growth_fits(vm, bytes, limit_bytes) && !vm->has_collected) {
		vm->has_collected = true;
		lua_gc(lua, LUA_GCCOLLECT);
	}
	return growth_fits(vm, bytes, limit_bytes);
}

bool vm_can_afford(lua_State *lua, uint64_t instructions, size_t bytes) {
	struct vm *vm = vm_of(lua);
	size_t limit_bytes = vm->limit_bytes - vm->limit_bytes / RESERVE_SHARE * 2;
	int64_t spare = vm->remaining - (int64_t)(vm->budget / OWN_SHARE);
	if (spare <= 0 || instructions >= (uint64_t)spare)
		return false;
	return fits_after_collection(lua, bytes, limit_bytes);
}

int vm_bad_result(lua_State *lua, const char *format, ...) {
	char message[MESSAGE_BYTES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	vm_of(lua)->bad_result = true;
	lua_pushstring(lua, message);
	return lua_error(lua);
}

void vm_enter_unlimited(lua_State *lua, size_t bytes) {
	struct vm *vm = vm_of(lua);
	if (!fits_after_collection(lua, bytes, vm->limit_bytes)) {
		end_over_memory(vm);
		raise_overrun(lua, 1);
	}
	vm->unlimited = true;
}

void vm_leave_unlimited(lua_State *lua) {
	vm_of(lua)->unlimited = false;
}

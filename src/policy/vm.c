// SPDX-License-Identifier: Apache-2.0
// The budgets of one Lua state. Invariant: once a call has run out of instructions, each further instruction raises
// again, so no pcall in a policy can outlive its budget.
#include "policy/vm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <lauxlib.h>

#include "base/memory.h"

enum {
	COUNT_INTERVAL = 1000,
	// Copying this much costs about as much as an instruction.
	BYTES_PER_INSTRUCTION = 64,
	// An instruction takes 10 to 20 ns; a call that takes this much a piece is stuck in something that isn't counted.
	CPU_NS_PER_INSTRUCTION = 1000,
	MESSAGE_BYTES = 256,
};

static uint64_t thread_cpu_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool is_stuck(struct vm *vm) {
	uint64_t now_ns = thread_cpu_ns();
	if (vm->cpu_start_ns == 0)
		vm->cpu_start_ns = now_ns;
	return now_ns - vm->cpu_start_ns > vm->budget * CPU_NS_PER_INSTRUCTION;
}

static void on_count(lua_State *lua, lua_Debug *debug);

static void become_impatient(struct vm *vm) {
	vm->impatient = true;
	lua_sethook(vm->lua, on_count, LUA_MASKCOUNT, 1);
}

static void overrun(lua_State *lua, int level) {
	struct vm *vm = vm_of(lua);
	vm->over_budget = true;
	vm->remaining = 0;
	if (!vm->impatient)
		become_impatient(vm);
	luaL_where(lua, level);
	lua_pushliteral(lua, "the instruction budget is used up");
	lua_concat(lua, 2);
	lua_error(lua);
}

static void on_count(lua_State *lua, lua_Debug *debug) {
	(void)debug;
	struct vm *vm = vm_of(lua);
	if (!vm->impatient)
		vm->remaining -= vm->interval;
	vm->unclocked += vm->interval;
	if (vm->remaining > 0 && vm->unclocked < COUNT_INTERVAL)
		return;
	vm->unclocked = 0;
	if (vm->remaining <= 0 || is_stuck(vm))
		overrun(lua, 0);
}

static void *allocate(void *owner, void *ptr, size_t old, size_t size) {
	struct vm *vm = owner;
	if (!ptr)
		old = 0;
	if (size == 0) {
		free(ptr);
		vm->used_bytes -= old;
		return NULL;
	}
	size_t room = vm->limit_bytes > vm->used_bytes ? vm->limit_bytes - vm->used_bytes : 0;
	if (size > old && size - old > room && !vm->unlimited)
		return NULL;
	void *moved = realloc(ptr, size);
	if (!moved)
		return size <= old ? ptr : NULL;
	vm->used_bytes = vm->used_bytes - old + size;
	if (vm->used_bytes > vm->peak_bytes)
		vm->peak_bytes = vm->used_bytes;
	if (size > old && size >= BYTES_PER_INSTRUCTION && !vm->unlimited) {
		vm->remaining -= (int64_t)(size / BYTES_PER_INSTRUCTION);
		if (vm->remaining <= 0 && !vm->impatient && vm->lua)
			become_impatient(vm);
	}
	return moved;
}

void vm_count_exactly(struct vm *vm, bool exactly) {
	vm->interval = exactly ? 1 : COUNT_INTERVAL;
	lua_sethook(vm->lua, on_count, LUA_MASKCOUNT, vm->interval);
}

struct vm *vm_new(size_t limit_bytes) {
	struct vm *vm = memory_new(1, sizeof *vm);
	vm->limit_bytes = limit_bytes;
	vm->lua = lua_newstate(allocate, vm);
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
	free(vm);
}

void vm_begin(struct vm *vm, uint64_t instructions) {
	if (vm->impatient)
		lua_sethook(vm->lua, on_count, LUA_MASKCOUNT, vm->interval);
	vm->impatient = vm->over_budget = vm->over_memory = vm->bad_result = vm->unlimited = false;
	vm->budget = instructions;
	vm->peak_bytes = vm->used_bytes;
	vm->remaining = (int64_t)instructions;
	vm->cpu_start_ns = 0;
}

void vm_charge(lua_State *lua, uint64_t amount) {
	struct vm *vm = vm_of(lua);
	if (vm->remaining <= 0 || amount >= (uint64_t)vm->remaining)
		overrun(lua, 1);
	vm->remaining -= (int64_t)amount;
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

void vm_enter_unlimited(lua_State *lua) {
	vm_of(lua)->unlimited = true;
}

void vm_leave_unlimited(lua_State *lua) {
	struct vm *vm = vm_of(lua);
	vm->unlimited = false;
	if (vm->used_bytes <= vm->limit_bytes)
		return;
	lua_gc(lua, LUA_GCCOLLECT);
	if (vm->used_bytes <= vm->limit_bytes)
		return;
	vm->over_memory = true;
	luaL_error(lua, "not enough memory");
}

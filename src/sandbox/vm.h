// SPDX-License-Identifier: Apache-2.0
// One Lua state with its budgets: memory by the allocator, instructions by a count hook that stays armed for life, and
// a limit on processor time as a backstop for operators that no count sees (comparing long strings, say). What a script
// can reach is the sandbox's business, who may enter is call.h's.
#ifndef SANDBOX_VM_H
#define SANDBOX_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "base/clock.h"
#include "base/random.h"

struct call_report;

struct vm {
	lua_State *lua;
	bool is_secret; // what it frees is wiped: a file of settings may hold credentials
	size_t used_bytes;
	size_t start_bytes; // used when the call began
	size_t peak_bytes;  // of the call
	size_t limit_bytes;
	bool unlimited;     // while a bounded piece of C must not meet an error of memory
	int64_t remaining;  // instructions left to the call
	uint64_t budget;    // what it began with
	int interval;       // instructions from count to count
	bool is_exact;      // each instruction is a count
	size_t large_bytes; // of the blocks that make single instructions slow
	uint64_t start_ns;  // of the call, by the clock and by this thread's time; 0 until its first count
	uint64_t cpu_start_ns;
	uint64_t limit_ns;     // what the call may take; grows with what is charged by vm_charge_bytes
	bool has_collected;    // a shortage of memory made Lua collect all garbage in this call
	size_t shortage_bytes; // used when Lua was told to; 0 once it is known what that has brought
	bool impatient;        // the hook fires at each instruction: the call is to die
	bool over_budget;
	bool over_memory;
	bool bad_result;
	uint64_t now_ms;              // monotonic, of the call
	const struct clock *clock;    // that a script reads; the system's unless set, and borrowed
	void *host;                   // what the room above keeps with the VM, borrowed; NULL for nothing
	bool is_loading;              // an error may name a file that no running function is from
	struct call_report *report;   // of the call that runs, or NULL
	struct random_source *random; // that of the decision being made, else `own_random`
	struct random_source own_random;
};

// A state without any library. NULL when there is no memory for it within the limit. Closed by vm_close.
struct vm *vm_new(size_t limit_bytes);
void vm_close(struct vm *vm);

// The vm around a state.
static inline struct vm *vm_of(lua_State *lua) {
	return *(struct vm **)lua_getextraspace(lua);
}

// Starts a call's budget.
void vm_begin(struct vm *vm, uint64_t instructions);

// Counts each instruction by itself, or many at a time again: a measurement wants the former, traffic the latter. Not
// within a call.
void vm_count_exactly(struct vm *vm, bool exactly);

// Takes `amount` from the budget; raises when it isn't there. For C functions whose work grows with their input:
// called before the work.
void vm_charge(lua_State *lua, uint64_t amount);

// The same for one pass over that many bytes of a body: the call also gets the time that a slow machine takes for it,
// since it must not be taken for stuck where a client sent much.
void vm_charge_bytes(lua_State *lua, size_t bytes);

// Whether the call has that much left, and some for itself. For work whose size a client chooses: asked before it, and
// refused with an error of its own, since an overrun would count against the hook.
bool vm_can_afford(lua_State *lua, uint64_t instructions, size_t bytes);

// Raises an error that says that the caller's result is nonsense.
int vm_bad_result(lua_State *lua, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Raises when the call has taken far more time than its budget stands for. For C that no count interrupts.
void vm_check_time(lua_State *lua);

// Runs what must not meet an error of memory; the caller has bounded it by `bytes` and charged it. Entering raises when
// there is no room for them.
void vm_enter_unlimited(lua_State *lua, size_t bytes);
void vm_leave_unlimited(lua_State *lua);

#endif

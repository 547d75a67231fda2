// SPDX-License-Identifier: Apache-2.0
// One Lua state and its budgets: memory through the allocator, instructions through a count hook that is always armed,
// and processor time as a backstop for single instructions that take long (comparing long strings, say). sandbox.h
// defines what a script can reach, call.h how C enters the state.
#ifndef SANDBOX_VM_H
#define SANDBOX_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "base/clock.h"
#include "base/random.h"
#include "sandbox/hash_parts.h"

struct call_report;

struct vm {
	lua_State *lua;
	bool is_secret; // wipes memory before freeing it: a settings file may hold credentials
	size_t used_bytes;
	size_t start_bytes; // used when the call began
	size_t peak_bytes;  // of the call
	size_t limit_bytes;
	bool unlimited;     // the memory limit is off: the running C code must not fail for lack of memory
	int64_t remaining;  // instructions left to the call
	uint64_t budget;    // instructions that the call began with
	int interval;       // instructions between two firings of the count hook
	bool is_exact;      // the count hook fires at each instruction
	size_t large_bytes; // in blocks so large that a single instruction on one may be slow
	struct hash_parts hash_parts;
	uint64_t start_ns;     // monotonic time of the call's first count; 0 until then
	uint64_t cpu_start_ns; // the thread's processor time at that moment, about; 0 until it is read
	uint64_t limit_ns;     // processor time that the call may use; vm_charge_bytes raises it
	bool has_collected;    // a memory shortage has forced a full garbage collection in this call
	size_t shortage_bytes; // used when that collection began; 0 once its gain has been checked
	bool is_ending;        // the budget is used up: the hook fires at each instruction and raises
	bool over_budget;
	bool over_memory;
	bool bad_result;
	bool has_foreign_input;       // the call has read what a client or an upstream chose
	uint64_t now_ms;              // monotonic, of the call
	const struct clock *clock;    // that scripts read, borrowed; the system's unless set
	void *host;                   // kept for the room above, borrowed; NULL for none
	bool is_loading;              // an error may name a file of which no function is running
	struct call_report *report;   // of the running call, or NULL
	struct random_source *random; // of the running call, borrowed; `own_random` unless set
	struct random_source own_random;
};

// Creates a state without any library; free it with vm_close. NULL when it does not fit the limit.
struct vm *vm_new(size_t limit_bytes);
void vm_close(struct vm *vm);

// The VM of a state.
static inline struct vm *vm_of(lua_State *lua) {
	return *(struct vm **)lua_getextraspace(lua);
}

// Starts the budget of a call.
void vm_begin(struct vm *vm, uint64_t instructions);

// Makes the VM count single instructions (exact, slow: for measurements) or hundreds at a time (for traffic). Don't
// call it within a call.
void vm_count_exactly(struct vm *vm, bool exactly);

// Takes `amount` instructions from the budget; raises when fewer are left. A C function whose work grows with its input
// calls this before the work.
void vm_charge(lua_State *lua, uint64_t amount);

// Charges one pass over `bytes` of a request or response body, and notes that the call has foreign input. Also extends
// the time limit by what a slow machine needs for the pass, so that a large body does not make the call look stuck.
void vm_charge_bytes(lua_State *lua, size_t bytes);

// Notes that the call has read what a client or an upstream chose: from here on its work may be theirs.
void vm_note_foreign_input(lua_State *lua);

// Whether the call can spend that much and keep a reserve for itself. If not, refuse work whose size a client chooses
// with an ordinary error, which a script may catch.
bool vm_can_afford(lua_State *lua, uint64_t instructions, size_t bytes);

// Raises an error that ends the call with ENDING_BAD_RESULT.
int vm_bad_result(lua_State *lua, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Raises when the call has used far more processor time than its budget stands for. For C code that the count hook
// can't interrupt.
void vm_check_time(lua_State *lua);

// Takes processor time from the call before it is spent, by C code that nothing can interrupt; raises when that exceeds
// what is left.
void vm_charge_time(lua_State *lua, uint64_t ns);

// Turn the memory limit off and on again around C code that must not fail for lack of memory. The caller has bounded
// that code's memory by `bytes` and charged its work. Entering raises when `bytes` don't fit.
void vm_enter_unlimited(lua_State *lua, size_t bytes);
void vm_leave_unlimited(lua_State *lua);

#endif

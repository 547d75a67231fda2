// SPDX-License-Identifier: Apache-2.0
// The only way into a VM: a protected call of a C function under a budget; that function may call Lua. Every call ends
// in one of five ways, with an empty stack and the VM ready for the next call.
#ifndef SANDBOX_CALL_H
#define SANDBOX_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "sandbox/vm.h"

enum call_ending { ENDING_OK, ENDING_ERROR, ENDING_OVER_BUDGET, ENDING_OVER_MEMORY, ENDING_BAD_RESULT };

// How a call ended. File, line and message describe the error, cut to fit; they are empty after ENDING_OK.
struct call_report {
	enum call_ending ending;
	uint64_t instructions;  // used, charges included; by hundreds unless the VM counts exactly
	size_t peak_bytes;      // the most memory that the VM held
	bool has_foreign_input; // the call has read what a client or an upstream chose, so its work may be theirs
	char file[256];         // of the Lua line that raised; empty when no Lua code was running
	int line;
	char message[512];
};

// Calls body(lua) with `argument` as a light userdata at index 1. Always fills `report`.
enum call_ending call_protected(struct vm *vm, lua_CFunction body, void *argument, uint64_t instructions,
                                struct call_report *report);

// Splits a message "FILE:LINE: TEXT": returns the text, or NULL when the message names no place.
const char *call_split_place(const char *message, size_t *file_bytes, int *line);

// "error", "over budget" and so on; never NULL.
const char *call_ending_name(enum call_ending ending);

#endif

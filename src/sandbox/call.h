// SPDX-License-Identifier: Apache-2.0
// The one way into a VM: a protected, budgeted call of a C body, which may then call Lua. Whatever happens inside ends
// as one of five endings, with an empty stack and the VM fit for the next call.
#ifndef SANDBOX_CALL_H
#define SANDBOX_CALL_H

#include <stdint.h>

#include <lua.h>

#include "sandbox/vm.h"

enum call_ending { ENDING_OK, ENDING_ERROR, ENDING_OVER_BUDGET, ENDING_OVER_MEMORY, ENDING_BAD_RESULT };

// What a call came to. File, line and message say why one did not end well, cut to fit; else they are empty.
struct call_report {
	enum call_ending ending;
	uint64_t instructions; // used, charges included; counted by the thousand unless the VM counts exactly
	size_t peak_bytes;     // the most that the VM held
	char file[256];        // of the Lua line where it happened; empty where none was running
	int line;
	char message[512];
};

// Calls body(lua) with `argument` as a light userdata at index 1. `report` is filled whatever the ending.
enum call_ending call_protected(struct vm *vm, lua_CFunction body, void *argument, uint64_t instructions,
                                struct call_report *report);

// Takes a message "FILE:LINE: TEXT" apart: the text, or NULL for one without a place.
const char *call_split_place(const char *message, size_t *file_bytes, int *line);

// "error", "over budget" and so on; never NULL.
const char *call_ending_name(enum call_ending ending);

#endif

// SPDX-License-Identifier: Apache-2.0
// Runs a Lua file in a new sandboxed VM and reports its errors as problems.
#ifndef SANDBOX_SCRIPT_H
#define SANDBOX_SCRIPT_H

#include <stdint.h>

#include "base/error.h"
#include "base/problem.h"
#include "sandbox/sandbox.h"
#include "sandbox/sources.h"
#include "sandbox/vm.h"

// The budget of a load, about a tenth of a second: far more than such a file needs.
#define SCRIPT_INSTRUCTIONS 10000000u

struct script {
	const char *path;        // for messages
	struct source_text text; // of the main file
	struct sources *sources;
	struct sandbox_additions additions;
	void *host;                // the VM's, kept for the room above; NULL for none
	const struct clock *clock; // that the VM's scripts read, outlives the VM; NULL for the system's
	uint64_t now_ms;           // monotonic, while the script runs
	bool is_secret;            // the VM wipes the memory that it frees, and problems don't quote the file
};

// Reads the file at `path` (NULL: the embedded file of the name `embedded`) into `script`. 0, or a status with a
// problem added.
int script_read(struct script *script, const char *path, const char *embedded, struct sources *sources,
                struct problems *problems);

// Creates a VM of `memory_bytes`, opens the sandbox and runs the script in it. 0 and *vm, or a status with a problem
// added. The problem quotes nothing of a file that is secret or looks as if it held secrets: neither Lua's "near ..."
// nor the text of an error that the file raised.
int script_run(const struct script *script, size_t memory_bytes, struct problems *problems, struct vm **vm);

// Compiles the text and pushes the function. Raises on a syntax error, naming the whole `path`. Refuses bytecode, which
// could break out of the sandbox.
void script_load(lua_State *lua, const char *path, struct slice text);

// Pushes what the script returned. script_drop_result makes it garbage.
void script_push_result(lua_State *lua);
void script_drop_result(lua_State *lua);

#endif

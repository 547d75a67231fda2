// SPDX-License-Identifier: Apache-2.0
// Running a Lua file in a sandboxed VM, and telling a person what was wrong with it.
#ifndef SANDBOX_SCRIPT_H
#define SANDBOX_SCRIPT_H

#include <stdint.h>

#include "base/error.h"
#include "base/problem.h"
#include "sandbox/sandbox.h"
#include "sandbox/sources.h"
#include "sandbox/vm.h"

// What loading may take: a file of settings or a policy does little; this is a tenth of a second.
#define SCRIPT_INSTRUCTIONS 10000000u

struct script {
	const char *path;        // for messages
	struct source_text text; // of the main file
	struct sources *sources;
	struct sandbox_additions additions;
	void *host;                // what the room above keeps with the VM; NULL for nothing
	const struct clock *clock; // that it reads for as long as the VM lives; NULL for the system's
	uint64_t now_ms;           // while it runs
	bool is_secret;            // nothing that the VM frees stays in memory
};

// Reads the file (NULL: what is built in as `embedded`) into `script`. 0, or a status with a problem added.
int script_read(struct script *script, const char *path, const char *embedded, struct sources *sources,
                struct problems *problems);

// Makes a VM of `memory_bytes`, opens the sandbox and runs the script in it. 0 and *vm, or a status with a problem
// added.
int script_run(const struct script *script, size_t memory_bytes, struct problems *problems, struct vm **vm);

// Pushes the function of a text's chunk; raises with the whole of `path` when it has none. What is read is text, and
// never bytecode, which could do anything.
void script_load(lua_State *lua, const char *path, struct slice text);

// Pushes what the script returned, and script_drop_result lets go of it.
void script_push_result(lua_State *lua);
void script_drop_result(lua_State *lua);

#endif

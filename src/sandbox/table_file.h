// SPDX-License-Identifier: Apache-2.0
// Lua table files (settings, scenarios), and Lua values to plain trees.
#ifndef SANDBOX_TABLE_FILE_H
#define SANDBOX_TABLE_FILE_H

#include "base/document.h"
#include "base/error.h"
#include "base/problem.h"
#include "sandbox/vm.h"

// Runs any Lua table file (settings, a scenario) in a sandbox and turns what it returns into a plain tree.
// Functions become DOCUMENT_FUNCTION; numbers that are no finite ones, mixed keys, tables nested deeper than 16 or a
// cycle are problems. 0, or a status with problems added.
int table_file_read(const char *path, struct problems *problems, struct document *document);

// Turns what the VM's script returned into a tree. Under a key named `opaque` (NULL is none) at the third level, as
// models[1].tags, anything may be: it stays an empty table. 0, or a status with problems added.
int document_from_script(struct vm *vm, const char *file, const char *opaque, struct problems *problems,
                         struct document *document);

// Turns the table at the top of any Lua state into a tree, and leaves it there; `file` is its name for messages. Raises
// no Lua error. 0, or a status with problems added.
int document_from_table(lua_State *lua, const char *file, struct problems *problems, struct document *document);

// Whether two trees are the same; functions are equal to functions.
bool document_equal(const struct document *a, const struct document *b);

#endif

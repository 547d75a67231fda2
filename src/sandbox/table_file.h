// SPDX-License-Identifier: Apache-2.0
// Reads Lua table files (settings, scenarios) and turns Lua values into plain trees.
#ifndef SANDBOX_TABLE_FILE_H
#define SANDBOX_TABLE_FILE_H

#include "base/document.h"
#include "base/error.h"
#include "base/problem.h"
#include "sandbox/vm.h"

// Runs a Lua table file in a new sandbox and turns the table that it returns into a tree with line numbers. Functions
// become DOCUMENT_FUNCTION. Numbers that are not finite, tables with both names and positions, tables nested deeper
// than 16 and cycles are problems. Of a secret file, memory is wiped and problems quote nothing. 0, or a status with
// problems added.
int table_file_read(const char *path, bool is_secret, struct problems *problems, struct document *document);

// Turns what the VM's script returned into a tree. A table under the key `opaque` (NULL for none) at the third level,
// as in list[1].KEY, may hold anything: in the tree it is an empty table. 0, or a status with problems added.
int document_from_script(struct vm *vm, const char *file, const char *opaque, struct problems *problems,
                         struct document *document);

// Turns the table at the top of any Lua state into a tree and leaves the table there; `file` is its name in problems.
// Raises no Lua error. 0, or a status with problems added.
int document_from_table(lua_State *lua, const char *file, struct problems *problems, struct document *document);

// Whether two trees are equal; any function equals any other.
bool document_equal(const struct document *a, const struct document *b);

#endif

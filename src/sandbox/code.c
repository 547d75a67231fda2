// SPDX-License-Identifier: Apache-2.0
// Of several threads that compile the same text at once the first one's result is kept.
#include "sandbox/code.h"

#include <stdlib.h>

#include <lauxlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "sandbox/vm.h"

enum { CODE_BYTES_MAX = 2 << 20, PIECE_BYTES = 4096 };

struct reader {
	struct slice rest;
};

// The compiler counts no instructions, and some texts take it long.
static const char *read_piece(lua_State *lua, void *owner, size_t *bytes) {
	struct reader *reader = owner;
	vm_check_time(lua);
	const char *piece = reader->rest.ptr;
	*bytes = reader->rest.len < PIECE_BYTES ? reader->rest.len : PIECE_BYTES;
	reader->rest = slice_from_offset(reader->rest, *bytes);
	return piece;
}

static int write_code(lua_State *lua, const void *bytes, size_t count, void *owner) {
	(void)lua;
	return buffer_append(owner, slice_of(bytes, count));
}

static void discard(struct buffer *made) {
	if (made)
		buffer_free_secret(made);
	free(made);
}

// The function is at the top.
static void keep(lua_State *lua, struct code *code) {
	struct buffer *made = memory_new(1, sizeof *made);
	struct buffer *before = NULL;
	buffer_init(made, CODE_BYTES_MAX);
	if (lua_dump(lua, write_code, made, 0) || !atomic_compare_exchange_strong(&code->made, &before, made))
		discard(made);
}

int code_load(lua_State *lua, struct code *code, struct slice text, const char *name) {
	const struct buffer *made = code ? atomic_load(&code->made) : NULL;
	if (made)
		return luaL_loadbufferx(lua, made->ptr, made->len, name, "b");
	struct reader reader = {text};
	int status = lua_load(lua, read_piece, &reader, name, "t");
	if (status == LUA_OK && code)
		keep(lua, code);
	return status;
}

void code_free(struct code *code) {
	discard(atomic_load(&code->made));
}

// SPDX-License-Identifier: Apache-2.0
// The tokens of a Lua text and the lines that they stand on. It is for texts that Lua has compiled: of any other it
// gives some tokens, and comes to an end.
#ifndef SANDBOX_LUA_LEXER_H
#define SANDBOX_LUA_LEXER_H

#include <stdbool.h>

#include "base/slice.h"

enum lua_token {
	LUA_TOKEN_END,
	LUA_TOKEN_NAME,   // keywords too
	LUA_TOKEN_STRING, // a short one without escapes; `text` is what is between its quotes
	LUA_TOKEN_OTHER,  // any other literal
	LUA_TOKEN_SYMBOL, // one byte, or one of == ~= <= >=
};

struct lua_lexer {
	// The present token.
	enum lua_token kind;
	struct slice text;
	int line; // from 1
	// What follows it.
	struct slice rest;
	int rest_line;
};

// Goes to the first token; `text` is borrowed.
void lua_lexer_init(struct lua_lexer *lexer, struct slice text);

// Goes to the next token. A copy of the lexer looks ahead.
void lua_lexer_next(struct lua_lexer *lexer);

bool lua_lexer_is_symbol(const struct lua_lexer *lexer, char symbol);
bool lua_lexer_is_word(const struct lua_lexer *lexer, const char *word);

#endif

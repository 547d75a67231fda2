// SPDX-License-Identifier: Apache-2.0
// Splits a Lua text into tokens with their lines. The text has been compiled by Lua; for any other text the tokens mean
// nothing, but the lexer still reaches the end.
#ifndef SANDBOX_LUA_LEXER_H
#define SANDBOX_LUA_LEXER_H

#include <stdbool.h>

#include "base/slice.h"

enum lua_token {
	LUA_TOKEN_END,
	LUA_TOKEN_NAME,   // keywords too
	LUA_TOKEN_STRING, // a short string without escapes; `text` is without the quotes
	LUA_TOKEN_OTHER,  // any other literal
	LUA_TOKEN_SYMBOL, // one byte, or one of == ~= <= >=
};

struct lua_lexer {
	// The current token.
	enum lua_token kind;
	struct slice text;
	int line; // from 1
	// What follows.
	struct slice rest;
	int rest_line;
};

// Goes to the first token; `text` is borrowed.
void lua_lexer_init(struct lua_lexer *lexer, struct slice text);

// Goes to the next token. To look ahead, use a copy of the lexer.
void lua_lexer_next(struct lua_lexer *lexer);

bool lua_lexer_is_symbol(const struct lua_lexer *lexer, char symbol);
bool lua_lexer_is_word(const struct lua_lexer *lexer, const char *word);

#endif
